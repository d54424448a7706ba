/*
 * windrow stats: what is in the store.
 */
#include <stddef.h>

#include "command.h"
#include "describe.h"
#include "output.h"
#include "store.h"
#include "windrow.h"

struct stats_options {
	struct common common;
	bool exact;
};

static int stats_run(void *settings, size_t nargs, char **args)
{
	const struct stats_options *opts = settings;
	char name[STORE_NAME];
	struct wr_error err = { 0 };
	wr_store *store = NULL;
	wr_reply *reply = NULL;
	int status;

	(void)nargs;
	(void)args;
	status = store_open(&store, &opts->common,
			    opts->exact ? STORE_BARE_LONG : STORE_BARE);
	if (status)
		return status;
	if (wr_stats_wait(store, opts->exact ? WR_STATS_EXACT : 0, -1, &reply,
			  &err))
		status = output_failed("", &err);
	else
		describe_all(reply, store_name(name, store_url(&opts->common)),
			     opts->common.json);
	wr_reply_free(reply);
	return store_close(store, status);
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "exact", 0, offsetof(struct stats_options, exact), NULL,
	  "Count where an estimate is cheaper (PostgreSQL): reads the whole "
	  "table.",
	  0, 0 },
	{ 0 },
};

const struct command stats_command = {
	.name = "stats",
	.arguments = "[OPTION]...",
	.summary = "Show what is in the store",
	.details = "With --json one object: numbers as numbers, what the "
		   "store recorded about itself as text.",
	.options = options,
	.settings = sizeof(struct stats_options),
	.run = stats_run,
};
