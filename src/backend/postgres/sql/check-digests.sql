-- $2 rows after key $1: how many, how many with a digest that is not that of
-- their content, and the last key.
SELECT count(*),
       count(*) FILTER (WHERE p.counts AND p.content_hash <>
                        sha256(convert_to(coalesce(p.content, ''), 'UTF8'))),
       max(p.url)
FROM (SELECT d.url, d.content, :check_hash AS content_hash,
             :check_counts AS counts
      FROM :table AS d
      WHERE d.url > $1
      ORDER BY d.url LIMIT $2) AS p
