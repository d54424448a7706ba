/*
 * windrow known: which of these URLs are stored?
 *
 * In chunks, so that memory stays flat; one is read while the store looks the
 * one before up.
 */
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "json.h"
#include "lines.h"
#include "moment.h"
#include "output.h"
#include "store.h"
#include "windrow.h"

enum { CHUNK = 100000 };

struct known_options {
	struct common common;
	int64_t max_age;
	bool stored, all, keys;
};

static void print_one(struct text *t, struct wr_str url,
		      const struct wr_known_url *known, bool json)
{
	if (json) {
		json_open(t);
		json_put_string(t, "url", url);
		json_put_bool(t, "stored", known->stored);
		json_put_time(t, "fetched_at",
			      known->stored ? known->fetched_at : 0);
		json_close(t);
	} else {
		text_add(t, url.ptr, url.len);
	}
	text_putc(t, '\n');
}

static void print_chunk(const struct known_options *opts,
			const struct lines *lines, const wr_reply *reply)
{
	struct text t = { 0 };
	size_t i;

	for (i = 0; i < lines->n; i++) {
		struct wr_known_url known = WR_KNOWN_URL_INIT;

		/* What is no URL is not stored. */
		if (wr_reply_known(reply, i, &known))
			known.stored = 0;
		if (opts->all || !known.stored == !opts->stored)
			print_one(&t, lines->items[i], &known,
				  opts->common.json);
		if (t.len > 1 << 16) {
			output_print(&t);
			text_clear(&t);
		}
	}
	output_print(&t);
	text_release(&t);
}

static int look_up(const struct known_options *opts, wr_store *store,
		   wr_queue *q, struct lines chunks[2])
{
	int64_t since = opts->max_age ? moment_now() - opts->max_age : 0;
	unsigned flags = (opts->common.json ? WR_KNOWN_DETAILS : 0) |
			 (opts->keys ? WR_KEYS : 0);
	struct lines *now = &chunks[0], *next = &chunks[1], *spare;
	struct wr_error err = { 0 };
	struct wr_event ev;
	uint64_t tag = 1;
	int status = lines_read(now, CHUNK);

	for (; !status && now->n; tag++) {
		if (wr_known(store, now->items, now->n, since, flags, q, tag,
			     &err))
			return output_failed("", &err);
		/* The two take turns at one input. */
		lines_pass(next, now);
		status = lines_read(next, CHUNK);
		if (!store_wait(q, tag, &ev))
			return output_cannot(WR_EBUG, "no answer came");
		if (ev.status)
			status = output_event_failed(&ev);
		else
			print_chunk(opts, now, ev.reply);
		wr_reply_free(ev.reply);
		if (ferror(stdout))
			break;
		spare = now;
		now = next;
		next = spare;
	}
	return status;
}

static int known_run(void *settings, size_t nargs, char **args)
{
	const struct known_options *opts = settings;
	struct wr_error err = { 0 };
	struct lines chunks[2] = { 0 };
	wr_store *store = NULL;
	wr_queue *q = NULL;
	int status;

	if (opts->stored && opts->all)
		return output_cannot(WR_EINVAL,
				     "known: --stored and --all exclude each "
				     "other");
	status = store_open(&store, &opts->common, STORE_BARE);
	if (status)
		return status;
	lines_init(&chunks[0], args, nargs);
	if (wr_queue_new(&q, &err))
		status = output_failed("", &err);
	else
		status = look_up(opts, store, q, chunks);
	lines_release(&chunks[0]);
	lines_release(&chunks[1]);
	status = store_close(store, status);
	wr_queue_free(q);
	return status;
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "stored", 0, offsetof(struct known_options, stored),
	  NULL, "Print those that are stored instead.", 0, 0 },
	{ OPTION_FLAG, "all", 0, offsetof(struct known_options, all), NULL,
	  "Print them all; for use with --json.", 0, 0 },
	{ OPTION_AGE, "max-age", 0, offsetof(struct known_options, max_age),
	  "AGE",
	  "What was fetched longer ago does not count as stored: 7d, 12h.", 0,
	  0 },
	{ OPTION_FLAG, "keys", 0, offsetof(struct known_options, keys), NULL,
	  "The names are keys of one's own, not URLs.", 0, 0 },
	{ 0 },
};

const struct command known_command = {
	.name = "known",
	.arguments = "[OPTION]... [FILE]...",
	.summary = "Tell which URLs are not stored yet",
	.details =
		"Reads URLs, one a line, from the FILEs or standard input (-), "
		"and prints those that are not stored, in the same order, as "
		"they were given and as often.  With --json each is an object "
		"on a line of its own: url, stored, fetched_at (null where it "
		"is not stored).",
	.examples = "  windrow known < frontier.txt | scraper | "
		    "windrow ingest -\n"
		    "  windrow known --max-age 7d urls.txt\n",
	.options = options,
	.settings = sizeof(struct known_options),
	.max_args = SIZE_MAX,
	.run = known_run,
};
