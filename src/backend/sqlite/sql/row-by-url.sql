-- What decides about a write; ?1 url
SELECT id, hashed_at IS updated_at, pending, embedded, fetched_at,
       content_hash, meta_hash
FROM scraped_documents WHERE url = ?1
