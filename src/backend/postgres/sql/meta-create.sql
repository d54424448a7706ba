CREATE TABLE IF NOT EXISTS :meta (
  name text PRIMARY KEY,
  value text NOT NULL
)
