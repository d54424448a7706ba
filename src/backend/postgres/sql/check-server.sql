-- How the server is set up, as far as it concerns a store.
SELECT current_setting('fsync') = 'on',
       current_setting('full_page_writes') = 'on',
       current_setting('autovacuum') = 'on',
       current_setting('synchronous_commit'),
       (SELECT age(d.datfrozenxid)::bigint FROM pg_catalog.pg_database AS d
        WHERE d.datname = current_database()),
       current_setting('server_version')
