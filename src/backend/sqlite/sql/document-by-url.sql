-- ?1 url, ?2 is content wanted?  ?3 is the vector wanted?
SELECT d.id, d.url, d.title, d.metadata, d.fetched_at, d.created_at,
       d.updated_at, d.pending, CASE WHEN ?2 THEN d.content END,
       CASE WHEN ?3 AND d.embedded THEN
         (SELECT v.embedding FROM document_vectors v WHERE v.id = d.id) END
FROM scraped_documents d
WHERE d.url = ?1
