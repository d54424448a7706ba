-- Until it is set otherwise: building an index is no transaction's part.
SELECT set_config(s.name, s.value, false)
FROM unnest($1::text[], $2::text[]) AS s (name, value)
