-- The same into the original's table as it is found: see upsert-plain.sql.
INSERT INTO :table AS d
  (url, title, content, embedding, created_at, updated_at)
SELECT r.url, r.title, r.content, :row_vector, coalesce(r.created_at, $13),
       r.fetched_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[],
            $6::bytea[], CAST($7 AS :time[]), CAST($8 AS :time[]),
            CAST($9 AS :time[]), $10::boolean[], :row_vectors)
     AS r (url, title, content, metadata, content_hash, meta_hash, fetched_at,
           created_at, updated_at, pending, vector)
ON CONFLICT (url) DO NOTHING
RETURNING d.url, true, true
