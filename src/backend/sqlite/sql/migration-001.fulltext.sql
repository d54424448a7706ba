CREATE VIRTUAL TABLE document_texts USING fts5 (
  title,
  content,
  content = 'scraped_documents',
  content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);

-- Windrow keeps the index in step by itself when it inserts and updates: a
-- trigger for these would make each insert dearer.  What it writes has hashed_at
-- equal to updated_at; the second trigger is for programs that know nothing of
-- the index.  A row that is not in the index cannot be taken out of it.
CREATE TRIGGER document_texts_delete AFTER DELETE ON scraped_documents
WHEN EXISTS (SELECT 1 FROM document_texts_docsize WHERE id = old.id)
BEGIN
  INSERT INTO document_texts (document_texts, rowid, title, content)
  VALUES ('delete', old.id, old.title, old.content);
END;

CREATE TRIGGER document_texts_update
AFTER UPDATE OF title, content ON scraped_documents
WHEN new.hashed_at IS NOT new.updated_at
  AND EXISTS (SELECT 1 FROM document_texts_docsize WHERE id = old.id)
BEGIN
  INSERT INTO document_texts (document_texts, rowid, title, content)
  VALUES ('delete', old.id, old.title, old.content);
  INSERT INTO document_texts (rowid, title, content)
  VALUES (new.id, new.title, new.content);
END;
