-- $1 number of the table.  Can ON CONFLICT (url) find its constraint?  The
-- second column: it could, if it were not deferrable.
SELECT coalesce(bool_or(i.indimmediate), false), count(*) > 0
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_attribute a
  ON a.attrelid = i.indrelid AND a.attname = 'url'
WHERE i.indrelid = $1::bigint::oid AND i.indisunique AND i.indisvalid
  AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
  AND i.indpred IS NULL AND i.indexprs IS NULL
