SELECT name, value FROM windrow_meta
