-- ?1 version, ?2 now
INSERT INTO windrow_migrations (version, applied_at) VALUES (?1, ?2)
