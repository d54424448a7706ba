SELECT EXISTS (SELECT FROM :table d
               WHERE (d.hashed_at IS DISTINCT FROM d.updated_at)::integer = 1)
