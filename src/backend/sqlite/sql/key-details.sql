-- ?1 url
SELECT fetched_at, embedded FROM scraped_documents WHERE url = ?1
