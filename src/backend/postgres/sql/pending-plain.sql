-- $1 the last key before, $2 how many, $3 how many bytes end the page
SELECT s.url, s.content
FROM (
  SELECT p.*, coalesce(sum(octet_length(p.content)) OVER (
           ORDER BY p.url ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ), 0)::bigint AS before
  FROM (
    SELECT d.url, d.content FROM :table AS d
    WHERE :d_pending AND d.url > $1
    ORDER BY d.url LIMIT $2) AS p) AS s
WHERE s.before < $3
ORDER BY s.url
