-- $1 language as the user wrote it.  As it is recorded: with its schema where
-- that is not the server's own.
SELECT CASE WHEN n.nspname = 'pg_catalog' THEN c.cfgname::text
            ELSE n.nspname || '.' || c.cfgname END
FROM pg_catalog.pg_ts_config c
JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace
WHERE n.nspname || '.' || c.cfgname = $1
   OR (c.cfgname = $1 AND pg_ts_config_is_visible(c.oid))
LIMIT 1
