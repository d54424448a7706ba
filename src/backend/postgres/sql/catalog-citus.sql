-- $1 number of the table.  A row: Citus keeps it; is it distributed by url?
SELECT p.partmethod = 'h',
       column_to_column_name(p.logicalrelid, p.partkey) = 'url'
FROM pg_catalog.pg_dist_partition p
WHERE p.logicalrelid = $1::bigint::oid::regclass
