-- ?1 id, ?2 content_hash, ?3 meta_hash, ?4 fetched_at, ?5 updated_at,
-- ?6 pending, ?7 embedded, ?8 content_bytes, ?9 title or NULL to keep it,
-- ?10 metadata or NULL to keep it, ?11 content
UPDATE scraped_documents
SET content_hash = ?2, meta_hash = ?3, fetched_at = ?4, updated_at = ?5,
    hashed_at = ?5, pending = ?6, embedded = ?7, content_bytes = ?8,
    title = coalesce(?9, title), metadata = coalesce(?10, metadata),
    content = ?11
WHERE id = ?1
