-- The same where rows are spread over servers, which cannot be asked row by
-- row.  $1 digests
SELECT array_position($1::bytea[], v.content_hash)::bigint, v.embedding
FROM (SELECT DISTINCT ON (d.content_hash) d.content_hash, d.embedding
      FROM :table AS d
      WHERE substr(d.content_hash, 1, 8)
            = ANY(SELECT substr(h, 1, 8) FROM unnest($1::bytea[]) AS h)
        AND d.content_hash = ANY($1::bytea[]) AND d.embedding IS NOT NULL
        AND NOT d.pending AND d.hashed_at = d.updated_at
      ORDER BY d.content_hash) AS v
