SELECT EXISTS (SELECT 1 AS one FROM :table d WHERE d.embedding IS NOT NULL
               LIMIT 1)
