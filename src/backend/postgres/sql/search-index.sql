-- Has the table, $1, an index whose answers are approximate?
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
  WHERE i.indrelid = $1::bigint::oid AND i.indisvalid
    AND a.amname IN ('hnsw', 'ivfflat'))
