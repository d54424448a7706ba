-- $1 urls, $2 fetched since
SELECT d.url, :d_fetched_at, d.embedding IS NOT NULL
FROM :table AS d
WHERE d.url = ANY($1::text[]) AND ($2 = '-infinity' OR :d_fetched_at >= $2)
