/*
 * windrow migrate: brings the store's schema up to date.
 */
#include <stddef.h>

#include "command.h"
#include "json.h"
#include "output.h"
#include "store.h"
#include "windrow.h"
#include "work.h"

struct migrate_options {
	struct common common;
	bool quiet;
};

static void print_result(const struct work *w, const wr_reply *reply, bool json)
{
	struct text t = { 0 };

	if (json) {
		json_open(&t);
		json_put_number(&t, "version", wr_reply_total(reply));
		json_name(&t, "seconds");
		text_printf(&t, "%.3f", work_seconds(w));
		json_close(&t);
	} else {
		text_printf(&t, "schema version %llu",
			    (unsigned long long)wr_reply_total(reply));
	}
	output_line(&t);
	text_release(&t);
}

static int migrate(wr_store *store, const struct migrate_options *opts)
{
	struct wr_error err = { 0 };
	wr_reply *reply = NULL;
	struct work w;
	int status = work_init(&w, store, opts->quiet, &err);

	if (!status)
		status = wr_migrate(store, w.queue, WORK_TAG, &err);
	if (!status)
		status = work_await(&w, &reply, &err);
	work_release(&w);
	if (!status)
		print_result(&w, reply, opts->common.json);
	else if (status == WR_ECANCELED)
		status = output_cannot(status,
				       "stopped: what is done is done, and "
				       "windrow migrate goes on from there");
	else
		status = output_failed("", &err);
	wr_reply_free(reply);
	return status;
}

static int migrate_run(void *settings, size_t nargs, char **args)
{
	const struct migrate_options *opts = settings;
	wr_store *store = NULL;
	int status;

	(void)nargs;
	(void)args;
	status = store_open(&store, &opts->common, STORE_BARE_LONG);
	if (status)
		return status;
	return store_close(store, migrate(store, opts));
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "quiet", 'q', offsetof(struct migrate_options, quiet),
	  NULL, "No progress.", 0, 0 },
	{ 0 },
};

const struct command migrate_command = {
	.name = "migrate",
	.arguments = "[OPTION]...",
	.summary = "Bring the store's schema up to date",
	.details = "Prints the version that the schema has now.  A table of "
		   "the original program on PostgreSQL gets its columns here, "
		   "in bounded steps, while that program goes on: one that "
		   "was stopped goes on where it was.  With --json one object "
		   "with version and seconds.",
	.options = options,
	.settings = sizeof(struct migrate_options),
	.run = migrate_run,
};
