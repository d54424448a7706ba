CREATE INDEX CONCURRENTLY :index_content
  ON :table (substr(content_hash, 1, 8)) WHERE embedding IS NOT NULL
