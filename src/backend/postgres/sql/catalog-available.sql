-- $1 an extension: could it be made here?  The second column: is there a
-- schema for it that everybody knows?
SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions x
               WHERE x.name = $1),
       to_regnamespace('public') IS NOT NULL
