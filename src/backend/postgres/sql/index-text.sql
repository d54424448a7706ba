CREATE INDEX CONCURRENTLY :index_words ON :table USING gin (words)
