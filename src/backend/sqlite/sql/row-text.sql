-- ?1 id
SELECT title, content, metadata FROM scraped_documents WHERE id = ?1
