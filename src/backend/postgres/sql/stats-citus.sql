-- Of table $1 with all its shards, as far as Citus tells.
SELECT pg_catalog.citus_table_size($1::bigint::oid),
       pg_catalog.citus_total_relation_size($1::bigint::oid)
       - pg_catalog.citus_table_size($1::bigint::oid)
