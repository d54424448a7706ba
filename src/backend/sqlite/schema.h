/*
 * schema.h - the tables of a store and the choices that are recorded in it.
 *
 * The version is in the header of the file (PRAGMA user_version) and the
 * migrations with their times are in windrow_migrations.
 */
#ifndef BACKEND_SQLITE_SCHEMA_H
#define BACKEND_SQLITE_SCHEMA_H

#include "backend/backend.h"
#include "backend/sqlite/db.h"

enum {
	SCHEMA_APPLICATION = 0x57647277, /* "Wdrw", for file(1) */
	SCHEMA_LATEST = SQL_VERSION
};

/*
 * The version of the open file: 0 where it is empty, WR_ESCHEMA where it is
 * newer than this program or belongs to another one.
 */
int schema_version(struct db *db, uint32_t *version, struct wr_error *err);

/* Inside a write transaction: is the version still the one we know? */
int schema_check(struct db *db, struct wr_error *err);

/*
 * Bring the file to SCHEMA_LATEST, in one transaction; wishes count where it is
 * empty.  The lock is held.  *ran (may be NULL): how many migrations.
 */
int schema_migrate(struct db *db, const struct settings *wishes, uint32_t *ran,
		   struct wr_error *err);

/* What is recorded. */
int schema_read_settings(struct db *db, struct settings *out,
			 struct wr_error *err);
/* Record embedder, model and dimension, inside a write transaction. */
int schema_write_settings(struct db *db, const struct settings *settings,
			  struct wr_error *err);

#endif
