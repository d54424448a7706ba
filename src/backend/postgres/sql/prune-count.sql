-- How many a step would remove, how many keys it looked at, the last of them.
-- Of :filter $1 to $5, $6 the last key before, $7 how many keys it looks at.
SELECT count(*) FILTER (WHERE k.hit), count(*), max(k.url)
FROM (
  SELECT d.url, coalesce(:filter, false) AS hit
  FROM :table AS d
  WHERE d.url > $6 AND ($1::text IS NULL OR starts_with(d.url, $1))
  ORDER BY d.url LIMIT $7) AS k
