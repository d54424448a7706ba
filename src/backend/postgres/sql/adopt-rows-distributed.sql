-- As adopt-rows.sql, for Citus, which has no SKIP LOCKED.
UPDATE :table AS d SET
  hashed_at = d.updated_at,
  fetched_at = :d_fetched_at,
  content_hash = :d_content_hash,
  meta_hash = :d_meta_hash,
  pending = :d_pending:words_kept
WHERE d.url = ANY ($1::text[])
  AND coalesce(d.hashed_at <> d.updated_at, true)::integer = 1
