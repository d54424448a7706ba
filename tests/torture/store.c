/* A store's life: open, save, search, get, known, and so on to its end. */
#include "torture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGES = 3, DIM = 16, PATIENCE_MS = 30000 };

struct place {
	char folder[128], url[192];
	bool sqlite;
	bool fresh; /* each life begins with an empty folder */
};

static struct wr_str str(const char *s)
{
	return (struct wr_str){ s, strlen(s) };
}

static void empty_folder(const struct place *at)
{
	char path[512];
	struct dirent *entry;
	DIR *dir = opendir(at->folder);

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", at->folder,
			 entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
}

/* The statuses that a refused allocation may lead to. */
static void check(const char *verb, int status, const struct wr_error *err)
{
	if (!status)
		return;
	if (status != WR_ENOMEM && status != WR_ETIMEOUT && status != WR_EIO)
		torture_fail("%s ended with %s: %s", verb,
			     wr_status_name(status), err->message);
	if (err->status != status || !*err->message)
		torture_fail("%s: %s, but the error says %s: \"%s\"", verb,
			     wr_status_name(status),
			     wr_status_name(err->status), err->message);
}

static void make_pages(struct wr_record recs[PAGES])
{
	static const char *const urls[PAGES] = {
		"HTTP://A.example:80/x/../one",
		"https://b.example/two?q=%7e",
		"https://c.example/three#part",
	};

	memset(recs, 0, PAGES * sizeof(*recs));
	for (int i = 0; i < PAGES; i++) {
		recs[i].url = str(urls[i]);
		recs[i].title = str("A title");
		recs[i].content = i ? str("words of a page, quite a few")
				    : str("text with a \xff broken byte");
		recs[i].metadata = str("{\"lang\": \"en\", \"n\": [1, 2]}");
	}
}

/* Each record has an outcome, and they add up. */
static int check_outcomes(const wr_reply *r)
{
	uint64_t counts[WR_NOUTCOMES] = { 0 };
	const struct wr_error *err;
	int status = 0;

	for (size_t i = 0; i < PAGES; i++) {
		enum wr_outcome outcome = wr_reply_outcome(r, i, &err);

		counts[outcome]++;
		if ((outcome == WR_FAILED) != (err != NULL))
			torture_fail("record %zu: outcome %d, %s error", i,
				     (int)outcome, err ? "an" : "no");
		if (!err)
			continue;
		check("a record", err->status, err);
		status = err->status;
	}
	for (int k = 0; k < WR_NOUTCOMES; k++)
		if (counts[k] != wr_reply_count(r, (enum wr_outcome)k))
			torture_fail(
				"%d records had outcome %d, %d counted",
				(int)counts[k], k,
				(int)wr_reply_count(r, (enum wr_outcome)k));
	return status;
}

static int save(wr_store *s, unsigned *stored)
{
	struct wr_record recs[PAGES];
	struct wr_error err = { 0 };
	wr_reply *r = NULL;
	int status;

	make_pages(recs);
	status = wr_submit_wait(s, recs, PAGES, WR_UPDATE, PATIENCE_MS, &r,
				&err);
	check("submit", status, &err);
	if (!r)
		return status;
	if (check_outcomes(r) && !status)
		status = WR_ENOMEM;
	if (stored)
		*stored = PAGES - (unsigned)wr_reply_count(r, WR_FAILED);
	wr_reply_free(r);
	return status;
}

static int search(wr_store *s, enum wr_mode mode)
{
	struct wr_query query = WR_QUERY_INIT;
	struct wr_filter filter = WR_FILTER_INIT;
	struct wr_error err = { 0 };
	wr_reply *r = NULL;
	int status;

	filter.metadata = str("{\"lang\": \"en\"}");
	filter.url_prefix = str("http");
	query.mode = mode;
	query.text = str("\"a page\" words text -absent");
	query.filter = &filter;
	query.parts = WR_PART_CONTENT | WR_PART_EMBEDDING;
	query.mark_start = str("[");
	query.mark_end = str("]");
	status = wr_search_wait(s, &query, PATIENCE_MS, &r, &err);
	check("search", status, &err);
	if (!status && wr_reply_documents(r) > PAGES)
		torture_fail("%zu hits", wr_reply_documents(r));
	wr_reply_free(r);
	return status;
}

/* What is found must be whole. */
static int get(wr_store *s, unsigned stored)
{
	struct wr_record recs[PAGES];
	struct wr_str urls[PAGES];
	struct wr_document doc = WR_DOCUMENT_INIT;
	struct wr_error err = { 0 };
	wr_reply *r = NULL;
	unsigned found = 0;
	int status;

	make_pages(recs);
	for (int i = 0; i < PAGES; i++)
		urls[i] = recs[i].url;
	status =
		wr_get_wait(s, urls, PAGES, WR_PART_CONTENT | WR_PART_EMBEDDING,
			    PATIENCE_MS, &r, &err);
	check("get", status, &err);
	if (!status && wr_reply_documents(r) != PAGES)
		torture_fail("%zu documents for %d URLs", wr_reply_documents(r),
			     PAGES);
	for (size_t i = 0; !status && i < PAGES; i++) {
		if (!wr_reply_document(r, i, &doc))
			continue;
		found++;
		if (!doc.content.len || !doc.title.len || !doc.metadata.len)
			torture_fail("document %zu is not whole", i);
	}
	if (!status && found < stored)
		torture_fail("%u acknowledged, %u found", stored, found);
	wr_reply_free(r);
	return status;
}

static int known(wr_store *s)
{
	struct wr_str urls[] = { str("http://a.example/one"),
				 str("https://none.example/") };
	struct wr_known_url k = WR_KNOWN_URL_INIT;
	struct wr_error err = { 0 };
	wr_reply *r = NULL;
	int status = wr_known_wait(s, urls, 2, 0, WR_KNOWN_DETAILS, PATIENCE_MS,
				   &r, &err);

	check("known", status, &err);
	if (!status && (wr_reply_known(r, 1, &k) || k.stored))
		torture_fail("a page that never was is known");
	wr_reply_free(r);
	return status;
}

static int scan(wr_store *s)
{
	struct wr_scan what = WR_SCAN_INIT;
	struct wr_error err = { 0 };
	wr_reply *r = NULL;
	int status;

	what.parts = WR_PART_CONTENT;
	status = wr_scan_wait(s, &what, PATIENCE_MS, &r, &err);
	check("scan", status, &err);
	if (!status && wr_reply_documents(r) > PAGES)
		torture_fail("%zu scanned", wr_reply_documents(r));
	wr_reply_free(r);
	return status;
}

static int administer(wr_store *s)
{
	struct wr_error err = { 0 };
	wr_reply *r = NULL;
	char *text;
	int status, first = 0;

	status = wr_stats_wait(s, 0, PATIENCE_MS, &r, &err);
	check("stats", status, &err);
	wr_reply_free(r);
	first = status;
	status = wr_check_wait(s, 0, PATIENCE_MS, NULL, &err);
	check("check", status, &err);
	first = first ? first : status;
	status = wr_embed_pending_wait(s, 0, PATIENCE_MS, NULL, &err);
	check("embed pending", status, &err);
	first = first ? first : status;
	status = wr_flush_wait(s, PATIENCE_MS, &err);
	check("flush", status, &err);
	first = first ? first : status;
	status = wr_metrics(s, &text);
	if (!status)
		wr_free(text);
	return first ? first : status;
}

static int delete (wr_store *s)
{
	struct wr_prune what = WR_PRUNE_INIT;
	struct wr_filter filter = WR_FILTER_INIT;
	struct wr_str url = str("http://a.example/one");
	struct wr_error err = { 0 };
	int status, first;

	status = wr_delete_wait(s, &url, 1, 0, PATIENCE_MS, NULL, &err);
	check("delete", status, &err);
	first = status;
	filter.host = str("b.example");
	what.filter = &filter;
	status = wr_prune_wait(s, &what, PATIENCE_MS, NULL, &err);
	check("prune", status, &err);
	return first ? first : status;
}

/* The worst status of all that is done while it is open. */
static int use(wr_store *s)
{
	unsigned stored = 0;
	int worst = 0, status;

#define DO(what)                                 \
	do {                                     \
		status = (what);                 \
		worst = status ? status : worst; \
	} while (0)
	DO(save(s, &stored));
	DO(get(s, stored));
	DO(search(s, WR_SEARCH_AUTO));
	DO(search(s, WR_SEARCH_VECTOR));
	DO(known(s));
	DO(scan(s));
	DO(save(s, NULL));
	DO(administer(s));
	DO(delete (s));
#undef DO
	return worst;
}

static int open_store(const struct place *at, wr_store **s)
{
	struct wr_options opts = WR_OPTIONS_INIT;
	struct wr_error err = { 0 };
	int status;

	opts.store = at->url;
	opts.embedder = "hash";
	opts.dim = DIM;
	opts.embed_inflight = 1;
	/* Long enough for one retry, short enough for thousands of lives. */
	opts.op_timeout_ms = 60;
	status = wr_open_wait(s, &opts, PATIENCE_MS, &err);
	check("open", status, &err);
	return status;
}

static int life(void *arg)
{
	const struct place *at = arg;
	wr_store *s = NULL;
	struct wr_error err = { 0 };
	int status, used;

	if (at->fresh)
		empty_folder(at);
	status = open_store(at, &s);
	if (status)
		return status;
	used = use(s);
	status = wr_close_wait(s, WR_CLOSE_DRAIN, PATIENCE_MS, &err);
	check("close", status, &err);
	wr_store_free(s);
	return used ? used : status;
}

/* As left behind, it opens and works. */
static int life_again(void *arg)
{
	const struct place *at = arg;
	wr_store *s = NULL;
	int status = open_store(at, &s);

	if (!status)
		status = save(s, NULL);
	if (!status)
		status = get(s, PAGES);
	wr_store_free(s);
	return status;
}

/* The store goes on after what failed in it: only opening is spared. */
static int life_inside(void *arg)
{
	const struct place *at = arg;
	wr_store *s = NULL;
	int status, used;

	torture_pause();
	status = open_store(at, &s);
	if (status)
		torture_fail("it does not open: %s", wr_status_name(status));
	torture_resume();
	used = use(s);
	torture_pause();
	status = save(s, NULL);
	if (!status)
		status = get(s, PAGES);
	if (!status)
		status = search(s, WR_SEARCH_AUTO);
	if (status)
		torture_fail("the same store, with memory again: %s",
			     wr_status_name(status));
	wr_store_free(s);
	return used;
}

int main(int argc, char **argv)
{
	struct place at = { .url = "mem:" };
	const char *under = getenv("TMPDIR");
	unsigned stride;

	if (argc != 3) {
		fprintf(stderr, "usage: %s mem|sqlite STRIDE\n", argv[0]);
		return 2;
	}
	stride = (unsigned)strtoul(argv[2], NULL, 10);
	at.sqlite = !strcmp(argv[1], "sqlite");
	at.fresh = at.sqlite;
	if (!under)
		under = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(at.folder, sizeof(at.folder), "%s/windrow-torture-XXXXXX",
		 under);
	if (!mkdtemp(at.folder))
		return 2;
	if (at.sqlite)
		snprintf(at.url, sizeof(at.url), "sqlite:///%s/store.db",
			 at.folder);
	torture("a life", life, life_again, &at, stride, false);
	torture("a life", life, life_again, &at, stride, true);
	at.fresh = false;
	torture("an open store", life_inside, NULL, &at, stride, false);
	torture("an open store", life_inside, NULL, &at, stride, true);
	empty_folder(&at);
	rmdir(at.folder);
	return 0;
}
