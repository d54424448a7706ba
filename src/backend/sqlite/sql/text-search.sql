-- A title counts three times; ?1 the query in FTS5's syntax
SELECT rowid, bm25(document_texts, 3.0, 1.0)
FROM document_texts WHERE document_texts MATCH ?1
