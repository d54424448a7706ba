-- Answered from the index alone; ?1 url
SELECT 1 FROM scraped_documents WHERE url = ?1
