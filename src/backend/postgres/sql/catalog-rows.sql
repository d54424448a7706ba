-- $1 number of the table: about how many rows it has; -1: nobody knows.
SELECT c.reltuples::bigint FROM pg_catalog.pg_class c
WHERE c.oid = $1::bigint::oid
