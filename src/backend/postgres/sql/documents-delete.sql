-- $1 urls
DELETE FROM :table AS d WHERE d.url = ANY($1::text[]) RETURNING d.url
