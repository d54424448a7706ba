-- Answered from the index alone; ?1 <= url < ?2 (x'' is over all texts)
SELECT id, url FROM scraped_documents WHERE url >= ?1 AND url < ?2 ORDER BY url
