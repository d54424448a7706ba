-- The writer keeps it in step with the documents: there are no triggers.
CREATE VIRTUAL TABLE document_texts USING fts5 (
  title,
  content,
  content = 'scraped_documents',
  content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);
