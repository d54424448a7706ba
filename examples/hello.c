/*
 * hello.c - save a page and find it.
 *
 *     cc hello.c $(pkg-config --cflags --libs windrow) && ./a.out
 *
 * The blocking helpers are enough for a script or a command.  They are written
 * on the API that events.c shows.
 */
#include <stdio.h>
#include <string.h>
#include <windrow.h>

static struct wr_str str(const char *s)
{
	return (struct wr_str){ s, strlen(s) };
}

static void print_hits(const wr_reply *hits)
{
	struct wr_document doc = WR_DOCUMENT_INIT;

	for (size_t i = 0; i < wr_reply_documents(hits); i++)
		if (wr_reply_document(hits, i, &doc) == 1)
			printf("%.*s: %.*s\n", (int)doc.url.len, doc.url.ptr,
			       (int)doc.snippet.len, doc.snippet.ptr);
}

int main(int argc, char **argv)
{
	struct wr_options opts = WR_OPTIONS_INIT;
	struct wr_query query = WR_QUERY_INIT;
	struct wr_record page = {
		.url = str("https://example.org/apple"),
		.content = str("Apples are red or green."),
	};
	struct wr_error err = { 0 };
	wr_store *store = NULL;
	wr_reply *hits = NULL;

	opts.store = argc > 1 ? argv[1] : "sqlite:///hello.db";
	opts.embedder = "hash";
	query.text = str("red apples");
	if (wr_open_wait(&store, &opts, -1, &err) ||
	    wr_submit_wait(store, &page, 1, WR_UPDATE, -1, NULL, &err) ||
	    wr_search_wait(store, &query, -1, &hits, &err))
		fprintf(stderr, "hello: %s\n", err.message);
	else
		print_hits(hits);
	wr_reply_free(hits);
	wr_store_free(store);
	return err.status ? 1 : 0;
}
