/*
 * schema_steps.h - what schema.c, schema_create.c and migrate.c share: the
 * statements, settings and choices that making and migrating a store is made
 * of.  Blocking: on a worker, with a session.
 */
#ifndef BACKEND_POSTGRES_SCHEMA_STEPS_H
#define BACKEND_POSTGRES_SCHEMA_STEPS_H

#include "backend/postgres/schema.h"

/* Was a right lacking that the server told of? */
bool schema_is_denied(const struct wr_error *err);

/* Of the layout as it is, rendered now. */
int schema_query(struct layout *l, struct session *s, enum pgsql which,
		 const struct params *p, PGresult **out, struct wr_error *err);
int schema_query_bool(struct layout *l, struct session *s, enum pgsql which,
		      bool *answer, struct wr_error *err);

/* A transaction that is alone with the schema; ends with COMMIT. */
int schema_begin(struct session *s, struct wr_error *err);
/* Give it up, after an error; the connection may be gone. */
void schema_rollback(struct session *s);
/* How long this transaction waits for a lock on a table. */
int schema_lock_timeout(struct session *s, int ms, struct wr_error *err);

/* A row of the settings. */
int schema_put(struct layout *l, struct session *s, const char *name,
	       const char *value, struct wr_error *err);
int schema_put_number(struct layout *l, struct session *s, const char *name,
		      int64_t value, struct wr_error *err);
int schema_drop(struct layout *l, struct session *s, const char *name,
		struct wr_error *err);
/* What is fixed when a store is made. */
int schema_put_choices(struct layout *l, struct session *s,
		       const struct settings *chosen, struct wr_error *err);

/* WR_EINVAL: there is no such type, no such language on this server. */
int schema_find_kind(const char *name, enum vector_kind *kind,
		     struct wr_error *err);
int schema_find_language(struct session *s, const char *wanted,
			 char to[LAYOUT_LANGUAGE], struct wr_error *err);
/* Can the column hold vectors of that length?  WR_ESCHEMA names both. */
int schema_check_dim(const struct layout *l, uint32_t dim,
		     struct wr_error *err);

/*
 * Make what layout_read() did not find, unless another process does at this
 * moment; afterwards the layout is that of what is there.
 */
int schema_create(struct layout *l, struct session *s,
		  const struct backend_config *config,
		  const struct settings *wishes, struct wr_error *err);

#endif
