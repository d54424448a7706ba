SELECT count(*) FROM scraped_documents WHERE pending = 1
