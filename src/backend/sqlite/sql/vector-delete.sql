-- ?1 id
DELETE FROM document_vectors WHERE id = ?1
