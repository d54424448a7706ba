-- $1 after which url (NULL: from the start), $2 how many rows.  Rows that
-- somebody is writing are left to the next time: who waits for nobody cannot
-- make others fail.
WITH page AS MATERIALIZED (
  SELECT d.url FROM :table d
  WHERE coalesce(d.hashed_at <> d.updated_at, true)::integer = 1
    AND d.url IS NOT NULL AND ($1::text IS NULL OR d.url > $1)
  ORDER BY d.url LIMIT $2
  FOR NO KEY UPDATE SKIP LOCKED
), done AS (
  UPDATE :table AS d SET
    hashed_at = d.updated_at,
    fetched_at = :d_fetched_at,
    content_hash = :d_content_hash,
    meta_hash = :d_meta_hash,
    pending = :d_pending:words_kept
  FROM page WHERE d.url = page.url
  RETURNING 1
)
SELECT (SELECT count(*) FROM done), (SELECT max(page.url) FROM page)
