-- What kind of server this is, and who we are.
SELECT current_setting('server_version_num')::integer,
       (SELECT pg_encoding_to_char(d.encoding)
        FROM pg_catalog.pg_database d
        WHERE d.datname = current_database()),
       (SELECT 'lz4' = ANY (s.enumvals)
        FROM pg_catalog.pg_settings s
        WHERE s.name = 'default_toast_compression'),
       EXISTS (SELECT FROM pg_catalog.pg_extension e
               WHERE e.extname = 'citus'),
       e.nspname, e.extversion,
       (SELECT t.oid::bigint FROM pg_catalog.pg_type t
        WHERE t.typnamespace = e.oid AND t.typname = 'vector'),
       (SELECT t.typarray::bigint FROM pg_catalog.pg_type t
        WHERE t.typnamespace = e.oid AND t.typname = 'vector'),
       (SELECT t.oid::bigint FROM pg_catalog.pg_type t
        WHERE t.typnamespace = e.oid AND t.typname = 'halfvec'),
       (SELECT t.typarray::bigint FROM pg_catalog.pg_type t
        WHERE t.typnamespace = e.oid AND t.typname = 'halfvec'),
       pg_is_in_recovery(), current_user::text, current_database()::text
FROM (SELECT) one
LEFT JOIN (SELECT n.oid, n.nspname::text, x.extversion
           FROM pg_catalog.pg_extension x
           JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
           WHERE x.extname = 'vector') e ON true
