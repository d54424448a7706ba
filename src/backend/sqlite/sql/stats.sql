SELECT count(*), total(embedded), total(content_bytes), min(fetched_at),
       max(fetched_at)
FROM scraped_documents
