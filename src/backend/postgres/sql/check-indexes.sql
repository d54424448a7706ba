-- Of table $1: its indexes, are they valid, are they being built, by which
-- method and for which type?
SELECT x.relname::text, i.indisvalid AND i.indisready,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p
               WHERE p.index_relid = x.oid),
       a.amname::text
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am AS a ON a.oid = x.relam
WHERE i.indrelid = $1::bigint::oid
ORDER BY x.relname
