/*
 * embed_queue.c - the program embeds, when it likes, on its own thread.
 *
 * With the embedder "queue" Windrow asks by an event: WR_EV_EMBED brings up to
 * embed_batch texts of any number of submissions, and wr_embed_finish() takes
 * the vectors.  A language binding would hand the texts to a coroutine; this
 * program counts letters, which is enough to see a search by vector work.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <windrow.h>

static struct wr_str str(const char *s)
{
	return (struct wr_str){ s, strlen(s) };
}

enum { LETTERS = 26, MAX_TEXTS = 64 };

enum { TAG_OPEN = 1, TAG_SAVE, TAG_SEARCH, TAG_CLOSE };

static void count_letters(struct wr_str text, float *vector)
{
	for (int i = 0; i < LETTERS; i++)
		vector[i] = 0.01f; /* a vector must not be all zero */
	for (size_t i = 0; i < text.len; i++)
		if (isalpha((unsigned char)text.ptr[i]))
			vector[tolower((unsigned char)text.ptr[i]) - 'a'] += 1;
}

/* Answer one request: finish it, or fail it, exactly once. */
static void answer(wr_reply *job)
{
	const struct wr_str *texts;
	static float vectors[MAX_TEXTS * LETTERS];
	size_t n = wr_embed_texts(job, &texts);

	if (n > MAX_TEXTS) {
		wr_embed_fail(job, WR_EDATA, 0, "more texts than were agreed");
		return;
	}
	for (size_t i = 0; i < n; i++)
		count_letters(texts[i], vectors + i * LETTERS);
	printf("embedded %zu texts\n", n);
	if (wr_embed_finish(job, vectors, n, LETTERS))
		fprintf(stderr, "embed_queue: the answer was refused\n");
}

/*
 * Embed whatever is asked for until the verb with this tag has ended, and give
 * its event back.  A real program has one loop for both, as in events.c.
 */
static struct wr_event wait_for(wr_queue *queue, uint64_t tag)
{
	struct wr_event ev;

	for (;;) {
		if (wr_queue_next(queue, &ev, 1, -1) != 1)
			continue;
		if (ev.kind == WR_EV_EMBED)
			answer(ev.reply);
		else if (ev.tag == tag)
			return ev;
		else
			wr_reply_free(ev.reply);
	}
}

static int failed(struct wr_event ev)
{
	if (ev.status)
		fprintf(stderr, "embed_queue: %s\n",
			wr_reply_error(ev.reply)->message);
	return ev.status;
}

static void print_hits(const wr_reply *hits)
{
	struct wr_document doc = WR_DOCUMENT_INIT;

	for (size_t i = 0; i < wr_reply_documents(hits); i++)
		if (wr_reply_document(hits, i, &doc) == 1)
			printf("%.2f  %.*s\n", doc.score, (int)doc.url.len,
			       doc.url.ptr);
}

static int save_and_search(wr_store *store, wr_queue *queue,
			   struct wr_error *err)
{
	struct wr_record pages[] = {
		{ .url = str("https://example.org/banana"),
		  .content = str("bananas, bananas, bananas") },
		{ .url = str("https://example.org/zoo"),
		  .content = str("zoo of zebras and lizards") },
	};
	struct wr_query query = WR_QUERY_INIT;
	struct wr_event ev;

	if (wr_submit(store, pages, 2, WR_UPDATE, queue, TAG_SAVE, err))
		return err->status;
	ev = wait_for(queue, TAG_SAVE);
	wr_reply_free(ev.reply);
	if (ev.status)
		return ev.status;

	query.mode = WR_SEARCH_VECTOR;
	query.text = str("a banana"); /* embedded by ourselves, too */
	if (wr_search(store, &query, queue, TAG_SEARCH, err))
		return err->status;
	ev = wait_for(queue, TAG_SEARCH);
	if (!failed(ev))
		print_hits(ev.reply);
	wr_reply_free(ev.reply);
	return ev.status;
}

int main(int argc, char **argv)
{
	struct wr_options opts = WR_OPTIONS_INIT;
	struct wr_error err = { 0 };
	wr_queue *queue = NULL;
	wr_store *store = NULL;
	struct wr_event ev;
	int status;

	if (wr_queue_new(&queue, &err))
		return 1;
	opts.store = argc > 1 ? argv[1] : "sqlite:///embed_queue.db";
	opts.embedder = "queue";
	opts.embed_queue = queue;
	opts.embed_batch = MAX_TEXTS;
	opts.model = "letters";
	opts.dim = LETTERS;
	if (wr_open(&store, &opts, queue, TAG_OPEN, &err)) {
		fprintf(stderr, "embed_queue: %s\n", err.message);
		wr_queue_free(queue);
		return 1;
	}
	ev = wait_for(queue, TAG_OPEN);
	status = failed(ev);
	wr_reply_free(ev.reply);
	if (!status)
		status = save_and_search(store, queue, &err);
	if (!wr_close(store, WR_CLOSE_DRAIN, queue, TAG_CLOSE, &err)) {
		ev = wait_for(queue, TAG_CLOSE);
		wr_reply_free(ev.reply);
	}
	wr_store_free(store);
	wr_queue_free(queue);
	return status ? 1 : 0;
}
