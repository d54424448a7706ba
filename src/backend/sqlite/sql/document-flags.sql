-- ?1 id, ?2 pending, ?3 embedded
UPDATE scraped_documents SET pending = ?2, embedded = ?3 WHERE id = ?1
