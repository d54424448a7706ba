-- The keys that a step of a prune removes, at most $7 and one more, and the
-- last key that it looked at, where that is not the last of all.  Of :filter
-- $1 to $5, $6 the last key before, $8 how many keys it looks at.
SELECT w.url, w.hit, w.nth = $8
FROM (
  SELECT k.url, k.hit, row_number() OVER (ORDER BY k.url) AS nth
  FROM (
    SELECT d.url, coalesce(:filter, false) AS hit
    FROM :table AS d
    WHERE d.url > $6 AND ($1::text IS NULL OR starts_with(d.url, $1))
    ORDER BY d.url LIMIT $8) AS k) AS w
WHERE w.hit OR w.nth = $8
ORDER BY w.url LIMIT $7 + 1
