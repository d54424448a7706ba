-- What is stored from $1 to $2, in order and from the index alone; $3 how many
SELECT d.url FROM :table AS d
WHERE d.url >= $1 AND d.url <= $2
ORDER BY d.url LIMIT $3
