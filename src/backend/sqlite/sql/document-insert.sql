-- ?1 url, ?2 content_hash, ?3 meta_hash, ?4 fetched_at, ?5 created_at,
-- ?6 updated_at, ?7 pending, ?8 embedded, ?9 content_bytes, ?10 title,
-- ?11 metadata, ?12 content
INSERT INTO scraped_documents
  (url, content_hash, meta_hash, fetched_at, created_at, updated_at, hashed_at,
   pending, embedded, content_bytes, title, metadata, content)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (url) DO NOTHING
