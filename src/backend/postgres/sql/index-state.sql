-- Of table $1: the index named $2, and what others serve as well: by method $3
-- and class of operators $4.  Is it that one, is it valid, is it being built?
SELECT c.relname = $2, i.indisvalid AND i.indisready,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p
               WHERE p.index_relid = c.oid)
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[0]
WHERE i.indrelid = $1::bigint::oid
  AND (c.relname = $2
       OR (i.indisvalid AND a.amname = $3 AND right(o.opcname, 10) = $4))
ORDER BY 1 DESC
