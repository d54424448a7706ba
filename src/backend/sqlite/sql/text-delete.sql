-- ?1 id, ?2 and ?3 title and content as they were put in
INSERT INTO document_texts (document_texts, rowid, title, content)
VALUES ('delete', ?1, ?2, ?3)
