-- Of the table, $1: rows about which the server knows, dead ones among them,
-- the age of its oldest transaction, rights that lack.
SELECT greatest(c.reltuples, 0)::bigint, coalesce(s.n_live_tup, 0),
       coalesce(s.n_dead_tup, 0), age(c.relfrozenxid)::bigint,
       concat_ws(', ',
         CASE WHEN NOT has_table_privilege(c.oid, 'SELECT')
              THEN 'SELECT' END,
         CASE WHEN NOT has_table_privilege(c.oid, 'INSERT')
              THEN 'INSERT' END,
         CASE WHEN NOT has_table_privilege(c.oid, 'UPDATE')
              THEN 'UPDATE' END,
         CASE WHEN NOT has_table_privilege(c.oid, 'DELETE')
              THEN 'DELETE' END),
       pg_relation_size(c.oid)
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid
WHERE c.oid = $1::bigint::oid
