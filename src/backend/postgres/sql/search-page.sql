-- Vectors after key $6, at most $7: for a client that compares them itself.
SELECT d.url, d.embedding
FROM :table AS d
WHERE d.url > $6 AND :d_vector IS NOT NULL AND :filter
ORDER BY d.url
LIMIT $7
