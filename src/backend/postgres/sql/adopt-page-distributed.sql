-- $1 after which url (NULL: from the start), $2 how many rows.
SELECT d.url FROM :table d
WHERE (d.hashed_at IS DISTINCT FROM d.updated_at)::integer = 1
  AND ($1::text IS NULL OR d.url > $1)
ORDER BY d.url LIMIT $2
