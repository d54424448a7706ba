-- ?1 id
DELETE FROM scraped_documents WHERE id = ?1
