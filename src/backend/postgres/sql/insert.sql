-- Rows that are inserted where their keys are not stored; a stored row is not even
-- locked.  Parameters as in upsert.sql.
INSERT INTO :table AS d
  (url, title, content, metadata, embedding, content_hash, meta_hash,
   fetched_at, created_at, updated_at, hashed_at, pending:words_column)
SELECT r.url, r.title, r.content, r.metadata, :row_vector, r.content_hash,
       r.meta_hash, r.fetched_at, coalesce(r.created_at, $13),
       coalesce(r.updated_at, $13), coalesce(r.updated_at, $13),
       r.pending:words_row
FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[],
            $6::bytea[], CAST($7 AS :time[]), CAST($8 AS :time[]),
            CAST($9 AS :time[]), $10::boolean[], :row_vectors)
     AS r (url, title, content, metadata, content_hash, meta_hash, fetched_at,
           created_at, updated_at, pending, vector)
ON CONFLICT (url) DO NOTHING
RETURNING d.url, true, true
