-- By words; see search_sql.h.
WITH :search_text
SELECT :search_found, hit.score
FROM by_text AS hit JOIN :table AS d ON d.url = hit.url
ORDER BY hit.score DESC, hit.url COLLATE "C"
