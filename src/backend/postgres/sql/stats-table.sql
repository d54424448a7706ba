-- What the server knows of the table, $1, without looking at its rows:
-- documents (NULL: never counted), the share of them with a vector (NULL:
-- likewise), sizes, the first and the last time of fetching, indexes.
SELECT CASE WHEN c.reltuples >= 0 AND c.relpages > 0
            THEN (c.reltuples / c.relpages
                  * (pg_relation_size(c.oid)
                     / current_setting('block_size')::bigint))::bigint END,
       (SELECT 1 - s.null_frac FROM pg_catalog.pg_stats AS s
        WHERE s.schemaname = n.nspname AND s.tablename = c.relname
          AND s.attname = 'embedding')::float8,
       coalesce(pg_table_size(c.oid), 0), coalesce(pg_indexes_size(c.oid), 0),
       current_setting('server_version'),
       coalesce((SELECT s.version FROM pg_catalog.pg_stat_ssl AS s
                 WHERE s.pid = pg_backend_pid() AND s.ssl), 'off'),
       coalesce((SELECT string_agg(x.relname || ' ' || a.amname ||
                                   CASE WHEN i.indisvalid THEN ''
                                        ELSE ' (invalid)' END,
                                   ', ' ORDER BY x.relname)
                 FROM pg_catalog.pg_index AS i
                 JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
                 JOIN pg_catalog.pg_am AS a ON a.oid = x.relam
                 WHERE i.indrelid = c.oid), '')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = $1::bigint::oid
