-- The length that the vectors of a table most likely have.
SELECT n
FROM (SELECT :d_dim AS n FROM :table d WHERE d.embedding IS NOT NULL LIMIT 100)
     few
WHERE n > 0
GROUP BY n
ORDER BY count(*) DESC, n
LIMIT 1
