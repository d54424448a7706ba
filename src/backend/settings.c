#include "backend/settings.h"

#include "base/error.h"
#include <inttypes.h>
#include <stdio.h>

const char *settings_urls_name(enum wr_urls urls)
{
	switch (urls) {
	case WR_URLS_DEFAULT:
		return "default";
	case WR_URLS_AS_GIVEN:
		return "as-given";
	case WR_URLS_CONSERVATIVE:
		return "conservative";
	case WR_URLS_AGGRESSIVE:
		return "aggressive";
	}
	return "unknown";
}

const char *settings_fulltext_name(enum wr_fulltext fulltext)
{
	switch (fulltext) {
	case WR_FULLTEXT_DEFAULT:
		return "default";
	case WR_FULLTEXT_ON:
		return "on";
	case WR_FULLTEXT_OFF:
		return "off";
	}
	return "unknown";
}

int settings_agree(struct settings *wishes, const struct settings *recorded,
		   const char *where, struct wr_error *err)
{
	if (wishes->urls != WR_URLS_DEFAULT && wishes->urls != recorded->urls)
		return error_set(err, WR_ESCHEMA, 0, where,
				 "the store was made with %s URLs, not with "
				 "%s ones; leave the choice out, or make "
				 "another store",
				 settings_urls_name(recorded->urls),
				 settings_urls_name(wishes->urls));
	if (wishes->fulltext != WR_FULLTEXT_DEFAULT &&
	    wishes->fulltext != recorded->fulltext)
		return error_set(err, WR_ESCHEMA, 0, where,
				 "the store was made with full text %s, not "
				 "%s; leave the choice out, or make another "
				 "store",
				 settings_fulltext_name(recorded->fulltext),
				 settings_fulltext_name(wishes->fulltext));
	*wishes = *recorded;
	return 0;
}

int settings_describe(const struct settings *s, const char *backend,
		      struct result *result)
{
	char dim[16], version[16];

	snprintf(dim, sizeof(dim), "%" PRIu32, s->dim);
	snprintf(version, sizeof(version), "%" PRIu32, s->version);
	const struct property all[] = {
		{ "backend", backend },
		{ "embedder", s->embedder },
		{ "model", s->model },
		{ "dim", dim },
		{ "urls", settings_urls_name(s->urls) },
		{ "fulltext", settings_fulltext_name(s->fulltext) },
		{ "schema_version", version },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (result_add_property(result, all[i].name, all[i].value))
			return WR_ENOMEM;
	return 0;
}

int settings_refuse(const struct backend_config *config, const char *where,
		    struct wr_error *err)
{
	const char *what = config->schema	 ? "a schema"
			   : config->table	 ? "a table to choose"
			   : config->vector_type ? "types of vectors"
			   : config->language	 ? "languages of full text"
			   : config->distributed
				   ? "workers to be distributed over"
				   : NULL;

	if (!what)
		return 0;
	return error_set(err, WR_EINVAL, 0, where,
			 "only a PostgreSQL store has %s; leave that out",
			 what);
}
