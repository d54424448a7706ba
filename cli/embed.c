/*
 * windrow embed --pending: embeds the pages that wait for it.
 */
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "json.h"
#include "output.h"
#include "progress.h"
#include "signals.h"
#include "store.h"
#include "windrow.h"

/* Pages between two looks at progress and signals. */
enum { PORTION = 500 };

struct embed_options {
	struct common common;
	bool pending, quiet;
	uint64_t limit;
};

struct embedding {
	const struct embed_options *opts;
	wr_store *store;
	struct progress progress;
	uint64_t embedded, remaining;
};

static int embed_portion(struct embedding *e, uint64_t limit, uint64_t *n)
{
	struct wr_error err = { 0 };
	wr_reply *reply = NULL;
	int status = EXIT_FINE;

	if (wr_embed_pending_wait(e->store, limit, -1, &reply, &err)) {
		status = output_failed("", &err);
	} else {
		*n = wr_reply_total(reply);
		e->embedded += *n;
		e->remaining = wr_reply_remaining(reply);
	}
	wr_reply_free(reply);
	return status;
}

static int embed_all(struct embedding *e)
{
	uint64_t limit = e->opts->limit, portion, n = 0;
	int status;

	do {
		portion = PORTION;
		if (limit && limit - e->embedded < portion)
			portion = limit - e->embedded;
		status = embed_portion(e, portion, &n);
		if (status)
			return status;
		progress_count(&e->progress, "embedded", e->embedded,
			       e->embedded + e->remaining, "pages");
		if (signals_asked() && e->remaining) {
			output_error("stopped: some pages wait still");
			return EXIT_SOME;
		}
	} while (n && e->remaining && (!limit || e->embedded < limit));
	if (!n && e->remaining) {
		output_error("%llu pages wait still: they could not be "
			     "embedded",
			     (unsigned long long)e->remaining);
		return EXIT_SOME;
	}
	return EXIT_FINE;
}

static void print_result(const struct embedding *e)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT];
	struct text t = { 0 };

	if (e->opts->common.json) {
		json_open(&t);
		json_put_number(&t, "embedded", e->embedded);
		json_put_number(&t, "remaining", e->remaining);
		json_name(&t, "seconds");
		text_printf(&t, "%.3f", progress_elapsed(&e->progress));
		json_close(&t);
	} else {
		text_printf(&t, "embedded %s page%s, %s wait%s still",
			    output_number(a, e->embedded),
			    e->embedded == 1 ? "" : "s",
			    output_number(b, e->remaining),
			    e->remaining == 1 ? "s" : "");
	}
	output_line(&t);
	text_release(&t);
}

static int embed_run(void *settings, size_t nargs, char **args)
{
	struct embedding e = { .opts = settings };
	int status;

	(void)nargs;
	(void)args;
	if (!e.opts->pending)
		return output_cannot(WR_EINVAL, "embed: say which pages, with "
						"--pending");
	status = store_open(&e.store, &e.opts->common, STORE_EMBEDDER_LONG);
	if (status)
		return status;
	signals_catch();
	progress_init(&e.progress, e.opts->quiet);
	status = embed_all(&e);
	progress_done(&e.progress);
	if (status != EXIT_CANNOT)
		print_result(&e);
	return store_close(e.store, status);
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "pending", 0, offsetof(struct embed_options, pending),
	  NULL, "Embed the pages that wait for it.", 0, 0 },
	{ OPTION_NUMBER, "limit", 0, offsetof(struct embed_options, limit), "N",
	  "At most so many.", 1, 0 },
	{ OPTION_FLAG, "quiet", 'q', offsetof(struct embed_options, quiet),
	  NULL, "No progress.", 0, 0 },
	{ 0 },
};

const struct command embed_command = {
	.name = "embed",
	.arguments = "--pending [OPTION]...",
	.summary = "Embed pages that wait for it",
	.details =
		"Embeds, with the embedder that the store recorded, the pages "
		"that were stored without: because it failed, or because they "
		"were taken in with --embedder none.  The exit status is 1 "
		"if some cannot be embedded.  With --json one object with "
		"embedded, remaining and seconds.",
	.options = options,
	.settings = sizeof(struct embed_options),
	.run = embed_run,
};
