-- What a filter looks at; ?1 id, ?2 is metadata wanted?
SELECT url, fetched_at, CASE WHEN ?2 THEN metadata END
FROM scraped_documents WHERE id = ?1
