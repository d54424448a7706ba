-- Rows that another program has written
SELECT count(*) FROM scraped_documents WHERE hashed_at IS NOT updated_at
