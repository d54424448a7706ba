-- Rows of one kind, as decide_write() has it.
-- Arrays, an element a row: $1 url, $2 title, $3 content, $4 metadata,
-- $5 content_hash, $6 meta_hash, $7 fetched_at, $8 created_at, $9 updated_at,
-- $10 pending, $11 vectors, or which of $12's where they are arrays.  $13 now,
-- $14 touch_after in microseconds.  Of all rows: $15 are they to update what
-- is stored? 2: only to add a vector where they were written before; $16 does
-- a newer page stay, $17 but for one of this time?  $18 bit 1: the vectors are
-- the records' own, 2: there is no text to embed.  $19 is for words, $20 the
-- dimension where vectors are arrays.
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
ON CONFLICT (url) DO UPDATE SET
  title = coalesce(excluded.title, d.title),
  metadata = coalesce(excluded.metadata, d.metadata),
  -- A value that stays as it is stored is not written again.
  content = CASE WHEN :same_content THEN d.content ELSE excluded.content END,
  embedding = CASE
    WHEN NOT :same_content THEN
      CASE WHEN excluded.embedding IS NOT NULL OR $18 & 2 <> 0
           THEN excluded.embedding ELSE d.embedding END
    WHEN excluded.embedding IS NOT NULL
      AND (d.pending OR d.embedding IS NULL
           OR ($18 & 1 <> 0 AND NOT :same_meta))
    THEN excluded.embedding ELSE d.embedding END,
  pending = CASE
    WHEN excluded.embedding IS NOT NULL THEN false
    WHEN :same_content THEN :d_pending
    WHEN $18 & 2 <> 0 THEN false
    -- A vector that stays belongs to the content before.
    ELSE excluded.pending OR :d_pending OR d.embedding IS NOT NULL END,
  content_hash = excluded.content_hash,
  -- A half that is left out stays.
  meta_hash =
    CASE WHEN excluded.title IS NULL THEN substr(:d_meta_hash, 1, 16)
         ELSE substr(excluded.meta_hash, 1, 16) END ||
    CASE WHEN excluded.metadata IS NULL THEN substr(:d_meta_hash, 17)
         ELSE substr(excluded.meta_hash, 17) END,
  fetched_at = CASE
    WHEN :same_content AND :same_meta AND NOT :is_due THEN d.fetched_at
    ELSE excluded.fetched_at END,
  updated_at = CASE WHEN :same_content AND :same_meta
                    THEN d.updated_at ELSE $13 END,
  hashed_at = CASE WHEN :same_content AND :same_meta
                   THEN d.hashed_at ELSE $13 END:words_set
WHERE (:d_fetched_at <= excluded.fetched_at
       OR NOT $16 OR :d_fetched_at = $17)
  AND CASE
    WHEN :same_content AND :same_meta THEN
      ($15 = 1 OR ($15 = 2 AND :d_fetched_at = excluded.fetched_at))
      AND (:is_due
           OR (excluded.embedding IS NOT NULL
               AND (d.pending OR d.embedding IS NULL)))
    ELSE $15 = 1 END
RETURNING d.url, d.xmax = 0, d.updated_at = $13
