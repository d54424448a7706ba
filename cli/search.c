/*
 * windrow search: finds pages.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "moment.h"
#include "output.h"
#include "select.h"
#include "store.h"
#include "windrow.h"

/* Around the words found in a snippet; no page has a right to them. */
#define MARK_START '\x01'
#define MARK_END '\x02'

struct search_options {
	struct common common;
	int mode;
	uint64_t limit, effort;
	struct selection sel;
};

static void print_json(struct text *t, size_t rank,
		       const struct wr_document *doc)
{
	json_open(t);
	json_put_number(t, "rank", rank);
	json_put_real(t, "score", doc->score);
	json_put_string(t, "url", doc->url);
	json_put_string(t, "title", doc->title);
	json_put_string(t, "snippet", doc->snippet);
	json_put_time(t, "fetched_at", doc->fetched_at);
	json_name(t, "metadata");
	if (doc->metadata.len && json_is_value(doc->metadata))
		text_add(t, doc->metadata.ptr, doc->metadata.len);
	else
		text_puts(t, "null");
	json_put_number(t, "rank_text", doc->rank_text);
	json_put_number(t, "rank_vector", doc->rank_vector);
	json_close(t);
	output_line(t);
}

static void add_ranks(struct text *t, const struct wr_document *doc)
{
	text_printf(t, "  %.4f", doc->score);
	if (doc->rank_text && doc->rank_vector)
		text_printf(t, " (text %u, vector %u)", doc->rank_text,
			    doc->rank_vector);
	else if (doc->rank_text)
		text_puts(t, " (text)");
	else if (doc->rank_vector)
		text_puts(t, " (vector)");
}

static void print_hit(struct text *t, size_t rank,
		      const struct wr_document *doc, size_t columns)
{
	enum { INDENT = 4 };
	bool colour = output_colour(stdout);
	struct text shown = { 0 };

	if (rank > 1)
		text_putc(t, '\n');
	text_printf(t, "%2zu. ", rank);
	text_add_shown(&shown, doc->title.len ? doc->title : doc->url, 0);
	output_put(t, colour, COLOUR_BOLD, shown.ptr ? shown.ptr : "");
	text_clear(&shown);
	add_ranks(&shown, doc);
	output_put(t, colour, COLOUR_DIM, shown.ptr);
	text_clear(&shown);
	text_add_shown(&shown, doc->url, 0);
	text_puts(t, "\n    ");
	output_put(t, colour, COLOUR_BLUE, shown.ptr ? shown.ptr : "");
	text_putc(t, '\n');
	output_wrap(t, doc->snippet, INDENT, columns, colour, MARK_START,
		    MARK_END);
	output_print(t);
	text_clear(t);
	text_release(&shown);
}

static void print_hits(const wr_reply *reply, bool json)
{
	size_t n = wr_reply_documents(reply), i, columns;
	struct text t = { 0 };

	columns = output_columns(stdout);
	if (columns > 100)
		columns = 100;
	for (i = 0; i < n; i++) {
		struct wr_document doc = WR_DOCUMENT_INIT;

		if (wr_reply_document(reply, i, &doc) != 1)
			continue;
		if (json)
			print_json(&t, i + 1, &doc);
		else
			print_hit(&t, i + 1, &doc, columns);
	}
	text_release(&t);
	if (!n)
		output_note("no page matches");
}

static int search(const struct search_options *opts, struct wr_filter *filter,
		  struct wr_str words)
{
	static const enum wr_mode modes[] = { WR_SEARCH_AUTO, WR_SEARCH_AUTO,
					      WR_SEARCH_TEXT, WR_SEARCH_VECTOR,
					      WR_SEARCH_HYBRID };
	static const char start = MARK_START, end = MARK_END;
	struct wr_query query = WR_QUERY_INIT;
	struct wr_error err = { 0 };
	wr_store *store = NULL;
	wr_reply *reply = NULL;
	int status;

	query.mode = modes[opts->mode];
	query.text = words;
	query.limit = (uint32_t)opts->limit;
	query.effort = (uint32_t)opts->effort;
	query.filter = filter;
	if (!opts->common.json) {
		query.mark_start = (struct wr_str){ &start, 1 };
		query.mark_end = (struct wr_str){ &end, 1 };
	}
	/* Text alone needs no embedder. */
	status = store_open(&store, &opts->common,
			    query.mode == WR_SEARCH_TEXT ? STORE_BARE
							 : STORE_EMBEDDER);
	if (status)
		return status;
	if (wr_search_wait(store, &query, -1, &reply, &err))
		status = output_failed("", &err);
	else
		print_hits(reply, opts->common.json);
	wr_reply_free(reply);
	return store_close(store, status);
}

static int search_run(void *settings, size_t nargs, char **args)
{
	struct search_options *opts = settings;
	struct wr_filter filter;
	struct text words = { 0 };
	int status;
	size_t i;

	for (i = 0; i < nargs; i++) {
		if (i)
			text_putc(&words, ' ');
		text_puts(&words, args[i]);
	}
	status = selection_filter(&opts->sel, &filter);
	if (!status)
		status = search(opts, &filter, text_str(&words));
	selection_release(&opts->sel);
	text_release(&words);
	return status;
}

static const struct option_spec options[] = {
	{ OPTION_CHOICE, "mode", 'm', offsetof(struct search_options, mode),
	  "auto|text|vector|hybrid",
	  "By words (BM25), by embedding, or by both, fused; auto takes what "
	  "the store has.",
	  0, 0 },
	{ OPTION_NUMBER, "limit", 'k', offsetof(struct search_options, limit),
	  "N", "At most so many pages; default 10.", 1, 10000 },
	{ OPTION_NUMBER, "effort", 0, offsetof(struct search_options, effort),
	  "N",
	  "So many candidates are looked at in an approximate index "
	  "(PostgreSQL's HNSW, ef_search): more finds better, and takes "
	  "longer; default 40, or twice --limit.",
	  1, 1000 },
	{ OPTION_TEXT, "host", 0, offsetof(struct search_options, sel.host),
	  "HOST", SELECT_HOST_HELP, 0, 0 },
	{ OPTION_TEXT, "url-prefix", 0,
	  offsetof(struct search_options, sel.url_prefix), "URL",
	  SELECT_PREFIX_HELP, 0, 0 },
	{ OPTION_TIME, "since", 0, offsetof(struct search_options, sel.since),
	  "TIME", SELECT_SINCE_HELP, 0, 0 },
	{ OPTION_TIME, "until", 0, offsetof(struct search_options, sel.until),
	  "TIME", SELECT_UNTIL_HELP, 0, 0 },
	{ OPTION_LIST, "meta", 0, offsetof(struct search_options, sel.meta),
	  "KEY=VALUE", SELECT_META_HELP, 0, 0 },
	{ 0 },
};

const struct command search_command = {
	.name = "search",
	.arguments = "[OPTION]... WORD...",
	.summary = "Find pages",
	.details =
		"Finds pages with any of the words, the best first; \"a "
		"phrase\" and -word work as in web search, behind -- or in "
		"quotes.  No input is a syntax error.  With --json JSON Lines: "
		"rank, score, url, title, snippet, fetched_at, metadata, and "
		"the ranks by text and by vector (0: not found that way).",
	.examples = "  windrow search how do I stop a long running query\n"
		    "  windrow search -k 3 --host example.org '\"full text\" "
		    "-draft'\n",
	.options = options,
	.settings = sizeof(struct search_options),
	.min_args = 1,
	.max_args = SIZE_MAX,
	.run = search_run,
};
