-- What a table that is gone has left behind.
DELETE FROM :meta
