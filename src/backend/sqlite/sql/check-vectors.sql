-- Vectors without a document, documents without their vector, vectors of
-- another length than ?1 bytes
SELECT (SELECT count(*) FROM document_vectors v
        WHERE NOT EXISTS (SELECT 1 FROM scraped_documents d
                          WHERE d.id = v.id AND d.embedded)),
       (SELECT count(*) FROM scraped_documents d
        WHERE d.embedded AND NOT EXISTS (SELECT 1 FROM document_vectors v
                                         WHERE v.id = d.id)),
       (SELECT count(*) FROM document_vectors v
        WHERE length(v.embedding) <> ?1)
