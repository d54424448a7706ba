-- $1 url, $2 the digest of its content, $3 the vector
UPDATE :table AS d SET embedding = $3
WHERE d.url = $1 AND :d_content_hash = $2
RETURNING true
