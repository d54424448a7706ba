-- $1 urls, $2 is content wanted?  $3 is the vector wanted?
SELECT d.url, d.title, :d_metadata, :d_fetched_at, d.created_at, d.updated_at,
       :d_pending, CASE WHEN $2 THEN d.content END,
       CASE WHEN $3 THEN d.embedding END
FROM :table AS d
WHERE d.url = ANY($1::text[])
