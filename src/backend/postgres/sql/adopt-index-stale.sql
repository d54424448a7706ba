CREATE INDEX CONCURRENTLY :index_stale ON :table (url)
  WHERE (hashed_at IS DISTINCT FROM updated_at)::integer = 1
