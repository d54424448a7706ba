-- Vectors that searches leave out: they have another length than the store's.
SELECT count(*) FROM :table AS d
WHERE d.embedding IS NOT NULL AND :d_dim <> $1
