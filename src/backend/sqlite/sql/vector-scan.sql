SELECT id, embedding FROM document_vectors
