-- The keys behind $1, to $2 ('': to the end), $3 at most: from the index alone,
-- and as one value, which costs far less than a row each.
SELECT array_agg(k.url)
FROM (SELECT d.url::text FROM :table AS d
      WHERE d.url > $1 AND ($2 = '' OR d.url <= $2)
      ORDER BY d.url LIMIT $3) AS k
