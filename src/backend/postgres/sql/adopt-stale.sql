SELECT EXISTS (SELECT 1 AS one FROM :table d
               WHERE (d.hashed_at IS DISTINCT FROM d.updated_at)::integer = 1
               LIMIT 1)
