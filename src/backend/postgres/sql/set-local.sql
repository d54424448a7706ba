-- For this transaction alone.
SELECT set_config(s.name, s.value, true)
FROM unnest($1::text[], $2::text[]) AS s (name, value)
