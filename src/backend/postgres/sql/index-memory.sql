-- Of the table, $1: about how many rows, and in bytes: the memory for building
-- an index, and that which the server shares; and the number of its process.
SELECT greatest(c.reltuples, 0)::bigint,
       pg_size_bytes(current_setting('maintenance_work_mem')),
       pg_size_bytes(current_setting('shared_buffers')), pg_backend_pid()
FROM pg_catalog.pg_class AS c
WHERE c.oid = $1::bigint::oid
