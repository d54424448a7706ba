-- One look at every row, but at no content.
SELECT count(*), count(d.embedding), count(*) FILTER (WHERE :d_pending),
       coalesce(sum(octet_length(d.content)), 0)::bigint,
       min(:d_fetched_at), max(:d_fetched_at)
FROM :table AS d
