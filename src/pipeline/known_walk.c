#include "pipeline/known.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/*
 * Very many URLs, asked of a store that is not much larger: it is cheaper to be
 * told all keys that are stored, in their order, than to have each looked up.
 *
 * The URLs go into a set, and the store's keys are held against it page by
 * page, from two places at a time.  How far the first pages came, among a
 * sample of what is asked for, tells how large the store is: where it is too
 * large the rest is looked up after all.
 */
enum {
	JOB_URLS = 65536,
	JOBS = 2,
	SAMPLE = 1024,
	WALKERS = 2,
	FIRST_KEYS = 8000, /* of the first page */
	PAGE_KEYS = 20000,
	ROWS_A_URL = 6, /* more of them for each URL: look them up */
	SET_MOST = 1 << 28
};

/* A bit of stored[] that is the walk's own: the URL is there twice. */
enum { KNOWN_AGAIN = 0x80 };

struct page {
	struct attempt attempt;
	struct walker *walker;
	struct result result;
	struct wr_str *keys;
	size_t n;
	bool more;
};

/* One of those who go through a part of the keys. */
struct walker {
	struct walk *walk;
	struct page pages[2]; /* one is on its way while the other is read */
	unsigned turn;
	struct buf after;    /* the last key of the page before */
	struct wr_str until; /* empty: to the end */
	unsigned part_of_sample;
	bool begun;
	struct page *first; /* it waits for the set */
};

struct key_job {
	struct loop_job job;
	struct walk *walk;
	struct key_job *next; /* of all: what they made lives with them */
	size_t first, n;
	struct arena arena;
	int status;
};

struct walk {
	struct progress progress;
	struct pipeline *p;
	struct request *req;
	struct arena arena;
	struct wr_error error;

	uint64_t seed;
	uint32_t *hashes; /* of each URL; then, of one that is there again: the
			     place of the first */
	uint32_t *set;	  /* places, from 1; 0: empty */
	size_t mask;

	struct wr_str sample[SAMPLE]; /* sorted */
	struct walker walkers[WALKERS];

	struct key_job *jobs;
	size_t next; /* the first URL that no job has */
	unsigned running;
	bool set_made, too_large;
	unsigned active; /* pages on their way, jobs */
};

static void walk_go_on(struct walk *w);

/* ------------------------------------------------------------- the set -- */

static uint32_t hash_of(uint64_t seed, struct wr_str s)
{
	uint64_t h = seed ^ s.len, word;
	const char *at = s.ptr;
	size_t left = s.len;

	for (; left >= 8; at += 8, left -= 8) {
		memcpy(&word, at, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h = (h ^ h >> 32) + seed;
	}
	word = 0;
	memcpy(&word, at, left);
	h = (h ^ word) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 29) * 0x94d049bb133111ebu;
	return (uint32_t)(h >> 32);
}

/* The place of a key among the URLs, SIZE_MAX where it is not; *slot as well.
 */
static size_t set_find(const struct walk *w, uint32_t hash, struct wr_str key,
		       size_t *slot)
{
	const struct wr_str *urls = w->req->urls;
	size_t at = hash & w->mask;

	for (; w->set[at]; at = (at + 1) & w->mask) {
		size_t i = w->set[at] - 1;

		if (w->hashes[i] == hash && str_eq(urls[i], key)) {
			*slot = at;
			return i;
		}
	}
	*slot = at;
	return SIZE_MAX;
}

static void set_add(struct walk *w, size_t i)
{
	size_t slot, first;

	first = set_find(w, w->hashes[i], w->req->urls[i], &slot);
	if (first == SIZE_MAX) {
		w->set[slot] = (uint32_t)i + 1;
	} else {
		w->req->stored[i] = KNOWN_AGAIN;
		w->hashes[i] = (uint32_t)first;
	}
}

static void tell_again(struct walk *w)
{
	uint8_t *stored = w->req->stored;

	for (size_t i = 0; i < w->next; i++)
		if (stored[i] == KNOWN_AGAIN)
			stored[i] = stored[w->hashes[i]];
}

/* ------------------------------------------------------------- the end -- */

static void free_walk(struct walk *w)
{
	for (size_t i = 0; i < WALKERS; i++) {
		for (size_t k = 0; k < 2; k++)
			result_release(&w->walkers[i].pages[k].result);
		buf_release(&w->walkers[i].after);
	}
	mem_free(w->hashes);
	mem_free(w->set);
	w->hashes = w->set = NULL;
	arena_release(&w->arena);
}

static void walk_end(struct walk *w)
{
	struct pipeline *p = w->p;
	struct request *req = w->req;
	struct wr_error err = w->error;

	if (!w->error.status)
		tell_again(w);
	free_walk(w);
	while (w->jobs) {
		struct key_job *job = w->jobs;

		/* The URLs are keys now, some of which lie there. */
		w->jobs = job->next;
		arena_take(&req->arena, &job->arena);
		mem_free(job);
	}
	if (err.status || !w->too_large) {
		request_end(p, req, &err);
		return;
	}
	memset(req->stored, 0, req->n);
	known_look_up(p, req);
}

static void fail(struct walk *w, const struct wr_error *err)
{
	if (!w->error.status)
		w->error = *err;
}

static void fail_nomem(struct walk *w)
{
	struct wr_error err;

	error_nomem(&err, "pipeline");
	fail(w, &err);
}

/* ----------------------------------------------------------- the pages -- */

static void ask_page(struct walker *wk);

/* How many of the sample are not behind key? */
static unsigned sample_to(const struct walk *w, struct wr_str key)
{
	unsigned low = 0, high = SAMPLE;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (str_cmp(w->sample[middle], key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What the first page of a part says of the size of the whole. */
static bool is_too_large(const struct walker *wk, const struct page *page)
{
	const struct walk *w = wk->walk;
	unsigned from = wk == w->walkers ? 0 : SAMPLE - wk->part_of_sample;
	unsigned to = sample_to(w, page->keys[page->n - 1]);
	double seen = (to > from ? to - from : 0.5) / (double)SAMPLE;

	return (double)page->n / seen > (double)w->req->n * ROWS_A_URL;
}

static void read_page(struct walk *w, const struct page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		size_t slot, place;

		place = set_find(w, hash_of(w->seed, page->keys[i]),
				 page->keys[i], &slot);
		if (place != SIZE_MAX)
			w->req->stored[place] = KNOWN_STORED;
	}
}

/* The next page is asked for before this one is read. */
static void take_page(struct walker *wk, struct page *page)
{
	struct walk *w = wk->walk;

	if (page->more && !wk->begun && is_too_large(wk, page))
		w->too_large = true;
	wk->begun = true;
	if (page->more && !w->too_large && !w->error.status) {
		buf_clear(&wk->after);
		buf_add_str(&wk->after, page->keys[page->n - 1]);
		if (buf_status(&wk->after))
			fail_nomem(w);
		else
			ask_page(wk);
	}
	if (!w->error.status && !w->too_large)
		read_page(w, page);
	result_release(&page->result);
}

static void page_done(struct attempt *a)
{
	struct page *page = list_item(a, struct page, attempt);
	struct walker *wk = page->walker;
	struct walk *w = wk->walk;

	w->active--;
	page->n = a->op.u.keys.n;
	page->keys = a->op.u.keys.keys;
	page->more = a->op.u.keys.more && page->n;
	if (a->op.error.status)
		fail(w, &a->op.error);
	else if (w->set_made)
		take_page(wk, page);
	else
		wk->first = page;
	walk_go_on(w);
}

static void ask_page(struct walker *wk)
{
	struct walk *w = wk->walk;
	struct page *page = &wk->pages[wk->turn++ & 1];

	page->walker = wk;
	page->attempt = (struct attempt){ .done = page_done };
	page->attempt.op.kind = BACKEND_KEYS;
	page->attempt.op.u.keys.after = buf_str(&wk->after);
	page->attempt.op.u.keys.until = wk->until;
	page->attempt.op.u.keys.limit = wk->turn > 1 ? PAGE_KEYS : FIRST_KEYS;
	page->attempt.op.u.keys.result = &page->result;
	w->active++;
	attempt_start(w->p, w->req, &page->attempt);
}

/* ------------------------------------------------------------ the keys -- */

static void make_keys(struct loop_job *loop_job)
{
	struct key_job *job = list_item(loop_job, struct key_job, job);
	struct walk *w = job->walk;
	struct request *req = w->req;
	enum wr_urls mode = known_urls(w->p, req);

	for (size_t i = job->first; i < job->first + job->n; i++) {
		job->status = known_key(&req->urls[i], mode, &job->arena);
		if (job->status)
			return;
		w->hashes[i] = hash_of(w->seed, req->urls[i]);
	}
}

static void start_jobs(struct walk *w);

static void keys_made(struct loop_job *loop_job)
{
	struct key_job *job = list_item(loop_job, struct key_job, job);
	struct walk *w = job->walk;
	struct pipeline *p = w->p;
	struct wr_error err;

	w->active--;
	w->running--;
	if (job->status)
		fail_nomem(w);
	if (w->req->call.given_up) {
		give_up_error(&err, w->req->call.given_up);
		fail(w, &err);
	}
	start_jobs(w);
	for (size_t i = job->first; !w->error.status && i < job->first + job->n;
	     i++)
		set_add(w, i);
	walk_go_on(w);
	pipeline_unhold(p);
}

static void start_jobs(struct walk *w)
{
	size_t n = w->req->n;

	while (w->next < n && w->running < JOBS && !w->error.status) {
		struct key_job *job = mem_zalloc(1, sizeof(*job));

		if (!job) {
			fail_nomem(w);
			return;
		}
		arena_init(&job->arena);
		job->walk = w;
		job->next = w->jobs;
		w->jobs = job;
		job->first = w->next;
		job->n = n - w->next < JOB_URLS ? n - w->next : JOB_URLS;
		job->job.work = make_keys;
		job->job.done = keys_made;
		w->next += job->n;
		w->running++;
		w->active++;
		pipeline_hold(w->p);
		loop_offload(w->p->loop, &job->job);
	}
}

/* Something has ended: what is to be done now? */
static void walk_go_on(struct walk *w)
{
	bool keys_are_made = w->next == w->req->n && !w->running;

	if (keys_are_made && !w->set_made && !w->error.status) {
		w->set_made = true;
		for (size_t i = 0; i < WALKERS; i++) {
			struct walker *wk = &w->walkers[i];

			if (wk->first)
				take_page(wk, wk->first);
			wk->first = NULL;
		}
	}
	if (!w->active)
		walk_end(w);
}

/* ----------------------------------------------------------- the start -- */

static int by_key(const void *a, const void *b)
{
	return str_cmp(*(const struct wr_str *)a, *(const struct wr_str *)b);
}

static int take_sample(struct walk *w)
{
	enum wr_urls mode = known_urls(w->p, w->req);

	for (size_t i = 0; i < SAMPLE; i++) {
		w->sample[i] = w->req->urls[i * w->req->n / SAMPLE];
		if (known_key(&w->sample[i], mode, &w->arena))
			return WR_ENOMEM;
	}
	qsort(w->sample, SAMPLE, sizeof(w->sample[0]), by_key);
	return 0;
}

static int make_set(struct walk *w)
{
	size_t size = 1;

	while (size < 2 * w->req->n)
		size *= 2;
	w->mask = size - 1;
	w->set = mem_zalloc(size, sizeof(*w->set));
	w->hashes = mem_zalloc(w->req->n, sizeof(*w->hashes));
	return w->set && w->hashes ? 0 : WR_ENOMEM;
}

static int begin_walker(struct walk *w, size_t i, size_t from, size_t to)
{
	struct walker *wk = &w->walkers[i];

	wk->walk = w;
	wk->part_of_sample = (unsigned)(to - from);
	if (i)
		buf_add_str(&wk->after, w->sample[from - 1]);
	if (to < SAMPLE)
		wk->until = w->sample[to - 1];
	return buf_status(&wk->after);
}

bool known_walks(const struct pipeline *p, const struct request *req)
{
	return (p->config.backend->caps & BACKEND_LISTS_KEYS) &&
	       req->n >= p->config.known_walk && req->n < SET_MOST / 2 &&
	       !(req->flags & WR_KNOWN_DETAILS) && !req->since;
}

void known_walk(struct pipeline *p, struct request *req)
{
	struct walk *w = progress_new(req, sizeof(*w));
	struct wr_error err;

	if (!w) {
		error_nomem(&err, "pipeline");
		request_end(p, req, &err);
		return;
	}
	w->p = p;
	w->req = req;
	w->seed = rand_next(&p->rnd) | 1;
	for (size_t i = 0; i < WALKERS; i++)
		for (size_t k = 0; k < 2; k++)
			result_init(&w->walkers[i].pages[k].result);
	if (make_set(w) || take_sample(w) ||
	    begin_walker(w, 0, 0, SAMPLE / 2) ||
	    begin_walker(w, 1, SAMPLE / 2, SAMPLE)) {
		fail_nomem(w);
		walk_end(w);
		return;
	}
	start_jobs(w);
	if (w->active)
		for (size_t i = 0; i < WALKERS; i++)
			ask_page(&w->walkers[i]);
	else
		walk_end(w);
}
