-- By vector; see search_sql.h.
WITH :search_near
SELECT :search_found, hit.score
FROM by_vector AS hit JOIN :table AS d ON d.url = hit.url
ORDER BY hit.score DESC, hit.url COLLATE "C"
