-- pglz would take more time than all the rest.
ALTER TABLE :table ALTER COLUMN content SET STORAGE EXTERNAL
