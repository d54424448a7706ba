/*
 * load - a program that saves pages while something happens to the database,
 * and then finds out whether what it was told is true.
 *
 *   load URL [NAME=NUMBER | prefix=TEXT | create=never]...
 *
 * Until its standard input ends it keeps submissions of pages in flight, whose
 * keys come again and again with other versions of their contents.  It prints
 * "open", then "acked N FAILED" for each submission that is settled.  In the
 * end it reads all pages back, and the last line is an object of counts.
 * "wrong" is how often a promise was broken; the exit status is 1 then, or 2
 * where the store could not be opened.
 */
#include "windrow.h"
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	DIM = 8,
	READ_AT_A_TIME = 500,
	MOST_WRONG = 20,
	URL_ROOM = 128,
	WAIT_MS = 150000
};

struct key {
	uint32_t sent;	  /* the last version that was submitted; 0: none */
	uint32_t acked;	  /* the last version that was acknowledged */
	uint32_t settled; /* records; those that failed included */
	uint32_t inserted, failed;
	uint32_t submitted;
};

struct item {
	uint32_t key, version;
	bool repeated; /* the version before it again */
};

struct submission {
	struct submission *next;
	int64_t begun_ms;
	size_t n;
	struct item items[];
};

static struct {
	const char *prefix;
	unsigned keys, batch, inflight, size, seed, rounds, shared, quiet;
	/* permille of records that say what was said before */
	unsigned repeat;
} plan = { "https://example.org/", 300, 20, 4, 200, 1, 0, 0, 0, 100 };

static struct {
	uint64_t submissions, outcomes[WR_NOUTCOMES], wrong;
	int64_t slowest_ms, longest_call_ms;
	char first_error[256];
} seen;

static wr_store *store;
static wr_queue *queue;
static struct key *keys;
static uint64_t state;

static void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void wrong(const char *fmt, ...)
{
	va_list args;

	if (++seen.wrong > MOST_WRONG)
		return;
	va_start(args, fmt);
	fprintf(stderr, "wrong: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned random_below(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407);
	return (unsigned)((state >> 33) % n);
}

static void *allot(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

/* ------------------------------------------------------------- the pages -- */

static void url_make(char *url, uint32_t key)
{
	snprintf(url, URL_ROOM, "%s%u", plan.prefix, key);
}

/* "17 3 by 4711: xxxx": key, version and who it was that wrote it. */
static void content_make(char *content, const struct item *item)
{
	int n = snprintf(content, plan.size, "%u %u by %d: ", item->key,
			 item->version, (int)getpid());

	memset(content + n, 'a' + (int)(item->version % 26),
	       plan.size - (size_t)n);
}

/* Other keys of the submission than these, in any order. */
static bool is_taken(const struct submission *sub, uint32_t key)
{
	for (size_t i = 0; i < sub->n; i++)
		if (sub->items[i].key == key)
			return true;
	return false;
}

static struct submission *submission_new(void)
{
	struct submission *sub =
		allot(1, sizeof(*sub) + plan.batch * sizeof(struct item));

	while (sub->n < plan.batch) {
		struct item *item = &sub->items[sub->n];
		uint32_t key = random_below(plan.keys);

		if (is_taken(sub, key))
			continue;
		item->key = key;
		item->repeated =
			keys[key].sent && random_below(1000) < plan.repeat;
		item->version = keys[key].sent + !item->repeated;
		keys[key].sent = item->version;
		keys[key].submitted++;
		sub->n++;
	}
	return sub;
}

static void submit(struct submission *sub)
{
	struct wr_record *recs = allot(sub->n, sizeof(*recs));
	char *texts = allot(sub->n, plan.size + URL_ROOM);
	struct wr_error err;
	int64_t before;
	int status;

	for (size_t i = 0; i < sub->n; i++) {
		char *url = texts + i * (plan.size + URL_ROOM);

		url_make(url, sub->items[i].key);
		content_make(url + URL_ROOM, &sub->items[i]);
		recs[i].url = (struct wr_str){ url, strlen(url) };
		recs[i].content = (struct wr_str){ url + URL_ROOM, plan.size };
	}
	before = now_ms();
	sub->begun_ms = before;
	status = wr_submit(store, recs, sub->n, WR_UPDATE, queue,
			   (uint64_t)(uintptr_t)sub, &err);
	if (now_ms() - before > seen.longest_call_ms)
		seen.longest_call_ms = now_ms() - before;
	if (status) {
		fprintf(stderr, "submit: %s\n", err.message);
		exit(3);
	}
	free(texts);
	free(recs);
}

/* ---------------------------------------------------------- what is told -- */

static void settle_item(const struct item *item, enum wr_outcome outcome,
			enum wr_skip skip, const struct wr_error *err)
{
	struct key *key = &keys[item->key];

	seen.outcomes[outcome]++;
	key->settled++;
	if (outcome == WR_FAILED) {
		key->failed++;
		if (!seen.first_error[0] && err)
			snprintf(seen.first_error, sizeof(seen.first_error),
				 "%s", err->message);
		return;
	}
	if (item->version > key->acked)
		key->acked = item->version;
	if (outcome == WR_INSERTED)
		key->inserted++;
	if (plan.shared)
		return;
	if (outcome == WR_SKIPPED && skip != WR_SKIP_SUPERSEDED)
		wrong("key %u, version %u: skipped (%d)", item->key,
		      item->version, (int)skip);
	if (outcome == WR_UNCHANGED && !item->repeated && !key->failed)
		wrong("key %u, version %u: unchanged, but it was new",
		      item->key, item->version);
	if (outcome == WR_UPDATED && item->repeated && !key->failed &&
	    key->inserted && skip != WR_SKIP_SUPERSEDED)
		wrong("key %u, version %u: updated, but it was the same",
		      item->key, item->version);
}

static void settle(const struct wr_event *event)
{
	struct submission *sub = (struct submission *)(uintptr_t)event->tag;
	int64_t took = now_ms() - sub->begun_ms;
	uint64_t failed = 0, all = 0;

	if (took > seen.slowest_ms)
		seen.slowest_ms = took;
	for (size_t i = 0; i < sub->n; i++) {
		const struct wr_error *err = NULL;
		enum wr_outcome outcome =
			wr_reply_outcome(event->reply, i, &err);

		settle_item(&sub->items[i], outcome,
			    wr_reply_skip(event->reply, i), err);
		failed += outcome == WR_FAILED;
	}
	for (int i = 0; i < WR_NOUTCOMES; i++)
		all += wr_reply_count(event->reply, (enum wr_outcome)i);
	if (all != sub->n)
		wrong("%" PRIu64 " outcomes of %zu records", all, sub->n);
	seen.submissions++;
	if (!plan.quiet)
		printf("acked %" PRIu64 " %" PRIu64 "\n", seen.submissions,
		       failed);
	free(sub);
}

/* --------------------------------------------------------- what is there -- */

static void check_document(uint32_t i, const struct wr_document *doc)
{
	const struct key *key = &keys[i];
	unsigned found_key = 0, version = 0;
	int pid = 0;
	char head[64] = "";

	memcpy(head, doc->content.ptr,
	       doc->content.len < 63 ? doc->content.len : 63);
	if (sscanf(head, "%u %u by %d:", &found_key, &version, &pid) != 3 ||
	    found_key != i || doc->content.len != plan.size)
		wrong("key %u has \"%s\"", i, head);
	else if (!plan.shared && (version < key->acked || version > key->sent))
		wrong("key %u has version %u, acknowledged %u, sent %u", i,
		      version, key->acked, key->sent);
	if (!doc->embedding || doc->embedding_dim != DIM)
		wrong("key %u has no embedding", i);
	if (doc->pending)
		wrong("key %u is pending", i);
}

static void check_some(uint32_t from, uint32_t n)
{
	char urls[READ_AT_A_TIME][URL_ROOM];
	struct wr_str names[READ_AT_A_TIME] = { { NULL, 0 } };
	wr_reply *reply = NULL;
	struct wr_error err;

	for (uint32_t i = 0; i < n; i++) {
		url_make(urls[i], from + i);
		names[i] = (struct wr_str){ urls[i], strlen(urls[i]) };
	}
	if (wr_get_wait(store, names, n, WR_PART_CONTENT | WR_PART_EMBEDDING,
			WAIT_MS, &reply, &err)) {
		wrong("reading: %s", err.message);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct wr_document doc = WR_DOCUMENT_INIT;
		int found = wr_reply_document(reply, i, &doc);

		if (found == 1)
			check_document(from + i, &doc);
		else if (keys[from + i].acked)
			wrong("key %u is lost: version %u was acknowledged",
			      from + i, keys[from + i].acked);
	}
	wr_reply_free(reply);
}

static void check_all(void)
{
	for (uint32_t i = 0; i < plan.keys; i += READ_AT_A_TIME)
		check_some(i, plan.keys - i < READ_AT_A_TIME ? plan.keys - i
							     : READ_AT_A_TIME);
	for (uint32_t i = 0; i < plan.keys; i++) {
		const struct key *key = &keys[i];

		if (key->settled != key->submitted)
			wrong("key %u: %u outcomes of %u", i, key->settled,
			      key->submitted);
		if (!plan.shared && !key->failed && key->submitted &&
		    key->inserted != 1)
			wrong("key %u was inserted %u times", i, key->inserted);
	}
}

/* ------------------------------------------------------------------- all -- */

static bool goes_on(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	if (plan.rounds)
		return seen.submissions < plan.rounds;
	return poll(&in, 1, 0) == 0;
}

static void run(void)
{
	unsigned inflight = 0;
	struct wr_event event;

	while (inflight || goes_on()) {
		while (inflight < plan.inflight && goes_on()) {
			submit(submission_new());
			inflight++;
		}
		if (wr_queue_next(queue, &event, 1, WAIT_MS) != 1) {
			wrong("no event for %d ms", WAIT_MS);
			return;
		}
		if (event.kind == WR_EV_SUBMIT) {
			settle(&event);
			inflight--;
		}
		wr_reply_free(event.reply);
	}
}

struct number {
	const char *name;
	uint32_t *value;
};

static void set(const struct number *numbers, const char *arg,
		struct wr_options *opts)
{
	const char *value = strchr(arg, '=');

	if (!value) {
		fprintf(stderr, "load: what is %s?\n", arg);
		exit(3);
	}
	value++;
	if (!strncmp(arg, "prefix=", 7)) {
		plan.prefix = value;
		return;
	}
	if (!strcmp(arg, "create=never")) {
		opts->create = WR_CREATE_NEVER;
		return;
	}
	for (; numbers->name; numbers++) {
		size_t n = strlen(numbers->name);

		if (!strncmp(arg, numbers->name, n) && arg[n] == '=') {
			*numbers->value = (uint32_t)strtoul(value, NULL, 10);
			return;
		}
	}
	fprintf(stderr, "load: what is %s?\n", arg);
	exit(3);
}

static void take_arguments(char **args, struct wr_options *opts)
{
	const struct number numbers[] = {
		{ "keys", &plan.keys },
		{ "batch", &plan.batch },
		{ "inflight", &plan.inflight },
		{ "size", &plan.size },
		{ "seed", &plan.seed },
		{ "rounds", &plan.rounds },
		{ "shared", &plan.shared },
		{ "quiet", &plan.quiet },
		{ "repeat", &plan.repeat },
		{ "write_batch", &opts->write_batch },
		{ "op_timeout_ms", &opts->op_timeout_ms },
		{ "pool_size", &opts->pool_size },
		{ "max_overflow", &opts->max_overflow },
		{ "pool_timeout_ms", &opts->pool_timeout_ms },
		{ "connect_timeout_ms", &opts->connect_timeout_ms },
		{ "statement_timeout_ms", &opts->statement_timeout_ms },
		{ NULL, NULL },
	};

	for (; *args; args++)
		set(numbers, *args, opts);
}

static void report(void)
{
	printf("{\"submissions\": %" PRIu64 ", \"inserted\": %" PRIu64
	       ", \"updated\": %" PRIu64 ", \"unchanged\": %" PRIu64
	       ", \"skipped\": %" PRIu64 ", \"failed\": %" PRIu64
	       ", \"wrong\": %" PRIu64 ", \"slowest_ms\": %" PRId64
	       ", \"longest_call_ms\": %" PRId64 "}\n",
	       seen.submissions, seen.outcomes[WR_INSERTED],
	       seen.outcomes[WR_UPDATED], seen.outcomes[WR_UNCHANGED],
	       seen.outcomes[WR_SKIPPED], seen.outcomes[WR_FAILED], seen.wrong,
	       seen.slowest_ms, seen.longest_call_ms);
	if (seen.first_error[0])
		fprintf(stderr, "error: %s\n", seen.first_error);
}

int main(int argc, char **argv)
{
	struct wr_options opts = WR_OPTIONS_INIT;
	struct wr_error err;

	if (argc < 2)
		return 3;
	setvbuf(stdout, NULL, _IOLBF, 0);
	opts.store = argv[1];
	opts.embedder = "hash";
	opts.dim = DIM;
	take_arguments(argv + 2, &opts);
	if (plan.batch > plan.keys || plan.size < 64)
		return 3;
	state = plan.seed;
	keys = allot(plan.keys, sizeof(*keys));
	if (wr_open_wait(&store, &opts, WAIT_MS, &err)) {
		fprintf(stderr, "%s %s: %s\n", wr_status_name(err.status),
			err.sqlstate, err.message);
		free(keys);
		return 2;
	}
	if (wr_queue_new(&queue, &err))
		return 3;
	printf("open\n");
	run();
	check_all();
	report();
	if (wr_close_wait(store, WR_CLOSE_DRAIN, WAIT_MS, &err))
		wrong("closing: %s", err.message);
	wr_store_free(store);
	wr_queue_free(queue);
	free(keys);
	return seen.wrong ? 1 : 0;
}
