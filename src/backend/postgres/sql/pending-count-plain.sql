SELECT count(*) FROM :table AS d WHERE :d_pending
