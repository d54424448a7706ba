-- ?1 id, ?2 fetched_at
UPDATE scraped_documents SET fetched_at = ?2 WHERE id = ?1
