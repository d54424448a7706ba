-- Windrow's own table of choices: how URLs become keys, full text or not, the
-- embedder, its model and dimension.
CREATE TABLE windrow_meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE windrow_migrations (
  version INTEGER PRIMARY KEY,
  applied_at INTEGER NOT NULL
);

-- Times are microseconds since 1970.  What a look-up needs comes first and the
-- long texts last, so that it reads one page of a row and no overflow pages.
-- The digests count only while hashed_at equals updated_at.
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
  pending INTEGER NOT NULL DEFAULT 0,      -- waits for its embedding
  embedded INTEGER NOT NULL DEFAULT 0,     -- has a row in document_vectors
  content_bytes INTEGER NOT NULL DEFAULT 0,
  title TEXT,
  metadata TEXT,
  content TEXT
);

CREATE INDEX scraped_documents_pending
  ON scraped_documents (url) WHERE pending = 1;

-- Finds a vector that is stored for equal content.
CREATE INDEX scraped_documents_content
  ON scraped_documents (substr(content_hash, 1, 8)) WHERE embedded = 1;

-- Apart from the documents, so that a scan reads nothing else.  float32, little
-- endian.
CREATE TABLE document_vectors (
  id INTEGER PRIMARY KEY REFERENCES scraped_documents (id) ON DELETE CASCADE,
  embedding BLOB NOT NULL
);

CREATE TRIGGER scraped_documents_delete AFTER DELETE ON scraped_documents
BEGIN
  DELETE FROM document_vectors WHERE id = old.id;
END;
