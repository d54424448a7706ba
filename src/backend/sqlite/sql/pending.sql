-- ?1 the last key before, ?2 how many
SELECT url, content, content_hash, hashed_at IS updated_at
FROM scraped_documents WHERE pending = 1 AND url > ?1 ORDER BY url LIMIT ?2
