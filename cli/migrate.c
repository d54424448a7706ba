/*
 * windrow migrate: brings the store's schema up to date.
 */
#include "command.h"
#include "json.h"
#include "output.h"
#include "store.h"
#include "windrow.h"

static int migrate_run(void *settings, size_t nargs, char **args)
{
	const struct common *common = settings;
	struct wr_error err = { 0 };
	struct text t = { 0 };
	wr_store *store = NULL;
	wr_reply *reply = NULL;
	int status;

	(void)nargs;
	(void)args;
	status = store_open(&store, common, STORE_BARE_LONG);
	if (status)
		return status;
	if (wr_migrate_wait(store, -1, &reply, &err)) {
		status = output_failed("", &err);
	} else if (common->json) {
		json_open(&t);
		json_put_number(&t, "version", wr_reply_total(reply));
		json_close(&t);
		output_line(&t);
	} else {
		printf("schema version %llu\n",
		       (unsigned long long)wr_reply_total(reply));
	}
	text_release(&t);
	wr_reply_free(reply);
	return store_close(store, status);
}

static const struct option_spec options[] = { { 0 } };

const struct command migrate_command = {
	.name = "migrate",
	.arguments = "[OPTION]...",
	.summary = "Bring the store's schema up to date",
	.details = "Prints the version that the schema has now.  With --json "
		   "one object with version.",
	.options = options,
	.settings = sizeof(struct common),
	.run = migrate_run,
};
