#include "engine/engine.h"

#include "base/error.h"
#include "base/str.h"
#include "base/text.h"
#include "engine/queue.h"

#include <string.h>

/*
 * The verbs: check, copy, hand over.  Nothing here waits, and nothing takes
 * longer than copying the arguments does.
 */

enum { LIMIT_MAX = 10000, LIMIT_SEARCH = 10, LIMIT_SCAN = 100 };

static int bad_argument(struct wr_error *err, const char *what)
{
	return error_set(err, WR_EINVAL, 0, "engine", "%s", what);
}

/* ---------------------------------------------------- submit and delete -- */

static int check_record(const struct wr_record *rec, uint32_t dim,
			struct wr_error *err)
{
	for (size_t i = 0; i < 4; i++)
		if (rec->reserved[i])
			return bad_argument(err, "reserved is not zero: start "
						 "from a zeroed record");
	if (rec->embedding && !rec->embedding_dim && !dim)
		return bad_argument(err, "give embedding_dim: the store has no "
					 "dimension yet");
	return 0;
}

static int check_records(const struct wr_record *recs, size_t n,
			 enum wr_policy policy, uint32_t dim,
			 struct wr_error *err)
{
	if (n && !recs)
		return bad_argument(err, "records are NULL");
	if (n > UINT32_MAX)
		return bad_argument(err, "too many records for one submission");
	if ((unsigned)policy > WR_FAIL)
		return bad_argument(err, "no such policy");
	for (size_t i = 0; i < n; i++)
		if (check_record(&recs[i], dim, err))
			return WR_EINVAL;
	return 0;
}

/*
 * Take places in the gate.  This comes before anything is copied, so that a
 * caller who is refused has paid for nothing.
 */
static int enter(struct wr_store *s, uint64_t n, uint64_t bytes,
		 struct wr_queue *q, struct wr_error *err)
{
	bool waits;
	int status;

	queue_ref(q); /* for the gate, which tells it when there is room */
	status = gate_enter(&s->gate, n, bytes, q, &waits);
	if (!waits)
		queue_unref(q);
	if (status == WR_EFULL)
		return error_set(err, status, 0, "engine",
				 "too much is in flight; wait for WR_EV_ROOM");
	return status ? error_nomem(err, "engine") : 0;
}

/* Takes the ticket, and the places in the gate. */
static int start_ticket(struct wr_store *s, struct ticket *t, uint64_t bytes,
			enum wr_event_kind kind, wr_queue *q, uint64_t tag,
			struct wr_error *err)
{
	struct wr_reply *r;
	int status;

	t->input->gate = &s->gate;
	t->input->charged_records = t->n;
	t->input->charged_bytes = bytes;
	r = reply_new(kind, q, tag);
	if (!r) {
		ticket_free(t);
		return error_nomem(err, "engine");
	}
	r->ticket = t;
	status = store_start(s, r, err);
	if (status)
		wr_reply_free(r);
	return status;
}

int wr_submit(wr_store *s, const struct wr_record *recs, size_t n,
	      enum wr_policy policy, wr_queue *q, uint64_t tag,
	      struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct ticket *t;
	uint32_t dim;
	uint64_t bytes;

	if (status)
		return status;
	dim = wr_store_dim(s);
	if (!dim)
		dim = s->opts.dim; /* while it opens */
	status = check_records(recs, n, policy, dim, err);
	if (status)
		return status;
	bytes = ticket_cost(recs, n, dim);
	status = enter(s, n, bytes, q, err);
	if (status)
		return status;
	t = ticket_new(&s->blocks, recs, n, dim, policy);
	if (t)
		return start_ticket(s, t, bytes, WR_EV_SUBMIT, q, tag, err);
	gate_leave(&s->gate, n, bytes);
	return error_nomem(err, "engine");
}

static int check_urls(const struct wr_str *urls, size_t n, struct wr_error *err)
{
	if (n && !urls)
		return bad_argument(err, "urls are NULL");
	if (n > UINT32_MAX)
		return bad_argument(err, "too many urls for one call");
	for (size_t i = 0; i < n; i++)
		if (!urls[i].ptr && urls[i].len)
			return bad_argument(err, "a url is NULL");
	return 0;
}

int wr_delete(wr_store *s, const struct wr_str *urls, size_t n, unsigned flags,
	      wr_queue *q, uint64_t tag, struct wr_error *err)
{
	uint64_t bytes = n * (sizeof(struct item) + sizeof(struct wr_record));
	int status = store_check(s, q, err);
	struct ticket *t;

	if (!status)
		status = check_urls(urls, n, err);
	if (!status)
		status = enter(s, n, bytes, q, err);
	if (status)
		return status;
	t = ticket_new_delete(urls, n, flags & WR_KEYS);
	if (t)
		return start_ticket(s, t, bytes, WR_EV_DELETE, q, tag, err);
	gate_leave(&s->gate, n, bytes);
	return error_nomem(err, "engine");
}

/* ------------------------------------------------------------- requests -- */

static struct wr_reply *request_reply(enum call_kind call,
				      enum wr_event_kind kind, wr_queue *q,
				      uint64_t tag, struct wr_error *err)
{
	struct wr_reply *r = reply_new(kind, q, tag);

	if (r)
		r->request = request_new(call);
	if (r && r->request)
		return r;
	wr_reply_free(r);
	error_nomem(err, "engine");
	return NULL;
}

/* Hands r over, or frees it and says why not. */
static int start_request(struct wr_store *s, struct wr_reply *r, int status,
			 struct wr_error *err)
{
	if (status == WR_ENOMEM)
		error_nomem(err, "engine");
	if (!status)
		status = store_start(s, r, err);
	if (status)
		wr_reply_free(r);
	return status;
}

/* One block for all of them. */
static int copy_urls(struct request *req, const struct wr_str *urls, size_t n)
{
	struct wr_str *copies = arena_zalloc(&req->arena, n, sizeof(*copies));
	size_t total = 0;
	char *to;

	for (size_t i = 0; i < n; i++)
		if (__builtin_add_overflow(total, urls[i].len, &total))
			return WR_ENOMEM;
	to = arena_alloc(&req->arena, total);
	if (!copies || !to)
		return WR_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (urls[i].len)
			memcpy(to, urls[i].ptr, urls[i].len);
		copies[i] = (struct wr_str){ to, urls[i].len };
		to += urls[i].len;
	}
	req->urls = copies;
	req->n = n;
	return 0;
}

int wr_known(wr_store *s, const struct wr_str *urls, size_t n,
	     int64_t fetched_since, unsigned flags, wr_queue *q, uint64_t tag,
	     struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct wr_reply *r;

	if (!status)
		status = check_urls(urls, n, err);
	if (status)
		return status;
	r = request_reply(CALL_KNOWN, WR_EV_KNOWN, q, tag, err);
	if (!r)
		return WR_ENOMEM;
	r->request->since = fetched_since;
	r->request->flags = flags;
	r->request->keys = flags & WR_KEYS;
	return start_request(s, r, copy_urls(r->request, urls, n), err);
}

int wr_get(wr_store *s, const struct wr_str *urls, size_t n, unsigned parts,
	   wr_queue *q, uint64_t tag, struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct wr_reply *r;

	if (!status)
		status = check_urls(urls, n, err);
	if (status)
		return status;
	r = request_reply(CALL_GET, WR_EV_GET, q, tag, err);
	if (!r)
		return WR_ENOMEM;
	r->request->parts = parts;
	r->request->keys = parts & WR_KEYS;
	return start_request(s, r, copy_urls(r->request, urls, n), err);
}

/* What the program knows of an input struct, over the defaults. */
#define TAKE(to, from)        \
	memcpy(&(to), (from), \
	       (from)->size < sizeof(to) ? (from)->size : sizeof(to))

/* What has no pointer has no length either. */
static void leave_out(struct wr_str *s)
{
	if (!s->ptr)
		s->len = 0;
}

static int copy_filter(struct request *req, const struct wr_filter *from,
		       struct wr_error *err)
{
	struct wr_filter f = WR_FILTER_INIT;

	if (from && from->size < sizeof(from->size))
		return bad_argument(err, "a filter needs its size: start from "
					 "WR_FILTER_INIT");
	if (from)
		TAKE(f, from);
	leave_out(&f.url_prefix);
	leave_out(&f.host);
	leave_out(&f.metadata);
	return filter_init(&req->filter, from ? &f : NULL, &req->arena, err);
}

/* A query is text from anywhere: repaired, like the pages. */
static int copy_text(struct request *req, struct wr_str text)
{
	struct buf clean = { 0 };
	uint64_t n = 0;
	int status;

	if (!text.ptr)
		return 0;
	if (text_is_clean(text))
		return arena_dup(&req->arena, &req->text, text);
	text_clean(&clean, text, &n, &n);
	status = buf_status(&clean);
	if (!status)
		status = arena_dup(&req->arena, &req->text, buf_str(&clean));
	buf_release(&clean);
	return status;
}

static int copy_vector(struct wr_store *s, struct request *req,
		       const struct wr_query *query, struct wr_error *err)
{
	size_t dim = query->vector_dim ? query->vector_dim : wr_store_dim(s);

	if (!query->vector)
		return 0;
	if (!dim || dim > VECTOR_DIM_MAX)
		return bad_argument(err, "give the vector's vector_dim");
	req->vector = arena_alloc(&req->arena, dim * sizeof(float));
	if (!req->vector)
		return WR_ENOMEM;
	memcpy(req->vector, query->vector, dim * sizeof(float));
	req->vector_dim = (uint32_t)dim;
	return 0;
}

static int copy_query(struct wr_store *s, struct request *req,
		      const struct wr_query *query, struct wr_error *err)
{
	int status = copy_text(req, query->text);

	if ((unsigned)query->mode > WR_SEARCH_HYBRID)
		return bad_argument(err, "no such search mode");
	if (query->limit > LIMIT_MAX)
		return bad_argument(err, "limit is over 10,000");
	req->mode = query->mode;
	req->limit = query->limit ? query->limit : LIMIT_SEARCH;
	req->parts = query->parts;
	req->timeout_ms = query->timeout_ms;
	req->effort = query->effort;
	if (!status)
		status = copy_vector(s, req, query, err);
	if (!status)
		status = copy_filter(req, query->filter, err);
	if (!status)
		status = arena_dup(&req->arena, &req->style.start,
				   query->mark_start);
	if (!status)
		status = arena_dup(&req->arena, &req->style.end,
				   query->mark_end);
	return status;
}

int wr_search(wr_store *s, const struct wr_query *query, wr_queue *q,
	      uint64_t tag, struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct wr_query known = WR_QUERY_INIT;
	struct wr_reply *r;

	if (status)
		return status;
	if (!query || query->size < sizeof(query->size))
		return bad_argument(err, "a query needs its size: start from "
					 "WR_QUERY_INIT");
	TAKE(known, query);
	r = request_reply(CALL_SEARCH, WR_EV_SEARCH, q, tag, err);
	if (!r)
		return WR_ENOMEM;
	return start_request(s, r, copy_query(s, r->request, &known, err), err);
}

int wr_scan(wr_store *s, const struct wr_scan *scan, wr_queue *q, uint64_t tag,
	    struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct wr_scan known = WR_SCAN_INIT;
	struct wr_reply *r;

	if (status)
		return status;
	if (!scan || scan->size < sizeof(scan->size))
		return bad_argument(err, "a scan needs its size: start from "
					 "WR_SCAN_INIT");
	TAKE(known, scan);
	if (known.limit > LIMIT_MAX)
		return bad_argument(err, "limit is over 10,000");
	r = request_reply(CALL_SCAN, WR_EV_SCAN, q, tag, err);
	if (!r)
		return WR_ENOMEM;
	r->request->limit = known.limit ? known.limit : LIMIT_SCAN;
	r->request->parts = known.parts;
	status = arena_dup(&r->request->arena, &r->request->after, known.after);
	if (!status)
		status = copy_filter(r->request, known.filter, err);
	return start_request(s, r, status, err);
}

int wr_prune(wr_store *s, const struct wr_prune *what, wr_queue *q,
	     uint64_t tag, struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct wr_prune known = WR_PRUNE_INIT;
	struct wr_reply *r;

	if (status)
		return status;
	if (!what || what->size < sizeof(what->size))
		return bad_argument(err, "a prune needs its size: start from "
					 "WR_PRUNE_INIT");
	TAKE(known, what);
	r = request_reply(CALL_PRUNE, WR_EV_PRUNE, q, tag, err);
	if (!r)
		return WR_ENOMEM;
	r->request->limit = known.limit;
	r->request->dry_run = known.dry_run;
	status = copy_filter(r->request, known.filter, err);
	if (!status && filter_is_empty(&r->request->filter))
		status = bad_argument(err,
				      "a prune without a filter would delete "
				      "everything; give one");
	return start_request(s, r, status, err);
}

/* A verb without arguments that need copying. */
static int simple(struct wr_store *s, enum call_kind call,
		  enum wr_event_kind kind, uint64_t limit, unsigned flags,
		  wr_queue *q, uint64_t tag, struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct wr_reply *r;

	if (status)
		return status;
	r = request_reply(call, kind, q, tag, err);
	if (!r)
		return WR_ENOMEM;
	r->request->limit = limit;
	r->request->flags = flags;
	r->request->exact = call == CALL_STATS && flags & WR_STATS_EXACT;
	return start_request(s, r, 0, err);
}

int wr_embed_pending(wr_store *s, uint64_t limit, wr_queue *q, uint64_t tag,
		     struct wr_error *err)
{
	return simple(s, CALL_EMBED_PENDING, WR_EV_EMBED_PENDING, limit, 0, q,
		      tag, err);
}

int wr_stats(wr_store *s, unsigned flags, wr_queue *q, uint64_t tag,
	     struct wr_error *err)
{
	return simple(s, CALL_STATS, WR_EV_STATS, 0, flags, q, tag, err);
}

int wr_check(wr_store *s, unsigned flags, wr_queue *q, uint64_t tag,
	     struct wr_error *err)
{
	return simple(s, CALL_CHECK, WR_EV_CHECK, 0, flags, q, tag, err);
}

int wr_migrate(wr_store *s, wr_queue *q, uint64_t tag, struct wr_error *err)
{
	return simple(s, CALL_MIGRATE, WR_EV_MIGRATE, 0, 0, q, tag, err);
}

int wr_index(wr_store *s, const struct wr_index *index, wr_queue *q,
	     uint64_t tag, struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct wr_index known = WR_INDEX_INIT;
	struct wr_reply *r;

	if (status)
		return status;
	if (!index || index->size < sizeof(index->size))
		return bad_argument(err, "an index needs its size: start from "
					 "WR_INDEX_INIT");
	TAKE(known, index);
	if (known.which & ~(unsigned)(WR_INDEX_VECTOR | WR_INDEX_TEXT))
		return bad_argument(err, "no such kind of index");
	r = request_reply(CALL_INDEX, WR_EV_INDEX, q, tag, err);
	if (!r)
		return WR_ENOMEM;
	r->request->index_which = known.which;
	r->request->index_m = known.m;
	r->request->index_ef = known.ef_construction;
	r->request->index_drop = known.drop;
	return start_request(s, r, 0, err);
}

int wr_progress(wr_store *s, wr_queue *q, uint64_t tag, struct wr_error *err)
{
	return simple(s, CALL_PROGRESS, WR_EV_PROGRESS, 0, 0, q, tag, err);
}

int wr_flush(wr_store *s, wr_queue *q, uint64_t tag, struct wr_error *err)
{
	return simple(s, CALL_FLUSH, WR_EV_FLUSH, 0, 0, q, tag, err);
}
