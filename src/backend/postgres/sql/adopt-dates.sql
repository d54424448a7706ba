-- A row without a date could never be told to be its own.  $1 now
UPDATE :table AS d SET updated_at = coalesce(d.created_at, $1)
WHERE d.url IN (SELECT u.url FROM :table u WHERE u.updated_at IS NULL
                AND u.url IS NOT NULL LIMIT 1000)
  AND d.updated_at IS NULL
