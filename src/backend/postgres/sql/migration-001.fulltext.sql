ALTER TABLE :table ADD COLUMN words tsvector
