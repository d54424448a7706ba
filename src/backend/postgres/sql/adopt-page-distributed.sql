-- $1 after which url (NULL: from the start), $2 how many rows.
SELECT d.url FROM :table d
WHERE coalesce(d.hashed_at <> d.updated_at, true)::integer = 1
  AND d.url IS NOT NULL AND ($1::text IS NULL OR d.url > $1)
ORDER BY d.url LIMIT $2
