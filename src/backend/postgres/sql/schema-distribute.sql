-- $1 the table, quoted.
SELECT create_distributed_table($1::text::regclass, 'url')
