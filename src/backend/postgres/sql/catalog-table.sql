-- $1 schema, $2 table.  No row: there is no such schema.
SELECT c.oid::bigint, c.relkind::text,
       pg_has_role(c.relowner, 'USAGE'),
       has_table_privilege(c.oid, 'SELECT'),
       has_table_privilege(c.oid, 'INSERT')
         AND has_table_privilege(c.oid, 'UPDATE')
         AND has_table_privilege(c.oid, 'DELETE'),
       EXISTS (SELECT FROM pg_catalog.pg_class m
               WHERE m.relnamespace = n.oid
                 AND m.relname = $2 || '_windrow'),
       has_schema_privilege(n.oid, 'USAGE')
FROM pg_catalog.pg_namespace n
LEFT JOIN pg_catalog.pg_class c
       ON c.relnamespace = n.oid AND c.relname = $2
WHERE n.nspname = $1
