-- Of an index of table $1 that is being built, by whomever.
SELECT p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total
FROM pg_catalog.pg_stat_progress_create_index AS p
WHERE p.relid = $1::bigint::oid
LIMIT 1
