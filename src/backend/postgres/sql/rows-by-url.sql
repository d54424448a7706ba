-- What decides about writes: digests, never what they are of.  $1 urls
SELECT d.url, :d_content_hash, :d_meta_hash, :d_fetched_at, :d_pending,
       d.embedding IS NOT NULL
FROM :table AS d
WHERE d.url = ANY($1::text[])
