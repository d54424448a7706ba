#include "stand.h"

#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static int begin(void **state, bool sqlite)
{
	const char *under = getenv("TMPDIR");
	struct stand *st = test_calloc(1, sizeof(*st));

	st->sqlite = sqlite;
	if (!under)
		under = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(st->folder, sizeof(st->folder), "%s/windrow-engine-XXXXXX",
		 under);
	if (!mkdtemp(st->folder))
		return -1;
	if (sqlite)
		snprintf(st->url, sizeof(st->url), "sqlite:///%s/store.db",
			 st->folder);
	else
		snprintf(st->url, sizeof(st->url), "mem:");
	st->opts = (struct wr_options)WR_OPTIONS_INIT;
	st->opts.store = st->url;
	st->opts.embedder = "hash";
	st->opts.dim = 32;
	must(wr_queue_new(&st->q, &st->err), &st->err);
	*state = st;
	return 0;
}

int stand_mem(void **state)
{
	return begin(state, false);
}

int stand_sqlite(void **state)
{
	return begin(state, true);
}

static void remove_folder(const char *folder)
{
	char path[512];
	struct dirent *entry;
	DIR *dir = opendir(folder);

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

int stand_end(void **state)
{
	struct stand *st = *state;

	wr_store_free(st->store);
	wr_queue_free(st->q);
	remove_folder(st->folder);
	test_free(st);
	return 0;
}

void must_at(int status, const struct wr_error *err, const char *file, int line)
{
	if (!status)
		return;
	print_error("%s: %s: %s\n", wr_status_name(status),
		    err ? err->where : "", err ? err->message : "");
	_fail(file, line);
}

void stand_open(struct stand *st)
{
	must(wr_open_wait(&st->store, &st->opts, PATIENCE_MS, &st->err),
	     &st->err);
}

int stand_open_fails(struct stand *st)
{
	int status = wr_open_wait(&st->store, &st->opts, PATIENCE_MS, &st->err);

	assert_null(st->store);
	assert_int_not_equal(status, 0);
	assert_int_equal(st->err.status, status);
	if (!*st->err.message)
		fail_msg("%s says nothing", wr_status_name(status));
	return status;
}

void stand_close(struct stand *st)
{
	if (!st->store)
		return;
	must(wr_close_wait(st->store, WR_CLOSE_DRAIN, PATIENCE_MS, &st->err),
	     &st->err);
	wr_store_free(st->store);
	st->store = NULL;
}

struct wr_event next_event_at(wr_queue *q, enum wr_event_kind kind,
			      const char *file, int line)
{
	struct wr_event ev = { 0 };
	int n = wr_queue_next(q, &ev, 1, PATIENCE_MS);

	if (n == 1 && ev.kind == kind)
		return ev;
	print_error("waited for event %d, got %d: event %u with status %s\n",
		    (int)kind, n, ev.kind, wr_status_name(ev.status));
	_fail(file, line);
	return ev;
}

void no_event(wr_queue *q)
{
	struct wr_event ev;
	int n = wr_queue_next(q, &ev, 1, 0);

	if (n)
		fail_msg("%d: event %u with tag %" PRIu64 " waits", n, ev.kind,
			 ev.tag);
}

bool is_readable(wr_queue *q)
{
	struct pollfd p = { .fd = wr_queue_fd(q), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

struct wr_str str(const char *s)
{
	return (struct wr_str){ s, strlen(s) };
}

bool str_is(struct wr_str s, const char *expected)
{
	bool same = s.ptr && s.len == strlen(expected) &&
		    !memcmp(s.ptr, expected, s.len);

	if (!same)
		print_error("\"%.*s\" instead of \"%s\"\n", (int)s.len,
			    s.ptr ? s.ptr : "", expected);
	return same;
}

struct wr_record page(const char *url, const char *title, const char *content)
{
	struct wr_record rec = { .url = str(url), .content = str(content) };

	if (title)
		rec.title = str(title);
	return rec;
}

const char *url_of(unsigned n)
{
	static _Thread_local char urls[64][40];
	static _Thread_local unsigned turn;
	char *url = urls[turn++ & 63];

	snprintf(url, sizeof(urls[0]), "https://a.example/%05u", n);
	return url;
}

wr_reply *save(struct stand *st, const struct wr_record *recs, size_t n,
	       enum wr_policy policy)
{
	wr_reply *r = NULL;

	must(wr_submit_wait(st->store, recs, n, policy, PATIENCE_MS, &r,
			    &st->err),
	     &st->err);
	return r;
}

enum wr_outcome put(struct stand *st, const char *url, const char *content)
{
	struct wr_record rec = page(url, NULL, content);
	wr_reply *r = save(st, &rec, 1, WR_UPDATE);
	enum wr_outcome outcome = wr_reply_outcome(r, 0, NULL);

	wr_reply_free(r);
	return outcome;
}

int get(struct stand *st, const char *url, unsigned parts,
	struct wr_document *doc, wr_reply **reply)
{
	struct wr_str key = str(url);

	must(wr_get_wait(st->store, &key, 1, parts, PATIENCE_MS, reply,
			 &st->err),
	     &st->err);
	assert_int_equal(wr_reply_documents(*reply), 1);
	*doc = (struct wr_document)WR_DOCUMENT_INIT;
	return wr_reply_document(*reply, 0, doc);
}

bool is_stored(struct stand *st, const char *url)
{
	struct wr_document doc;
	wr_reply *r;
	int found = get(st, url, 0, &doc, &r);

	wr_reply_free(r);
	return found == 1;
}

bool is_pending(struct stand *st, const char *url)
{
	struct wr_document doc;
	wr_reply *r;
	int found = get(st, url, WR_PART_EMBEDDING, &doc, &r);
	bool pending = doc.pending;

	wr_reply_free(r);
	if (found != 1)
		fail_msg("%s is not stored", url);
	return pending;
}

uint64_t stat_of(struct stand *st, const char *name)
{
	const char *is;
	uint64_t value;
	wr_reply *r;

	must(wr_stats_wait(st->store, 0, PATIENCE_MS, &r, &st->err), &st->err);
	for (size_t i = 0; wr_reply_stat(r, i, &is, &value); i++) {
		if (strcmp(is, name))
			continue;
		wr_reply_free(r);
		return value;
	}
	fail_msg("there is no statistic \"%s\"", name);
	return 0;
}

uint64_t metric_of(wr_store *s, const char *name)
{
	size_t len = strlen(name);
	uint64_t value = 0;
	bool found = false;
	char *text, *rest, *line;

	must(wr_metrics(s, &text), NULL);
	for (line = strtok_r(text, "\n", &rest); line && !found;
	     line = strtok_r(NULL, "\n", &rest)) {
		found = !strncmp(line, name, len) && line[len] == ' ';
		if (found)
			value = strtoull(line + len, NULL, 10);
	}
	wr_free(text);
	if (!found)
		fail_msg("there is no metric \"%s\"", name);
	return value;
}
