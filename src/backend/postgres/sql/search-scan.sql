-- How far an index is followed past what a filter refuses, $2 at least: about
-- as long as a look at every row of the table, $1, would take.
SELECT set_config('hnsw.max_scan_tuples',
         greatest(least(c.reltuples / 20, 20000), $2::bigint)::bigint::text,
         true)
FROM pg_catalog.pg_class AS c
WHERE c.oid = $1::bigint::oid
