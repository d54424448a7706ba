/*
 * windrow get: shows stored pages.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "command.h"
#include "lines.h"
#include "moment.h"
#include "output.h"
#include "store.h"
#include "windrow.h"

enum { CHUNK = 100 };

struct get_options {
	struct common common;
	bool vectors, keys;
};

struct get {
	const struct get_options *opts;
	wr_store *store;
	wr_writer *writer; /* with --json */
	uint64_t found, missing;
};

static void add_member(struct text *t, bool colour, const char *name,
		       struct wr_str value)
{
	if (!value.len)
		return;
	output_put(t, colour, COLOUR_DIM, name);
	text_add_shown(t, value, 0);
	text_putc(t, '\n');
}

static void add_time(struct text *t, bool colour, const char *name, int64_t us)
{
	char s[MOMENT_TEXT];

	if (!us)
		return;
	moment_format(s, us, false);
	add_member(t, colour, name, (struct wr_str){ s, strlen(s) });
}

static void print_readable(struct get *get, const struct wr_document *doc)
{
	bool colour = output_colour(stdout);
	struct text t = { 0 }, title = { 0 };

	if (get->found)
		text_puts(&t, "\n");
	text_add_shown(&title, doc->title, 0);
	if (title.len) {
		output_put(&t, colour, COLOUR_BOLD, title.ptr);
		text_putc(&t, '\n');
	}
	add_member(&t, colour, "url       ", doc->url);
	add_time(&t, colour, "fetched   ", doc->fetched_at);
	add_time(&t, colour, "stored    ", doc->created_at);
	if (doc->updated_at != doc->created_at)
		add_time(&t, colour, "updated   ", doc->updated_at);
	add_member(&t, colour, "metadata  ", doc->metadata);
	if (doc->pending)
		add_member(&t, colour, "embedding ",
			   (struct wr_str){ "waits", 5 });
	text_putc(&t, '\n');
	text_add_shown(&t, doc->content, 1);
	if (doc->content.len && doc->content.ptr[doc->content.len - 1] != '\n')
		text_putc(&t, '\n');
	output_print(&t);
	text_release(&title);
	text_release(&t);
}

static int print_reply(struct get *get, const struct lines *lines,
		       const wr_reply *reply, unsigned parts)
{
	struct wr_error err = { 0 };
	size_t i;

	for (i = 0; i < lines->n; i++) {
		struct wr_document doc = WR_DOCUMENT_INIT;

		if (wr_reply_document(reply, i, &doc) != 1) {
			output_error("not stored: %.*s",
				     (int)(lines->items[i].len < 2048
						   ? lines->items[i].len
						   : 2048),
				     lines->items[i].ptr);
			get->missing++;
			continue;
		}
		if (!get->writer)
			print_readable(get, &doc);
		else if (wr_writer_put(get->writer, &doc, parts, &err))
			return output_failed("", &err);
		get->found++;
	}
	return EXIT_FINE;
}

static int get_all(struct get *get, struct lines *lines)
{
	unsigned parts = WR_PART_CONTENT;
	struct wr_error err = { 0 };
	wr_reply *reply;
	int status;

	if (get->opts->vectors)
		parts |= WR_PART_EMBEDDING;
	if (get->opts->keys)
		parts |= WR_KEYS;
	for (;;) {
		status = lines_read(lines, CHUNK);
		if (status || !lines->n)
			return status;
		reply = NULL;
		if (wr_get_wait(get->store, lines->items, lines->n, parts, -1,
				&reply, &err))
			status = output_failed("", &err);
		else
			status = print_reply(get, lines, reply, parts);
		wr_reply_free(reply);
		if (status)
			return status;
	}
}

static int get_run(void *settings, size_t nargs, char **args)
{
	struct get get = { .opts = settings };
	struct wr_error err = { 0 };
	struct lines lines;
	int status;

	status = store_open(&get.store, &get.opts->common, STORE_BARE);
	if (status)
		return status;
	lines_init_args(&lines, args, nargs);
	if (get.opts->common.json && wr_writer_open(&get.writer, "-", &err))
		status = output_failed("", &err);
	if (!status)
		status = get_all(&get, &lines);
	if (get.writer && wr_writer_close(get.writer, &err))
		status = output_failed("", &err);
	lines_release(&lines);
	if (!status && get.missing)
		status = EXIT_SOME;
	return store_close(get.store, status);
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "vectors", 0, offsetof(struct get_options, vectors),
	  NULL, "With --json the embeddings too.", 0, 0 },
	{ OPTION_FLAG, "keys", 0, offsetof(struct get_options, keys), NULL,
	  "The names are keys of one's own, not URLs.", 0, 0 },
	{ 0 },
};

const struct command get_command = {
	.name = "get",
	.arguments = "[OPTION]... URL...",
	.summary = "Show stored pages",
	.details =
		"Prints title, address, times, metadata and content of each "
		"URL; - reads URLs, one a line, from standard input.  One that "
		"is not stored is named, and the exit status is 1.  With "
		"--json JSON Lines, as windrow export writes them.",
	.examples = "  windrow get https://example.org/\n"
		    "  windrow get --json - < urls.txt\n",
	.options = options,
	.settings = sizeof(struct get_options),
	.min_args = 1,
	.max_args = SIZE_MAX,
	.run = get_run,
};
