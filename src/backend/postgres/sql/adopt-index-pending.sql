CREATE INDEX CONCURRENTLY :index_pending ON :table (url) WHERE pending
