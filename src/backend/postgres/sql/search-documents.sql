-- Documents that were found before; see search_sql.h.
SELECT :search_found, hit.n::integer
FROM unnest($18::text[]) WITH ORDINALITY AS hit (url, n)
JOIN :table AS d ON d.url = hit.url
ORDER BY hit.n
