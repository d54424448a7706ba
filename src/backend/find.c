#include "backend/backend.h"
#include "backend/postgres/conninfo.h"
#include "base/error.h"
#include "base/str.h"
#include <string.h>

static const struct backend_ops *const backends[] = {
	&sqlite_backend,
	&postgres_backend,
	&mem_backend,
};

enum { NBACKENDS = sizeof(backends) / sizeof(backends[0]) };

/* "sqlite:, mem:", of those that are there. */
static void name_schemes(char *to, size_t room)
{
	size_t len = 0;

	to[0] = '\0';
	for (size_t i = 0; i < NBACKENDS; i++) {
		const char *name = backends[i]->scheme;
		size_t n = strlen(name);

		if (len + n + 4 > room)
			return;
		if (len) {
			memcpy(to + len, ", ", 2);
			len += 2;
		}
		memcpy(to + len, name, n);
		len += n;
		memcpy(to + len, ":", 2);
		len++;
	}
}

int backend_find(const struct backend_ops **out, const char *location,
		 struct wr_error *err)
{
	const char *colon = location ? strchr(location, ':') : NULL;
	char schemes[128];
	struct wr_str scheme;

	*out = NULL;
	/* In many forms: "postgresql+asyncpg:", "host=... dbname=...". */
	if (conninfo_is_ours(location)) {
		*out = &postgres_backend;
		return 0;
	}
	name_schemes(schemes, sizeof(schemes));
	if (!colon)
		return error_set(err, WR_EINVAL, 0, "store",
				 "a store URL starts with one of %s", schemes);
	scheme = (struct wr_str){ location, (size_t)(colon - location) };
	for (size_t i = 0; i < NBACKENDS; i++) {
		if (str_eq(scheme, str_of(backends[i]->scheme))) {
			*out = backends[i];
			return 0;
		}
	}
	/* What follows the scheme may hold a password: it is not quoted. */
	scheme = str_clip(scheme, 32);
	return error_set(err, WR_EINVAL, 0, "store",
			 "unknown kind of store \"%.*s:\"; there are %s",
			 (int)scheme.len, scheme.ptr, schemes);
}
