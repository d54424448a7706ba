-- Fails where the index and the documents differ
INSERT INTO document_texts (document_texts, rank)
VALUES ('integrity-check', 1)
