-- ?1 id, ?2 embedding
INSERT OR REPLACE INTO document_vectors (id, embedding) VALUES (?1, ?2)
