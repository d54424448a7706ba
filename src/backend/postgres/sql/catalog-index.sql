-- $1 schema, $2 table, $3 index.  No row: there is none; else is it valid, and
-- is somebody building one of that table's?
SELECT i.indisvalid AND i.indisready, i.indrelid = t.oid,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
               WHERE p.relid = i.indrelid)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_class t
       ON t.relnamespace = n.oid AND t.relname = $2
WHERE n.nspname = $1 AND c.relname = $3
