/*
 * windrow delete: deletes pages by URL.
 */
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "json.h"
#include "lines.h"
#include "output.h"
#include "store.h"
#include "windrow.h"

enum { CHUNK = 1000 };

struct delete_options {
	struct common common;
	bool keys;
};

struct deletion {
	wr_store *store;
	unsigned flags; /* WR_KEYS, or 0 */
	uint64_t deleted, missing, failed;
};

/* Of a name in a message. */
static int shown_length(struct wr_str url)
{
	return (int)(url.len < 2048 ? url.len : 2048);
}

/* Names those that are not there: deleting only counts. */
static int name_missing(struct deletion *del, const struct lines *lines)
{
	struct wr_error err = { 0 };
	wr_reply *reply = NULL;
	int status = EXIT_FINE;
	size_t i;

	if (wr_known_wait(del->store, lines->items, lines->n, 0, del->flags, -1,
			  &reply, &err))
		status = output_failed("", &err);
	for (i = 0; !status && i < lines->n; i++) {
		struct wr_known_url known = WR_KNOWN_URL_INIT;

		if (!wr_reply_known(reply, i, &known) && known.stored)
			continue;
		output_error("not stored: %.*s", shown_length(lines->items[i]),
			     lines->items[i].ptr);
		del->missing++;
	}
	wr_reply_free(reply);
	return status;
}

static void name_failed(struct deletion *del, const struct lines *lines,
			const wr_reply *reply)
{
	const struct wr_error *why;
	size_t i;

	for (i = 0; i < lines->n; i++) {
		if (wr_reply_outcome(reply, i, &why) != WR_FAILED)
			continue;
		output_error("not deleted: %.*s: %s",
			     shown_length(lines->items[i]), lines->items[i].ptr,
			     why ? output_reason(why) : "");
		del->failed++;
	}
}

static int delete_all(struct deletion *del, struct lines *lines)
{
	struct wr_error err = { 0 };
	wr_reply *reply;
	int status;

	for (;;) {
		status = lines_read(lines, CHUNK);
		if (status || !lines->n)
			return status;
		status = name_missing(del, lines);
		if (status)
			return status;
		reply = NULL;
		if (wr_delete_wait(del->store, lines->items, lines->n,
				   del->flags, -1, &reply, &err))
			return output_failed("", &err);
		del->deleted += wr_reply_total(reply);
		name_failed(del, lines, reply);
		wr_reply_free(reply);
	}
}

static void print_result(const struct deletion *del, bool json)
{
	char number[NUMBER_TEXT];
	struct text t = { 0 };

	if (json) {
		json_open(&t);
		json_put_number(&t, "deleted", del->deleted);
		json_put_number(&t, "missing", del->missing);
		json_put_number(&t, "failed", del->failed);
		json_close(&t);
	} else {
		text_printf(&t, "deleted %s page%s",
			    output_number(number, del->deleted),
			    del->deleted == 1 ? "" : "s");
	}
	output_line(&t);
	text_release(&t);
}

static int delete_run(void *settings, size_t nargs, char **args)
{
	const struct delete_options *opts = settings;
	struct deletion del = { .flags = opts->keys ? WR_KEYS : 0 };
	struct lines lines;
	int status;

	status = store_open(&del.store, &opts->common, STORE_BARE);
	if (status)
		return status;
	lines_init_args(&lines, args, nargs);
	status = delete_all(&del, &lines);
	if (!status)
		print_result(&del, opts->common.json);
	if (!status && (del.missing || del.failed))
		status = EXIT_SOME;
	lines_release(&lines);
	return store_close(del.store, status);
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "keys", 0, offsetof(struct delete_options, keys), NULL,
	  "The names are keys of one's own, not URLs.", 0, 0 },
	{ 0 },
};

const struct command delete_command = {
	.name = "delete",
	.arguments = "[OPTION]... URL...",
	.summary = "Delete pages by URL",
	.details = "Deletes the pages with these URLs; - reads URLs, one a "
		   "line, from standard input.  One that is not stored, or "
		   "cannot be deleted, is named, and the exit status is 1.  "
		   "With --json one object with deleted, missing and failed.  "
		   "windrow prune deletes by age and address.",
	.options = options,
	.settings = sizeof(struct delete_options),
	.min_args = 1,
	.max_args = SIZE_MAX,
	.run = delete_run,
};
