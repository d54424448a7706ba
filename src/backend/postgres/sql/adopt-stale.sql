SELECT EXISTS (SELECT 1 AS one FROM :table d
               WHERE coalesce(d.hashed_at <> d.updated_at, true)::integer = 1
               AND d.url IS NOT NULL LIMIT 1)
