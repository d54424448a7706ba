-- None of them rewrites the table, or reads it.
ALTER TABLE :table
  ADD COLUMN IF NOT EXISTS hashed_at :time,
  ADD COLUMN IF NOT EXISTS fetched_at :time,
  ADD COLUMN IF NOT EXISTS content_hash bytea,
  ADD COLUMN IF NOT EXISTS meta_hash bytea,
  ADD COLUMN IF NOT EXISTS metadata jsonb,
  ADD COLUMN IF NOT EXISTS pending boolean NOT NULL DEFAULT false
