/*
 * settings.h - what every backend says of its settings in the same words.
 */
#ifndef BACKEND_SETTINGS_H
#define BACKEND_SETTINGS_H

#include "backend/backend.h"

/* "conservative", "on": as in options and messages. */
const char *settings_urls_name(enum wr_urls urls);
const char *settings_fulltext_name(enum wr_fulltext fulltext);

/*
 * The properties that BACKEND_STATS has of every store: backend, embedder,
 * model, dim, urls, fulltext, schema_version.  0 or WR_ENOMEM.
 */
int settings_describe(const struct settings *s, const char *backend,
		      struct result *result);

/*
 * For backends that are no PostgreSQL: what of config only that has is
 * WR_EINVAL.
 */
int settings_refuse(const struct backend_config *config, const char *where,
		    struct wr_error *err);

#endif
