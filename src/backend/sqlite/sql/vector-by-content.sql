-- A vector of equal content; ?1 content_hash.  Pages of one content are many
-- at times, hence the limit.
SELECT v.embedding
FROM (SELECT id FROM scraped_documents
      WHERE substr(content_hash, 1, 8) = substr(?1, 1, 8) AND embedded = 1
        AND content_hash = ?1 AND pending = 0 AND hashed_at IS updated_at
      LIMIT 4) d
JOIN document_vectors v ON v.id = d.id
