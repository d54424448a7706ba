-- ?1 id, ?2 title, ?3 content
INSERT INTO document_texts (rowid, title, content) VALUES (?1, ?2, ?3)
