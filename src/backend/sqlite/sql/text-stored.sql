-- Is it in the full text index?  ?1 id
SELECT 1 FROM document_texts_docsize WHERE id = ?1
