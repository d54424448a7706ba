-- $1 number of the table.  The fourth column: would a row that leaves it out be
-- refused?
SELECT a.attname::text, a.atttypid::bigint, a.atttypmod,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
       format_type(a.atttypid, a.atttypmod), a.attgenerated <> ''
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
