-- A store as version 1 of the schema made it.  Frozen: never edit.
PRAGMA page_size = 16384;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE windrow_meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE windrow_migrations (
  version INTEGER PRIMARY KEY,
  applied_at INTEGER NOT NULL
);
CREATE TABLE scraped_documents (
  id INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  content_hash BLOB,
  meta_hash BLOB,
  fetched_at INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
    DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
  updated_at INTEGER NOT NULL
    DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
  hashed_at INTEGER,
  pending INTEGER NOT NULL DEFAULT 0,
  embedded INTEGER NOT NULL DEFAULT 0,
  content_bytes INTEGER NOT NULL DEFAULT 0,
  title TEXT,
  metadata TEXT,
  content TEXT
);
CREATE INDEX scraped_documents_pending
  ON scraped_documents (url) WHERE pending = 1;
CREATE INDEX scraped_documents_content
  ON scraped_documents (substr(content_hash, 1, 8)) WHERE embedded = 1;
CREATE TABLE document_vectors (
  id INTEGER PRIMARY KEY REFERENCES scraped_documents (id) ON DELETE CASCADE,
  embedding BLOB NOT NULL
);
CREATE TRIGGER scraped_documents_delete AFTER DELETE ON scraped_documents
BEGIN
  DELETE FROM document_vectors WHERE id = old.id;
END;
CREATE VIRTUAL TABLE document_texts USING fts5 (
  title,
  content,
  content = 'scraped_documents',
  content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);
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
INSERT INTO windrow_meta VALUES ('urls', 'conservative'), ('fulltext', 'on'),
  ('made_by', '0.1.0'), ('embedder', 'test'), ('model', ''), ('dim', '4');
INSERT INTO windrow_migrations VALUES (1, 1700000000000000);
INSERT INTO scraped_documents VALUES
  (1, 'https://example.org/one',
   x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
   x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
   1700000000000000, 1700000000000000, 1700000000000000, 1700000000000000,
   0, 1, 12, 'One', '{"a":1}', 'gazelles run'),
  (2, 'https://example.org/two', NULL, NULL, 1700000000000000,
   1700000000000000, 1700000000000000, NULL, 1, 0, 10, 'Two', NULL,
   'zebras run');
INSERT INTO document_vectors VALUES (1, x'0000803f000000000000000000000000');
INSERT INTO document_texts (document_texts) VALUES ('rebuild');
PRAGMA application_id = 1466200695;
PRAGMA user_version = 1;
COMMIT;
