ALTER TABLE :table ALTER COLUMN embedding TYPE :embedding
