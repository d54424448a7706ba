-- The same into the original's table as it is found: see upsert.sql.  What was
-- fetched when is in updated_at.  A vector of another content would never be
-- found to be out of date, so that none is left.
INSERT INTO :table AS d
  (url, title, content, embedding, created_at, updated_at)
SELECT r.url, r.title, r.content, :row_vector, coalesce(r.created_at, $13),
       r.fetched_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[],
            $6::bytea[], CAST($7 AS :time[]), CAST($8 AS :time[]),
            CAST($9 AS :time[]), $10::boolean[], :row_vectors)
     AS r (url, title, content, metadata, content_hash, meta_hash, fetched_at,
           created_at, updated_at, pending, vector)
ON CONFLICT (url) DO UPDATE SET
  title = coalesce(excluded.title, d.title),
  content = CASE WHEN :same_content THEN d.content ELSE excluded.content END,
  embedding = CASE
    WHEN NOT :same_content THEN excluded.embedding
    WHEN excluded.embedding IS NOT NULL
      AND (d.embedding IS NULL OR ($18 & 1 <> 0 AND NOT :same_meta))
    THEN excluded.embedding ELSE d.embedding END,
  updated_at = CASE
    WHEN :same_content AND :same_meta AND NOT :is_due THEN d.updated_at
    ELSE excluded.updated_at END
WHERE (:d_fetched_at <= excluded.updated_at
       OR NOT $16 OR :d_fetched_at = $17)
  AND CASE
    WHEN :same_content AND :same_meta THEN
      ($15 = 1 OR ($15 = 2 AND :d_fetched_at = excluded.updated_at))
      AND (:is_due
           OR (excluded.embedding IS NOT NULL AND d.embedding IS NULL))
    ELSE $15 = 1 END
RETURNING d.url, d.xmax = 0, d.xmax <> 0 AND :was_changed
