/*
 * schema.h - making a store, its settings, its migrations.  Blocking: all on a
 * worker, with a session.
 *
 * Settings and migrations are rows of the table "<table>_windrow", beside the
 * documents.  Whatever changes a schema does so under an advisory lock of its
 * transaction.
 */
#ifndef BACKEND_POSTGRES_SCHEMA_H
#define BACKEND_POSTGRES_SCHEMA_H

#include "backend/postgres/layout.h"
#include <pthread.h>

enum {
	SCHEMA_LATEST = PGSQL_VERSION,
	/* An upsert over the shards of Citus costs the same for one row. */
	SCHEMA_DISTRIBUTED_BATCH = 2000
};

/*
 * Find the store, or make it, as config->create says; bring a store of
 * Windrow's own up to date where that is quick (the original's table is left as
 * it is found).  Fills the layout in, renders it, and holds settings' wishes
 * against what is recorded.  Safe where many processes start at once.  Without
 * the right to create: WR_EAUTH, saying what to grant or who must run init.
 */
int schema_open(struct layout *l, struct session *s,
		const struct backend_config *config, struct settings *settings,
		struct wr_error *err);

/*
 * Record embedder, model and dimension; in a table without settings of its own:
 * check only.  known is what this process found when it opened the store:
 * where another one has recorded something else since, it is WR_ESCHEMA.
 */
int schema_record(struct layout *l, struct session *s,
		  const struct settings *known, const struct settings *wanted,
		  struct wr_error *err);

/* How far a migration is, for BACKEND_PROGRESS: guarded by its lock. */
struct schema_progress {
	pthread_mutex_t lock;
	const char *phase; /* NULL: none is under way */
	uint64_t done, total;
};

/*
 * One bounded step of bringing the store to SCHEMA_LATEST, the original's table
 * included; *more: there is another one.  Can be cut off anywhere and taken up
 * again by any process.
 */
int schema_migrate_step(struct layout *l, struct session *s,
			struct schema_progress *progress, bool *more,
			struct wr_error *err);

#endif
