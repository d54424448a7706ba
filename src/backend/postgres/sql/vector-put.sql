-- A vector for a content that is stored still: $1 url, $2 its digest, $3
UPDATE :table AS d SET embedding = $3, pending = false
WHERE d.url = $1 AND :d_content_hash = $2
RETURNING true
