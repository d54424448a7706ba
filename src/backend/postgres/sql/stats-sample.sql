-- Of $2 percent of the pages: rows, bytes of content, times of fetching, the
-- server's own sample of these included; and how many rows wait, as long as
-- they are not many more than $1.
SELECT s.documents, s.bytes,
       least(s.oldest, h.bounds[1]),
       greatest(s.newest, h.bounds[cardinality(h.bounds)]),
       :stats_pending
FROM (SELECT count(*) AS documents,
             coalesce(sum(octet_length(d.content)), 0)::bigint AS bytes,
             min(:d_fetched_at) AS oldest, max(:d_fetched_at) AS newest
      FROM :table AS d TABLESAMPLE SYSTEM ($2)) AS s,
     (SELECT CAST((SELECT p.histogram_bounds::text FROM pg_catalog.pg_stats AS p
                   WHERE p.schemaname = $3 AND p.tablename = $4
                     AND p.attname = :stats_fetched)
             AS :time[]) AS bounds) AS h
