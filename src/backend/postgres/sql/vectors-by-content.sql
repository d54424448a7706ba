-- One vector of each content.  Pages of one content are many at times, and
-- only the first one is looked at.  $1 digests
SELECT h.place, v.embedding
FROM unnest($1::bytea[]) WITH ORDINALITY AS h (hash, place)
CROSS JOIN LATERAL (
  SELECT d.embedding FROM :table AS d
  WHERE substr(d.content_hash, 1, 8) = substr(h.hash, 1, 8)
    AND d.content_hash = h.hash AND d.embedding IS NOT NULL
    AND NOT d.pending AND d.hashed_at = d.updated_at
  LIMIT 1) AS v
