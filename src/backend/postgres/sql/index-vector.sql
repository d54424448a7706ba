-- "WITH (m = ...)" comes behind it.
CREATE INDEX CONCURRENTLY :index_hnsw ON :table
USING hnsw ((:index_vector) :vector_ops)
