-- A page in key order.  Of :filter $1 to $5, $6 the last key before, $7 how
-- many, $8 is content wanted?  $9 is the vector wanted?  $10 how many bytes,
-- at least, end the page.  What is large is not read to learn how long it is.
SELECT s.url, s.title, s.metadata, s.fetched_at, s.created_at, s.updated_at,
       s.pending, s.content, s.embedding, s.before + s.bytes
FROM (
  SELECT p.*, coalesce(sum(p.bytes) OVER (
           ORDER BY p.url ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ), 0)::bigint AS before
  FROM (
    SELECT d.url, d.title, :d_metadata AS metadata,
           :d_fetched_at AS fetched_at, d.created_at, d.updated_at,
           :d_pending AS pending,
           CASE WHEN $8 THEN d.content END AS content,
           CASE WHEN $9 THEN d.embedding END AS embedding,
           200 + octet_length(d.url) + coalesce(octet_length(d.title), 0)
             + coalesce(pg_column_size(:d_metadata), 0)
             + CASE WHEN $8 THEN coalesce(octet_length(d.content), 0)
                    ELSE 0 END
             + CASE WHEN $9 THEN coalesce(pg_column_size(d.embedding), 0)
                    ELSE 0 END AS bytes
    FROM :table AS d
    WHERE d.url > $6 AND :filter
    ORDER BY d.url LIMIT $7) AS p) AS s
WHERE s.before < $10
ORDER BY s.url
