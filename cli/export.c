/*
 * windrow export: stored pages as JSON Lines.
 *
 * Page by page of a scan; the next is asked for while this one is written.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "progress.h"
#include "select.h"
#include "signals.h"
#include "store.h"
#include "windrow.h"

enum { PAGE = 200 };

struct export_options {
	struct common common;
	struct selection sel;
	bool vectors, quiet;
};

struct export
{
	const struct export_options *opts;
	struct wr_filter filter;
	unsigned parts;
	wr_store *store;
	wr_queue *queue;
	wr_writer *writer;
	struct progress progress;
	uint64_t done, total; /* total 0: unknown; may be an estimate */
};

/* How many there will be: a filter makes that anybody's guess. */
static void count(struct export *e)
{
	wr_reply *reply = NULL;
	const char *name;
	uint64_t value;
	size_t i;

	if (!selection_is_empty(&e->opts->sel))
		return;
	/* A failure's reply has none: there is a number less to show. */
	if (wr_stats_wait(e->store, 0, -1, &reply, NULL))
		e->total = 0;
	for (i = 0; wr_reply_stat(reply, i, &name, &value) == 1; i++) {
		if (!strcmp(name, "documents"))
			e->total = value;
	}
	wr_reply_free(reply);
}

static int write_page(struct export *e, const wr_reply *reply)
{
	size_t n = wr_reply_documents(reply), i;
	struct wr_error err = { 0 };

	for (i = 0; i < n; i++) {
		struct wr_document doc = WR_DOCUMENT_INIT;

		if (wr_reply_document(reply, i, &doc) != 1)
			continue;
		if (wr_writer_put(e->writer, &doc, e->parts, &err))
			return output_failed("", &err);
		e->done++;
	}
	progress_count(&e->progress, "exported", e->done, e->total, "pages");
	return EXIT_FINE;
}

static int ask(struct export *e, struct wr_str after, uint64_t tag)
{
	struct wr_scan scan = WR_SCAN_INIT;
	struct wr_error err = { 0 };

	scan.filter = &e->filter;
	scan.after = after;
	scan.limit = PAGE;
	scan.parts = e->parts;
	if (wr_scan(e->store, &scan, e->queue, tag, &err))
		return output_failed("", &err);
	return EXIT_FINE;
}

static int export_all(struct export *e)
{
	struct wr_str start = { NULL, 0 }, cursor;
	struct wr_event ev;
	uint64_t tag = 1;
	bool more = true;
	int status = ask(e, start, tag);

	while (!status && more) {
		if (!store_wait(e->queue, tag, &ev))
			return output_cannot(WR_EBUG, "no answer came");
		if (ev.status) {
			status = output_event_failed(&ev);
			more = false;
		} else {
			cursor = wr_reply_cursor(ev.reply);
			more = cursor.len > 0;
		}
		if (more)
			status = ask(e, cursor, ++tag);
		if (!status)
			status = write_page(e, ev.reply);
		wr_reply_free(ev.reply);
		if (!status && signals_asked())
			status = output_cannot(WR_ECANCELED,
					       "stopped: nothing was exported");
	}
	return status;
}

static void report(const struct export *e, const char *path)
{
	double seconds = progress_elapsed(&e->progress);
	bool to_file = strcmp(path, "-") != 0;
	char number[NUMBER_TEXT];
	struct text t = { 0 };

	if (e->opts->common.json && to_file) {
		json_open(&t);
		json_put_number(&t, "exported", e->done);
		json_name(&t, "seconds");
		text_printf(&t, "%.3f", seconds);
		json_close(&t);
		output_line(&t);
	} else if (!e->opts->quiet) {
		output_note("exported %s page%s%s%s",
			    output_number(number, e->done),
			    e->done == 1 ? "" : "s", to_file ? " to " : "",
			    to_file ? path : "");
	}
	text_release(&t);
}

static int export_to(struct export *e, const char *path)
{
	struct wr_error err = { 0 };
	int status;

	if (wr_queue_new(&e->queue, &err) ||
	    wr_writer_open(&e->writer, path, &err))
		return output_failed("", &err);
	signals_catch();
	count(e);
	progress_init(&e->progress, e->opts->quiet);
	status = export_all(e);
	progress_done(&e->progress);
	if (status)
		wr_writer_abort(e->writer);
	else if (wr_writer_close(e->writer, &err))
		status = output_failed("", &err);
	if (!status)
		report(e, path);
	return status;
}

static int export_run(void *settings, size_t nargs, char **args)
{
	struct export_options *opts = settings;
	struct export e = { .opts = opts, .parts = WR_PART_CONTENT };
	const char *path = nargs ? args[0] : "-";
	int status;

	if (opts->vectors)
		e.parts |= WR_PART_EMBEDDING;
	status = selection_filter(&opts->sel, &e.filter);
	if (!status)
		status = store_open(&e.store, &opts->common, STORE_BARE);
	if (!status)
		status = export_to(&e, path);
	selection_release(&opts->sel);
	status = store_close(e.store, status);
	wr_queue_free(e.queue);
	return status;
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "vectors", 0, offsetof(struct export_options, vectors),
	  NULL, "The embeddings too.", 0, 0 },
	{ OPTION_TEXT, "host", 0, offsetof(struct export_options, sel.host),
	  "HOST", SELECT_HOST_HELP, 0, 0 },
	{ OPTION_TEXT, "url-prefix", 0,
	  offsetof(struct export_options, sel.url_prefix), "URL",
	  SELECT_PREFIX_HELP, 0, 0 },
	{ OPTION_TIME, "since", 0, offsetof(struct export_options, sel.since),
	  "TIME", SELECT_SINCE_HELP, 0, 0 },
	{ OPTION_TIME, "until", 0, offsetof(struct export_options, sel.until),
	  "TIME", SELECT_UNTIL_HELP, 0, 0 },
	{ OPTION_LIST, "meta", 0, offsetof(struct export_options, sel.meta),
	  "KEY=VALUE", SELECT_META_HELP, 0, 0 },
	{ OPTION_FLAG, "quiet", 'q', offsetof(struct export_options, quiet),
	  NULL, "No progress and no summary.", 0, 0 },
	{ 0 },
};

const struct command export_command = {
	.name = "export",
	.arguments = "[OPTION]... [FILE]",
	.summary = "Write stored pages as JSON Lines",
	.details =
		"Writes to FILE, compressed where its name ends in .gz or "
		".zst, or to standard output.  A file appears when it is "
		"complete.  windrow ingest reads it back: same documents, "
		"times and metadata, and with --vectors the same embeddings.  "
		"With --json a final report, where there is a FILE: one object "
		"with exported and seconds.",
	.examples = "  windrow export --vectors pages.jsonl.zst\n"
		    "  windrow export --host example.org | jq .title\n",
	.options = options,
	.settings = sizeof(struct export_options),
	.max_args = 1,
	.run = export_run,
};
