-- Of :filter $1 to $5, so that what has changed meanwhile stays; $6 urls
DELETE FROM :table AS d WHERE d.url = ANY($6::text[]) AND :filter
RETURNING true
