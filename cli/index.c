/*
 * windrow index: builds the indexes that searches use, or drops them.
 */
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "json.h"
#include "output.h"
#include "store.h"
#include "windrow.h"
#include "work.h"

struct index_options {
	struct common common;
	bool vector, text, drop, quiet;
	uint64_t m, ef_construction;
};

static void print_result(const struct work *w, const struct index_options *opts,
			 uint64_t n)
{
	const char *did = opts->drop ? "dropped" : "built";
	char number[NUMBER_TEXT];
	struct text t = { 0 };

	if (opts->common.json) {
		json_open(&t);
		json_put_number(&t, did, n);
		json_name(&t, "seconds");
		text_printf(&t, "%.3f", work_seconds(w));
		json_close(&t);
	} else if (n) {
		text_printf(&t, "%s %s index%s", did, output_number(number, n),
			    n == 1 ? "" : "es");
	} else {
		text_printf(&t, "nothing to %s", opts->drop ? "drop" : "build");
	}
	output_line(&t);
	text_release(&t);
}

static int build(wr_store *store, const struct index_options *opts)
{
	struct wr_index index = WR_INDEX_INIT;
	struct wr_error err = { 0 };
	wr_reply *reply = NULL;
	struct work w;
	int status = work_init(&w, store, opts->quiet, &err);

	index.which = (opts->vector ? WR_INDEX_VECTOR : 0) |
		      (opts->text ? WR_INDEX_TEXT : 0);
	index.m = (uint32_t)opts->m;
	index.ef_construction = (uint32_t)opts->ef_construction;
	index.drop = opts->drop;
	if (!status)
		status = wr_index(store, &index, w.queue, WORK_TAG, &err);
	if (!status)
		status = work_await(&w, &reply, &err);
	work_release(&w);
	if (!status)
		print_result(&w, opts, wr_reply_total(reply));
	else
		status = output_failed("", &err);
	wr_reply_free(reply);
	return status;
}

static int index_run(void *settings, size_t nargs, char **args)
{
	const struct index_options *opts = settings;
	wr_store *store = NULL;
	int status;

	(void)nargs;
	(void)args;
	if (opts->drop && (opts->m || opts->ef_construction))
		return output_cannot(WR_EINVAL,
				     "index: -m and --ef-construction are for "
				     "building, not for --drop");
	if (opts->text && !opts->vector && (opts->m || opts->ef_construction))
		return output_cannot(WR_EINVAL,
				     "index: -m and --ef-construction are of "
				     "the index of vectors");
	status = store_open(&store, &opts->common, STORE_BARE_LONG);
	if (status)
		return status;
	return store_close(store, build(store, opts));
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "vector", 0, offsetof(struct index_options, vector),
	  NULL, "The index of vectors (HNSW) alone.", 0, 0 },
	{ OPTION_FLAG, "text", 0, offsetof(struct index_options, text), NULL,
	  "The index of words (GIN) alone.", 0, 0 },
	{ OPTION_FLAG, "drop", 0, offsetof(struct index_options, drop), NULL,
	  "Drop them, such as before a great load.", 0, 0 },
	{ OPTION_NUMBER, "m", 'm', offsetof(struct index_options, m), "N",
	  "HNSW: neighbours of a vector; more finds better, and takes more "
	  "room; default 16.",
	  2, 100 },
	{ OPTION_NUMBER, "ef-construction", 0,
	  offsetof(struct index_options, ef_construction), "N",
	  "HNSW: candidates while building; more finds better, and takes "
	  "longer; at least twice -m; default 64.",
	  4, 1000 },
	{ OPTION_FLAG, "quiet", 'q', offsetof(struct index_options, quiet),
	  NULL, "No progress.", 0, 0 },
	{ 0 },
};

const struct command index_command = {
	.name = "index",
	.arguments = "[OPTION]...",
	.summary = "Build the indexes that searches use",
	.details =
		"On PostgreSQL searches read all rows until their indexes are "
		"built: best after a load, for each write is many times dearer "
		"with them.  Pages can be taken in meanwhile.  An index that "
		"is there already is left alone.  On SQLite there is nothing "
		"to build.  With --json one object with built (or dropped) and "
		"seconds.",
	.examples = "  windrow index --db postgresql://scraper@db/pages\n"
		    "  windrow index --vector -m 24 --ef-construction 128\n",
	.options = options,
	.settings = sizeof(struct index_options),
	.run = index_run,
};
