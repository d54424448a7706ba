/*
 * windrow prune: deletes pages by age and address.
 *
 * A dry run counts first, so that there is something to measure progress by;
 * then bounded portions are deleted, between which Ctrl-C is heard.
 */
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "json.h"
#include "moment.h"
#include "output.h"
#include "progress.h"
#include "select.h"
#include "signals.h"
#include "store.h"
#include "windrow.h"

/* Each portion looks for its pages anew: not too many of them. */
enum { PORTION_MIN = 5000, PORTIONS = 20 };

struct prune_options {
	struct common common;
	int64_t older_than, before;
	struct selection sel;
	bool dry_run, quiet;
};

static int prune(wr_store *store, const struct wr_filter *filter,
		 uint64_t limit, bool dry_run, uint64_t *n)
{
	struct wr_prune what = WR_PRUNE_INIT;
	struct wr_error err = { 0 };
	wr_reply *reply = NULL;
	int status = EXIT_FINE;

	what.filter = filter;
	what.limit = limit;
	what.dry_run = dry_run;
	if (wr_prune_wait(store, &what, -1, &reply, &err))
		status = output_failed("", &err);
	else
		*n = wr_reply_total(reply);
	wr_reply_free(reply);
	return status;
}

static int prune_all(const struct prune_options *opts, wr_store *store,
		     const struct wr_filter *filter, uint64_t total,
		     uint64_t *done)
{
	uint64_t portion = total / PORTIONS, n = 0;
	struct progress progress;
	int status = EXIT_FINE;

	if (portion < PORTION_MIN)
		portion = PORTION_MIN;
	progress_init(&progress, opts->quiet);
	while (*done < total && !status) {
		status = prune(store, filter, portion, false, &n);
		if (status || !n)
			break;
		*done += n;
		progress_count(&progress, "pruned", *done, total, "pages");
		if (signals_asked() && *done < total) {
			output_error("stopped: some pages are left");
			status = EXIT_SOME;
		}
	}
	progress_done(&progress);
	return status;
}

static void print_result(const struct prune_options *opts, uint64_t n)
{
	char number[NUMBER_TEXT];
	struct text t = { 0 };

	if (opts->common.json) {
		json_open(&t);
		json_put_number(&t, "pruned", opts->dry_run ? 0 : n);
		if (opts->dry_run)
			json_put_number(&t, "would_prune", n);
		json_close(&t);
	} else {
		text_printf(&t, "%s %s page%s",
			    opts->dry_run ? "would prune" : "pruned",
			    output_number(number, n), n == 1 ? "" : "s");
	}
	output_line(&t);
	text_release(&t);
}

static int set_until(struct prune_options *opts)
{
	if (opts->older_than && opts->before)
		return output_cannot(WR_EINVAL,
				     "prune: --older-than and --before exclude "
				     "each other");
	opts->sel.until = opts->before;
	if (opts->older_than)
		opts->sel.until = moment_now() - opts->older_than;
	if (selection_is_empty(&opts->sel))
		return output_cannot(WR_EINVAL,
				     "prune: say which pages, with "
				     "--older-than, --before, --host, "
				     "--url-prefix or --meta");
	return EXIT_FINE;
}

static int prune_run(void *settings, size_t nargs, char **args)
{
	struct prune_options *opts = settings;
	uint64_t total = 0, done = 0;
	wr_store *store = NULL;
	struct wr_filter filter;
	int status;

	(void)nargs;
	(void)args;
	status = set_until(opts);
	if (!status)
		status = selection_filter(&opts->sel, &filter);
	if (!status)
		status = store_open(&store, &opts->common, STORE_BARE_LONG);
	if (!status)
		status = prune(store, &filter, 0, true, &total);
	if (!status && opts->dry_run) {
		print_result(opts, total);
	} else if (!status) {
		signals_catch();
		status = prune_all(opts, store, &filter, total, &done);
		if (status != EXIT_CANNOT)
			print_result(opts, done);
	}
	selection_release(&opts->sel);
	return store_close(store, status);
}

static const struct option_spec options[] = {
	{ OPTION_AGE, "older-than", 0,
	  offsetof(struct prune_options, older_than), "AGE",
	  "Pages fetched longer ago than this: 30d; units s, m, h, d, w, y.", 0,
	  0 },
	{ OPTION_TIME, "before", 0, offsetof(struct prune_options, before),
	  "TIME", "Pages fetched before this time: 2024-05-01.", 0, 0 },
	{ OPTION_TEXT, "host", 0, offsetof(struct prune_options, sel.host),
	  "HOST", SELECT_HOST_HELP, 0, 0 },
	{ OPTION_TEXT, "url-prefix", 0,
	  offsetof(struct prune_options, sel.url_prefix), "URL",
	  SELECT_PREFIX_HELP, 0, 0 },
	{ OPTION_LIST, "meta", 0, offsetof(struct prune_options, sel.meta),
	  "KEY=VALUE", SELECT_META_HELP, 0, 0 },
	{ OPTION_FLAG, "dry-run", 'n', offsetof(struct prune_options, dry_run),
	  NULL, "Only count them.", 0, 0 },
	{ OPTION_FLAG, "quiet", 'q', offsetof(struct prune_options, quiet),
	  NULL, "No progress.", 0, 0 },
	{ 0 },
};

const struct command prune_command = {
	.name = "prune",
	.arguments = "[OPTION]...",
	.summary = "Delete pages by age and address",
	.details =
		"Deletes the pages that all the given options name, in bounded "
		"transactions; without any it refuses.  Ctrl-C stops after the "
		"portion under way.  With --json one object with pruned, and "
		"would_prune with --dry-run.",
	.examples = "  windrow prune --older-than 30d --dry-run\n"
		    "  windrow prune --host old.example.org\n",
	.options = options,
	.settings = sizeof(struct prune_options),
	.run = prune_run,
};
