-- Rows that another program has written, and that wait, each up to $1 or so.
SELECT (SELECT count(*) FROM (SELECT 1 AS one FROM :table AS d WHERE :d_stale LIMIT $1)
                             AS them),
       :stats_pending
