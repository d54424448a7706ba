-- A row without a date could never be told to be its own.
UPDATE :table AS d SET updated_at = coalesce(d.created_at, :now)
WHERE d.url IN (SELECT u.url FROM :table u WHERE u.updated_at IS NULL
                AND u.url IS NOT NULL LIMIT 1000)
  AND d.updated_at IS NULL
