-- Whatever changes a schema takes turns; the number spells "Windrow".
SELECT pg_advisory_xact_lock(24604245826367351)
