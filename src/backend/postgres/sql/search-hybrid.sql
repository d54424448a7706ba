-- By both, fused as pipeline/fuse.h says; see search_sql.h.
WITH :search_text, :search_near,
hit AS MATERIALIZED (
  SELECT coalesce(t.url, v.url) AS url, t.place AS of_text,
         v.place AS of_vector,
         coalesce(1::float8 / (60 + t.place), 0)
           + coalesce(1::float8 / (60 + v.place), 0) AS score
  FROM (SELECT url, row_number() OVER (ORDER BY score DESC, url COLLATE "C")
               AS place
        FROM by_text) AS t
  FULL JOIN
       (SELECT url, row_number() OVER (ORDER BY score DESC, url COLLATE "C")
               AS place
        FROM by_vector) AS v ON v.url = t.url
  ORDER BY score DESC, coalesce(t.url, v.url) COLLATE "C"
  LIMIT $6)
SELECT :search_found, hit.score, hit.of_text::integer, hit.of_vector::integer,
       (SELECT count(*)::integer FROM by_vector)
FROM hit JOIN :table AS d ON d.url = hit.url
ORDER BY hit.score DESC, hit.url COLLATE "C"
