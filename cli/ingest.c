/*
 * windrow ingest: scraped pages in.
 *
 * One thread reads (source.c); this one submits, takes events, shows progress
 * and minds signals, and never waits for any of them alone.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "batch.h"
#include "command.h"
#include "json.h"
#include "memory.h"
#include "moment.h"
#include "output.h"
#include "progress.h"
#include "signals.h"
#include "source.h"
#include "store.h"
#include "tally.h"
#include "windrow.h"

enum { BATCH_DEFAULT = 200, EVENTS = 64 };

struct ingest_options {
	struct common common;
	const char *base_url, *rejects;
	int policy, format, embedder;
	uint64_t dim, batch, max_content;
	int64_t timeout;
	bool no_fulltext, ack, quiet;
};

struct ingest {
	const struct ingest_options *opts;
	wr_store *store;
	wr_queue *queue;
	struct source *source;
	struct tally tally;
	struct progress progress;

	struct batch batch; /* taken from the source */
	bool full;	    /* refused by the store until there is room */
	bool stopping;
	bool interrupted;
	uint64_t records, submissions; /* in flight */
};

/* -------------------------------------------------------------- the store --
 */

static uint32_t timeout_ms(int64_t us)
{
	int64_t ms = us / 1000;

	if (us && !ms)
		return 1;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static int open_store(struct ingest *in)
{
	static const char *const embedders[] = { NULL, "none", "hash" };
	const struct ingest_options *opts = in->opts;
	const char *url = store_url(&opts->common);
	int tries, rc = 0;
	struct wr_error err;

	if (!url)
		return EXIT_CANNOT;
	/* Another process may make the store between two tries. */
	for (tries = 0; tries < 4; tries++) {
		struct wr_options o = WR_OPTIONS_INIT;

		o.create = tries % 2 ? WR_CREATE_NEW : WR_CREATE_NEVER;
		o.embedder = embedders[opts->embedder];
		if (o.create == WR_CREATE_NEW && !o.embedder)
			o.embedder = "hash";
		o.dim = (uint32_t)opts->dim;
		if (opts->no_fulltext)
			o.fulltext = WR_FULLTEXT_OFF;
		o.max_content_bytes = opts->max_content;
		o.op_timeout_ms = timeout_ms(opts->timeout);
		err = (struct wr_error){ 0 };
		rc = store_open_with(&in->store, &opts->common, url, &o, &err);
		if (!rc)
			return EXIT_FINE;
		in->store = NULL;
		if (rc != (tries % 2 ? WR_EEXIST : WR_ENOENT))
			break;
	}
	return store_cannot_open(&err);
}

/* ------------------------------------------------------------- the inputs --
 */

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Better now than after an hour. */
static int check_inputs(const struct ingest_options *opts, size_t n,
			char **paths)
{
	bool standard_input = false;
	struct stat st;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(paths[i], "-")) {
			if (standard_input)
				return output_cannot(WR_EINVAL,
						     "standard input can be "
						     "read only once");
			standard_input = true;
			continue;
		}
		if (stat(paths[i], &st))
			return output_cannot(WR_ENOENT, "cannot read %s: %s",
					     paths[i], strerror(errno));
		if (S_ISDIR(st.st_mode) && !opts->base_url)
			return output_cannot(
				WR_EINVAL,
				"%s is a folder: say with --base-url which "
				"address it has on the web, such as "
				"https://example.org/docs/",
				paths[i]);
		if (opts->rejects && same_file(paths[i], opts->rejects))
			return output_cannot(WR_EINVAL,
					     "%s is an input: let --rejects "
					     "name another file",
					     opts->rejects);
	}
	return EXIT_FINE;
}

/* --------------------------------------------------------------- progress --
 */

static void add_outcome(struct text *t, const char *name, uint64_t count)
{
	char number[NUMBER_TEXT];

	text_puts(t, name);
	text_puts(t, output_number(number, count));
}

static void show_progress(struct ingest *in)
{
	char pages[NUMBER_TEXT], rate[NUMBER_TEXT];
	const struct tally *tally = &in->tally;
	double elapsed = progress_elapsed(&in->progress), fraction = -1;
	struct text line = { 0 }, outcomes = { 0 };
	uint64_t done, total, ahead;

	if (!progress_is_due(&in->progress))
		return;
	source_progress(in->source, &done, &total);
	/* Of what was read, what is in flight is not done. */
	ahead = in->records + in->batch.n;
	if (total)
		fraction = (double)done / (double)total *
			   ((double)tally->records + 1) /
			   ((double)(tally->records + ahead) + 1);
	output_number(pages, tally->records);
	output_number(
		rate,
		(uint64_t)(progress_rate(&in->progress, tally->records) + 0.5));
	text_printf(&line, "%s pages  %s pages/s  %.1f MB/s", pages, rate,
		    elapsed > 0 ? (double)tally->content / 1e6 / elapsed : 0);
	add_outcome(&outcomes, "new ", tally->counts[WR_INSERTED]);
	add_outcome(&outcomes, "  updated ", tally->counts[WR_UPDATED]);
	add_outcome(&outcomes, "  unchanged ", tally->counts[WR_UNCHANGED]);
	if (tally->counts[WR_SKIPPED])
		add_outcome(&outcomes, "  skipped ", tally->counts[WR_SKIPPED]);
	add_outcome(&outcomes, "  failed ", tally->counts[WR_FAILED]);
	progress_show(&in->progress, fraction, line.ptr, outcomes.ptr);
	text_release(&outcomes);
	text_release(&line);
}

/* --------------------------------------------------------------- the loop --
 */

static void stop(struct ingest *in)
{
	if (in->stopping)
		return;
	in->stopping = true;
	source_stop(in->source);
}

static void mind_signals(struct ingest *in)
{
	char count[NUMBER_TEXT];

	if (!signals_asked() || in->interrupted)
		return;
	in->interrupted = true;
	stop(in);
	output_error("stopping: %s record%s in flight, press Ctrl-C again to "
		     "abandon them",
		     output_number(count, in->records + in->batch.n),
		     in->records + in->batch.n == 1 ? "" : "s");
}

static void settle(struct ingest *in, struct submission *sub,
		   const struct wr_event *ev)
{
	struct wr_error err = { .status = ev->status };

	in->records -= sub->n;
	in->submissions--;
	if (ev->reply)
		tally_settle(&in->tally, sub, ev->reply);
	else
		tally_fail(&in->tally, sub, &err);
	submission_free(sub);
	if (in->tally.store_failed || ferror(stdout))
		stop(in);
}

/* What was read is not stored, and will not be. */
static void give_up(struct ingest *in, struct submission *sub,
		    const struct wr_error *err)
{
	submission_init(sub, &in->tally, &in->batch);
	tally_fail(&in->tally, sub, err);
	submission_free(sub);
	in->full = false;
	stop(in);
}

/* Let the store have the batch, if it will. */
static void submit(struct ingest *in)
{
	static const enum wr_policy policies[] = { WR_UPDATE, WR_UPDATE,
						   WR_SKIP, WR_FAIL };
	struct submission *sub;
	struct wr_error err = { 0 };
	size_t n = in->batch.n;
	const struct wr_record *recs;
	int rc;

	if (!n || (in->full && !in->tally.store_failed))
		return;
	/* The tag is the submission's address, which is free for the taking. */
	sub = memory_new(1, sizeof(*sub));
	recs = batch_records(&in->batch);
	if (in->tally.store_failed) {
		give_up(in, sub, &in->tally.store_error);
		return;
	}
	rc = wr_submit(in->store, recs, n, policies[in->opts->policy],
		       in->queue, (uintptr_t)sub, &err);
	if (rc == WR_EFULL) {
		in->full = true;
		memory_free(sub);
	} else if (rc) {
		give_up(in, sub, &err);
	} else {
		submission_init(sub, &in->tally, &in->batch);
		in->records += n;
		in->submissions++;
	}
}

static void take_events(struct ingest *in)
{
	struct wr_event events[EVENTS];
	int n, i;

	do {
		n = wr_queue_next(in->queue, events, EVENTS, 0);
		for (i = 0; i < n; i++) {
			struct wr_event *ev = &events[i];

			if (ev->kind == WR_EV_SUBMIT)
				settle(in, (void *)(uintptr_t)ev->tag, ev);
			if (ev->kind == WR_EV_SUBMIT || ev->kind == WR_EV_ROOM)
				in->full = false;
			wr_reply_free(ev->reply);
		}
	} while (n == EVENTS);
}

static int shorter(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static void wait_for_more(struct ingest *in, int wait_ms)
{
	struct pollfd fds[] = {
		{ .fd = wr_queue_fd(in->queue), .events = POLLIN },
		/* Once it was heard, a signal has nothing new to say. */
		{ .fd = in->interrupted ? -1 : signals_fd(), .events = POLLIN },
		{ .fd = in->batch.n || source_is_done(in->source)
				? -1
				: source_fd(in->source),
		  .events = POLLIN },
	};

	poll(fds, 3, shorter(wait_ms, progress_wait(&in->progress)));
}

static void run_loop(struct ingest *in)
{
	for (;;) {
		int wait_ms = -1;

		mind_signals(in);
		if (!in->batch.n && source_take(in->source, &in->batch,
						!in->submissions, &wait_ms)) {
			tally_refusals(&in->tally, &in->batch);
			if (!in->batch.n)
				batch_clear(&in->batch);
		}
		submit(in);
		if (!in->batch.n && !in->submissions &&
		    source_is_done(in->source))
			break;
		wait_for_more(in, wait_ms);
		take_events(in);
		show_progress(in);
	}
}

/* -------------------------------------------------------------- the report --
 */

static void print_report(const struct tally *tally, double seconds)
{
	const uint64_t *counts = tally->counts;
	struct text t = { 0 };

	json_open(&t);
	json_put_number(&t, "inserted", counts[WR_INSERTED]);
	json_put_number(&t, "updated", counts[WR_UPDATED]);
	json_put_number(&t, "unchanged", counts[WR_UNCHANGED]);
	json_put_number(&t, "skipped", counts[WR_SKIPPED]);
	json_put_number(&t, "failed", counts[WR_FAILED]);
	json_put_number(&t, "embedded", tally->embedded);
	json_name(&t, "seconds");
	text_printf(&t, "%.3f", seconds);
	json_close(&t);
	output_line(&t);
	text_release(&t);
}

static void note_summary(const struct tally *tally, double seconds)
{
	static const char *const words[WR_NOUTCOMES] = { "new", "updated",
							 "unchanged", "skipped",
							 "failed" };
	char number[NUMBER_TEXT], took[MOMENT_TEXT];
	struct text t = { 0 };
	int i;

	moment_format_seconds(took, seconds);
	text_printf(&t, "%s page%s in %s",
		    output_number(number, tally->records),
		    tally->records == 1 ? "" : "s", took);
	if (tally->records && seconds > 0)
		text_printf(&t, " (%s/s)",
			    output_number(number,
					  (uint64_t)((double)tally->records /
						     seconds)));
	for (i = 0; i < WR_NOUTCOMES; i++)
		text_printf(&t, "%s %s %s", i ? "," : ":",
			    output_number(number, tally->counts[i]), words[i]);
	text_printf(&t, "; %s embedded",
		    output_number(number, tally->embedded));
	output_note("%s", t.ptr);
	text_release(&t);
}

static int report(struct ingest *in)
{
	const struct ingest_options *opts = in->opts;
	double seconds = progress_elapsed(&in->progress);
	const struct tally *tally = &in->tally;
	uint64_t failed = tally->counts[WR_FAILED];
	bool stored = failed < tally->records;
	size_t unopened, broken;
	char number[NUMBER_TEXT];

	source_failures(in->source, &unopened, &broken);
	if (tally_unnamed(tally))
		output_error("%s more failed (--rejects FILE keeps them all)",
			     output_number(number, tally_unnamed(tally)));
	if (opts->rejects && failed)
		output_error("%s failed, and went to %s",
			     output_number(number, failed), opts->rejects);
	if (tally->store_failed)
		output_error("stopped reading, since the store fails: %s",
			     output_reason(&tally->store_error));
	if (!opts->quiet)
		note_summary(tally, seconds);
	if (opts->common.json)
		print_report(tally, seconds);
	if (unopened || (tally->store_failed && !stored))
		return EXIT_CANNOT;
	return failed || broken || in->interrupted || tally->store_failed
		       ? EXIT_SOME
		       : EXIT_FINE;
}

static int start(struct ingest *in, size_t nargs, char **args)
{
	static const enum wr_format formats[] = {
		WR_FORMAT_AUTO, WR_FORMAT_AUTO, WR_FORMAT_JSONL, WR_FORMAT_HTML
	};
	const struct ingest_options *opts = in->opts;
	struct source_options from = {
		.paths = args,
		.npaths = nargs,
		.format = formats[opts->format],
		.base_url = opts->base_url,
		.max_content = opts->max_content,
		.records = opts->batch ? opts->batch : BATCH_DEFAULT,
		.raw = opts->rejects != NULL,
	};
	struct wr_error err = { 0 };

	if (check_inputs(opts, nargs, args) || open_store(in))
		return EXIT_CANNOT;
	if (wr_queue_new(&in->queue, &err))
		return output_failed("", &err);
	if (tally_init(&in->tally, opts->ack, opts->rejects))
		return EXIT_CANNOT;
	in->source = source_start(&from);
	return in->source ? EXIT_FINE : EXIT_CANNOT;
}

static int ingest_run(void *settings, size_t nargs, char **args)
{
	struct ingest in = { .opts = settings };
	int status;

	signals_catch();
	status = start(&in, nargs, args);
	if (!status) {
		progress_init(&in.progress, in.opts->quiet);
		run_loop(&in);
		progress_done(&in.progress);
		status = report(&in);
	}
	source_free(in.source);
	if (!tally_done(&in.tally))
		status = EXIT_CANNOT;
	batch_release(&in.batch);
	status = store_close(in.store, status);
	wr_queue_free(in.queue);
	return status;
}

static const struct option_spec options[] = {
	{ OPTION_TEXT, "base-url", 0, offsetof(struct ingest_options, base_url),
	  "URL",
	  "The address that a folder of HTML files has on the web: a file's "
	  "URL is this and its path in the folder.",
	  0, 0 },
	{ OPTION_CHOICE, "format", 0, offsetof(struct ingest_options, format),
	  "auto|jsonl|html",
	  "What the inputs are.  By default a folder is HTML, all else JSON "
	  "Lines; gzip and zstd are recognised.",
	  0, 0 },
	{ OPTION_CHOICE, "policy", 0, offsetof(struct ingest_options, policy),
	  "update|skip|fail",
	  "What happens to a URL that is stored already: it is updated if it "
	  "changed (the default), left as it is, or its record fails.",
	  0, 0 },
	{ OPTION_CHOICE, "embedder", 0,
	  offsetof(struct ingest_options, embedder), "none|hash",
	  "What embeds the pages: by default what the store recorded; hash in "
	  "a new one.  With none pages wait for windrow embed --pending.",
	  0, 0 },
	{ OPTION_NUMBER, "dim", 0, offsetof(struct ingest_options, dim), "N",
	  "Dimension of the embeddings, where this makes the store; default "
	  "384.",
	  1, 16384 },
	{ OPTION_FLAG, "no-fulltext", 0,
	  offsetof(struct ingest_options, no_fulltext), NULL,
	  "No full text index, where this makes the store: faster to fill, "
	  "and searched by embedding alone.",
	  0, 0 },
	{ OPTION_NUMBER, "batch", 0, offsetof(struct ingest_options, batch),
	  "N",
	  "Records handed to the store at a time; default 200.  Fewer are "
	  "handed over when no more come for a moment.",
	  1, 10000 },
	{ OPTION_SIZE, "max-content", 0,
	  offsetof(struct ingest_options, max_content), "BYTES",
	  "A record with more content fails; default 64M.", 1, 0 },
	{ OPTION_AGE, "timeout", 0, offsetof(struct ingest_options, timeout),
	  "AGE",
	  "How long records are tried again while the store is busy, full or "
	  "away, before they fail; default 2m.",
	  0, 0 },
	{ OPTION_TEXT, "rejects", 0, offsetof(struct ingest_options, rejects),
	  "FILE",
	  "Write failed records there, as JSON Lines with url, reason, status "
	  "and the record itself, so that the file can be taken in again.",
	  0, 0 },
	{ OPTION_FLAG, "ack", 0, offsetof(struct ingest_options, ack), NULL,
	  "Print the URL of each record, as it was given, once it is "
	  "committed: inserted, updated or unchanged.",
	  0, 0 },
	{ OPTION_FLAG, "quiet", 'q', offsetof(struct ingest_options, quiet),
	  NULL, "No progress and no summary; failures are still named.", 0, 0 },
	{ 0 },
};

const struct command ingest_command = {
	.name = "ingest",
	.arguments = "[OPTION]... INPUT...",
	.summary = "Take scraped pages in",
	.details =
		"An INPUT is a file of JSON Lines, one record a line with the "
		"members url, title, raw_content, and optionally metadata, "
		"fetched_at and embedding; - for the same from standard "
		"input; or a folder of HTML files, with --base-url.  The "
		"store is made where there is none.\n\n"
		"Ctrl-C stops reading and waits for what is under way; a "
		"second one stops at once.  With --json the report is one "
		"object with inserted, updated, unchanged, skipped, failed, "
		"embedded and seconds.",
	.examples =
		"  windrow ingest pages.jsonl.zst\n"
		"  scraper | windrow ingest --ack -\n"
		"  windrow ingest --base-url https://example.org/docs/ html/\n",
	.options = options,
	.settings = sizeof(struct ingest_options),
	.min_args = 1,
	.max_args = SIZE_MAX,
	.run = ingest_run,
};
