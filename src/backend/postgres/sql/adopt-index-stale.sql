CREATE INDEX CONCURRENTLY :index_stale ON :table (url)
  WHERE coalesce(hashed_at <> updated_at, true)::integer = 1
