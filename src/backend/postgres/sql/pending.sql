-- A page of those that wait: those that are marked, and those that somebody
-- else wrote.  $1 the last key before, $2 how many, $3 how many bytes end it
SELECT s.url, s.content
FROM (
  SELECT p.*, coalesce(sum(octet_length(p.content)) OVER (
           ORDER BY p.url ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ), 0)::bigint AS before
  FROM (
    SELECT u.url, u.content
    FROM ((SELECT d.url, d.content FROM :table AS d
           WHERE d.pending AND d.url > $1
           ORDER BY d.url LIMIT $2)
          UNION ALL
          (SELECT d.url, d.content FROM :table AS d
           WHERE :d_stale AND NOT d.pending AND :d_pending AND d.url > $1
           ORDER BY d.url LIMIT $2)) AS u
    ORDER BY u.url LIMIT $2) AS p) AS s
WHERE s.before < $3
ORDER BY s.url
