/*
 * windrow init: makes a store and fixes its choices.
 */
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "describe.h"
#include "output.h"
#include "store.h"
#include "windrow.h"

struct init_options {
	struct common common;
	int embedder, urls;
	const char *model;
	uint64_t dim;
	bool no_fulltext, distributed;
	int fulltext, vector_type;
	const char *language;
};

static enum wr_fulltext fulltext_of(const struct init_options *opts)
{
	return opts->no_fulltext || opts->fulltext == 2 ? WR_FULLTEXT_OFF
							: WR_FULLTEXT_ON;
}

static int init_run(void *settings, size_t nargs, char **args)
{
	static const char *const embedders[] = { "hash", "none", "hash" };
	static const enum wr_urls urls[] = { WR_URLS_DEFAULT, WR_URLS_AS_GIVEN,
					     WR_URLS_CONSERVATIVE,
					     WR_URLS_AGGRESSIVE };
	static const char *const types[] = { NULL, "vector", "halfvec",
					     "array" };
	const struct init_options *opts = settings;
	const char *url = store_url(&opts->common);
	struct wr_options o = WR_OPTIONS_INIT;
	struct wr_error err = { 0 };
	char name[STORE_NAME];
	wr_store *store = NULL;
	wr_reply *reply = NULL;
	int status = EXIT_FINE;

	(void)nargs;
	(void)args;
	if (!url)
		return EXIT_CANNOT;
	if (opts->no_fulltext && opts->fulltext == 1)
		return output_cannot(WR_EINVAL,
				     "init: full text, or --no-fulltext?");
	if (opts->language && fulltext_of(opts) == WR_FULLTEXT_OFF)
		return output_cannot(WR_EINVAL, "init: --language is of the "
						"full text, which is off");
	o.create = WR_CREATE_NEW;
	o.embedder = embedders[opts->embedder];
	o.model = opts->model;
	o.dim = (uint32_t)opts->dim;
	o.urls = urls[opts->urls];
	o.fulltext = fulltext_of(opts);
	o.language = opts->language;
	o.vector_type = types[opts->vector_type];
	o.distributed = opts->distributed;
	if (store_open_with(&store, &opts->common, url, &o, &err))
		return store_cannot_open(&err);
	if (wr_stats_wait(store, 0, -1, &reply, &err)) {
		status = output_failed("", &err);
	} else {
		if (!opts->common.json)
			printf("made %s\n", store_name(name, url));
		describe_properties(reply, store_name(name, url),
				    opts->common.json);
	}
	wr_reply_free(reply);
	return store_close(store, status);
}

static const struct option_spec options[] = {
	{ OPTION_CHOICE, "embedder", 0, offsetof(struct init_options, embedder),
	  "none|hash",
	  "What embeds the pages: hash (feature hashing of words, needs no "
	  "model; the default) or none.",
	  0, 0 },
	{ OPTION_TEXT, "model", 0, offsetof(struct init_options, model), "NAME",
	  "The model of vectors that records bring along, for the store to "
	  "record.",
	  0, 0 },
	{ OPTION_NUMBER, "dim", 0, offsetof(struct init_options, dim), "N",
	  "Dimension of the embeddings; default 384 with hash, and that of "
	  "the first vector with none.",
	  1, 16384 },
	{ OPTION_CHOICE, "fulltext", 0, offsetof(struct init_options, fulltext),
	  "on|off",
	  "Search by words too (on, the default), or by embedding alone (off: "
	  "faster to fill).",
	  0, 0 },
	{ OPTION_FLAG, "no-fulltext", 0,
	  offsetof(struct init_options, no_fulltext), NULL,
	  "The same as --fulltext off.", 0, 0 },
	{ OPTION_CHOICE, "urls", 0, offsetof(struct init_options, urls),
	  "as-given|conservative|aggressive",
	  "How URLs become keys: byte for byte; in normal form without the "
	  "fragment (the default); or without tracking parameters too.",
	  0, 0 },
	{ OPTION_TEXT, "language", 0, offsetof(struct init_options, language),
	  "NAME",
	  "PostgreSQL: of the full text, one of its text search "
	  "configurations (\\dF in psql); default english.",
	  0, 0 },
	{ OPTION_CHOICE, "vector-type", 0,
	  offsetof(struct init_options, vector_type), "vector|halfvec|array",
	  "PostgreSQL: how vectors are stored: pgvector's vector (the default "
	  "where it is installed), half as long with half the digits "
	  "(halfvec), or as double precision[], which needs no pgvector.",
	  0, 0 },
	{ OPTION_FLAG, "distributed", 0,
	  offsetof(struct init_options, distributed), NULL,
	  "PostgreSQL with Citus: over its workers, by URL.", 0, 0 },
	{ 0 },
};

const struct command init_command = {
	.name = "init",
	.arguments = "[OPTION]...",
	.summary = "Make a store, and fix its choices",
	.details = "What is chosen here is recorded in the store and stays.  "
		   "A store that exists is left alone: status 2.",
	.examples = "  windrow init --db sqlite:///pages.db --fulltext off\n"
		    "  windrow init --db postgresql://scraper@db/pages "
		    "--language german\n",
	.options = options,
	.settings = sizeof(struct init_options),
	.run = init_run,
};
