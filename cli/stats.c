/*
 * windrow stats: what is in the store.
 */
#include "command.h"
#include "describe.h"
#include "output.h"
#include "store.h"
#include "windrow.h"

static int stats_run(void *settings, size_t nargs, char **args)
{
	const struct common *common = settings;
	struct wr_error err = { 0 };
	wr_store *store = NULL;
	wr_reply *reply = NULL;
	int status;

	(void)nargs;
	(void)args;
	status = store_open(&store, common, STORE_BARE);
	if (status)
		return status;
	if (wr_stats_wait(store, 0, -1, &reply, &err))
		status = output_failed("", &err);
	else
		describe_all(reply, store_url(common), common->json);
	wr_reply_free(reply);
	return store_close(store, status);
}

static const struct option_spec options[] = { { 0 } };

const struct command stats_command = {
	.name = "stats",
	.arguments = "[OPTION]...",
	.summary = "Show what is in the store",
	.details = "With --json one object: numbers as numbers, what the "
		   "store recorded about itself as text.",
	.options = options,
	.settings = sizeof(struct common),
	.run = stats_run,
};
