/*
 * conninfo.h - where a PostgreSQL store is, taken from what the user wrote.
 *
 * All that libpq takes: URIs, "host=... dbname=..." strings, and what neither
 * says from the PG* variables, service and password files; SQLAlchemy's forms
 * too.  Nothing here, messages included, shows any part of a password.  After
 * conninfo_init() it does not change and any thread may read it.
 */
#ifndef BACKEND_POSTGRES_CONNINFO_H
#define BACKEND_POSTGRES_CONNINFO_H

#include "base/arena.h"
#include "windrow.h"
#include <stdbool.h>

struct conninfo {
	struct arena arena;
	/* For PQconnectStartParams(); end with NULL. */
	const char **keywords, **values;
	/* For messages: "postgresql://host:port/database", no user. */
	const char *display;
	/* What was given in the query part of the URI; NULL: it was not. */
	const char *schema, *table;
	/* As libpq's connect_timeout says; 0: it does not. */
	uint32_t connect_timeout_ms;
	/* Passwords that must not be seen, for conninfo_redact(). */
	const char **secrets;
	size_t nsecrets;
};

/* Is it PostgreSQL that this names? */
bool conninfo_is_ours(const char *location);

/*
 * WR_EINVAL says what is wrong with it, without quoting it: a malformed URI may
 * show the password in any of its parts.
 */
int conninfo_init(struct conninfo *c, const char *location,
		  struct wr_error *err);
void conninfo_release(struct conninfo *c);

/* Blank whatever in text is, or holds, one of the secrets. */
void conninfo_redact(const struct conninfo *c, char *text);

#endif
