SELECT (SELECT count(*) FROM :table AS d WHERE d.pending)
     + (SELECT count(*) FROM :table AS d
        WHERE :d_stale AND NOT d.pending AND :d_pending)
