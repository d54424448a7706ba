#include "pipeline/attempt.h"

#include "base/mem.h"
#include "pipeline/fuse.h"

#include <string.h>

/*
 * A search: take the query apart, embed it where a vector is wanted, ask the
 * backend for one ranking or two, and fuse them unless the backend does.
 */
struct search {
	struct progress progress;
	struct pipeline *p;
	struct request *req;
	enum wr_mode mode; /* what it came down to; never AUTO */
	bool is_auto;
	struct text_query query;
	const float *vector;
	struct attempt text, by_vector;
	struct result vector_result;
	struct query_embedding *embedding; /* NULL: not under way */
	unsigned active;
	struct wr_error error;
};

/*
 * The query at the embedder.  It lives until the embedder lets go of it, which
 * may be after the search was given up.
 */
struct query_embedding {
	struct embed_op op;
	struct pipeline *p;
	struct search *search; /* NULL: nobody waits for it any more */
	struct list_node link; /* in the pipeline's queries until it runs */
	bool running;
	struct wr_str text;
	struct loop_timer timer;
	float vector[];
};

static void search_end(struct search *s, const struct wr_error *err)
{
	result_release(&s->vector_result);
	request_end(s->p, s->req, err);
}

/* ------------------------------------------------------ asking the backend --
 */

static void ranking_done(struct attempt *a)
{
	struct search *s = a->req->progress;

	if (a->op.error.status && !s->error.status)
		s->error = a->op.error;
	if (--s->active)
		return;
	if (!s->error.status && s->mode == WR_SEARCH_HYBRID &&
	    !(s->p->config.backend->caps & BACKEND_CAN_HYBRID)) {
		if (fuse(&s->req->result, &s->vector_result,
			 (uint32_t)s->req->limit))
			error_nomem(&s->error, "pipeline");
		/* What the hits point to stays with them. */
		s->req->second = s->vector_result;
		result_init(&s->vector_result);
	}
	search_end(s, &s->error);
}

static void ask(struct search *s, struct attempt *a, enum wr_mode mode,
		uint32_t limit, struct result *result)
{
	a->done = ranking_done;
	a->op.kind = BACKEND_SEARCH;
	a->op.u.search.mode = mode;
	a->op.u.search.text = &s->query;
	a->op.u.search.vector = s->vector;
	a->op.u.search.filter = &s->req->filter;
	a->op.u.search.limit = limit;
	a->op.u.search.effort = s->req->effort;
	a->op.u.search.parts = s->req->parts;
	a->op.u.search.style = s->req->style;
	a->op.u.search.result = result;
	s->active++;
	attempt_start(s->p, s->req, a);
}

static void ask_backend(struct search *s)
{
	uint32_t limit = (uint32_t)s->req->limit;
	bool fuses = s->p->config.backend->caps & BACKEND_CAN_HYBRID;

	if (s->mode != WR_SEARCH_HYBRID || fuses) {
		ask(s, &s->text, s->mode, limit, &s->req->result);
		return;
	}
	limit = fuse_depth(limit);
	ask(s, &s->text, WR_SEARCH_TEXT, limit, &s->req->result);
	ask(s, &s->by_vector, WR_SEARCH_VECTOR, limit, &s->vector_result);
}

/* ---------------------------------------------------- embedding the query --
 */

/* Without the vector: a search that may choose goes on with text alone. */
static void not_embedded(struct search *s, const struct wr_error *err)
{
	if (s->is_auto && s->p->config.settings.fulltext == WR_FULLTEXT_ON &&
	    !s->req->call.given_up) {
		log_message(s->p->config.log, WR_LOG_WARN, err->where,
			    "the query was not embedded, searching text "
			    "alone: %s",
			    err->message);
		s->mode = WR_SEARCH_TEXT;
		ask_backend(s);
		return;
	}
	search_end(s, err);
}

static void embedding_over(struct search *s, const struct wr_error *err)
{
	struct query_embedding *e = s->embedding;
	size_t dim = pipeline_dim(s->p);
	struct wr_error unsound;

	s->embedding = NULL;
	e->search = NULL;
	loop_timer_clear(s->p->loop, &e->timer);
	if (err->status) {
		not_embedded(s, err);
	} else if (!vector_is_sound(e->vector, dim)) {
		error_set(&unsound, WR_EREMOTE, 0, "embed",
			  "the embedder found nothing in the query to embed; "
			  "try other words, or mode text");
		not_embedded(s, &unsound);
	} else {
		memcpy(s->req->vector, e->vector, dim * sizeof(float));
		s->vector = s->req->vector;
		ask_backend(s);
	}
}

static void free_embedding(struct query_embedding *e)
{
	pipeline_unhold(e->p);
	mem_free(e);
}

static void embedder_done(struct embed_op *op)
{
	struct query_embedding *e = list_item(op, struct query_embedding, op);
	struct pipeline *p = e->p;

	p->embed_ops--;
	if (e->search)
		embedding_over(e->search, &op->error);
	free_embedding(e);
	pipeline_pump(p);
}

/* The search goes on without it. */
static void abandon(struct query_embedding *e, const struct wr_error *err)
{
	struct pipeline *p = e->p;

	embedding_over(e->search, err);
	if (e->running) {
		p->config.embedder->cancel(p->config.embedder_self, &e->op);
		return;
	}
	list_remove(&e->link);
	free_embedding(e);
}

static void embedding_late(struct loop_timer *timer)
{
	struct query_embedding *e =
		list_item(timer, struct query_embedding, timer);
	struct wr_error err;

	error_set(&err, WR_ETIMEOUT, 0, "embed",
		  "the query was not embedded within %u ms",
		  e->p->config.embed_timeout_ms);
	abandon(e, &err);
}

static void search_give_up(struct pipeline *p, struct request *req)
{
	struct search *s = req->progress;
	struct wr_error err;

	(void)p;
	if (!s->embedding)
		return;
	give_up_error(&err, req->call.given_up);
	abandon(s->embedding, &err);
}

void search_embed_queries(struct pipeline *p)
{
	while (p->embed_ops < p->config.embed_inflight &&
	       !list_empty(&p->queries)) {
		struct query_embedding *e = list_item(
			list_take(&p->queries), struct query_embedding, link);

		e->running = true;
		p->embed_ops++;
		counter_add(&p->counters.embed_calls, 1);
		counter_add(&p->counters.embed_texts, 1);
		p->config.embedder->run(p->config.embedder_self, &e->op);
	}
}

/* The text is copied: the embedder may outlast the search. */
static int embed_query(struct search *s)
{
	struct pipeline *p = s->p;
	struct wr_str text = s->req->text;
	size_t dim = pipeline_dim(p);
	struct query_embedding *e =
		mem_zalloc(1, sizeof(*e) + dim * sizeof(float) + text.len);

	if (!e)
		return WR_ENOMEM;
	s->req->vector = arena_alloc(&s->req->arena, dim * sizeof(float));
	if (!s->req->vector) {
		mem_free(e);
		return WR_ENOMEM;
	}
	e->p = p;
	e->search = s;
	e->text.ptr = memcpy((char *)(e->vector + dim), text.ptr, text.len);
	e->text.len = text.len;
	e->op.texts = &e->text;
	e->op.n = 1;
	e->op.vectors = e->vector;
	e->op.dim = (uint32_t)dim;
	e->op.done = embedder_done;
	e->timer.fired = embedding_late;
	s->embedding = e;
	pipeline_hold(p);
	loop_timer_set(p->loop, &e->timer,
		       loop_now_us(p->loop) +
			       (int64_t)p->config.embed_timeout_ms * 1000);
	list_append(&p->queries, &e->link);
	search_embed_queries(p);
	return 0;
}

/* ------------------------------------------------------- what is possible --
 */

static int choose_mode(struct search *s, struct wr_error *err)
{
	struct pipeline *p = s->p;
	struct request *req = s->req;
	bool has_text = req->text.len > 0;
	bool can_text = p->config.settings.fulltext == WR_FULLTEXT_ON;
	bool can_vector = req->vector || (has_text && p->embeds);

	s->is_auto = req->mode == WR_SEARCH_AUTO;
	s->mode = req->mode;
	if (s->is_auto)
		s->mode = !can_vector		 ? WR_SEARCH_TEXT
			  : can_text && has_text ? WR_SEARCH_HYBRID
						 : WR_SEARCH_VECTOR;
	if (!has_text && !req->vector)
		return error_set(err, WR_EINVAL, 0, "search",
				 "nothing to search for: give text or a "
				 "vector");
	if (s->mode != WR_SEARCH_VECTOR && !has_text)
		return error_set(err, WR_EINVAL, 0, "search",
				 "a search for text needs text; with a vector "
				 "alone use mode vector");
	if (s->mode != WR_SEARCH_VECTOR && !can_text)
		return error_set(err, WR_ENOTSUP, 0, "search",
				 "this store has no full text index; make one "
				 "with full text, or use mode vector");
	if (s->mode != WR_SEARCH_TEXT && !can_vector)
		return error_set(err, WR_ENOTSUP, 0, "search",
				 "this store is open without an embedder, so "
				 "the query has no vector; open it with one, "
				 "give a vector, or use mode text");
	return 0;
}

static int check_vector(struct search *s, struct wr_error *err)
{
	uint32_t dim = pipeline_dim(s->p), have = s->req->vector_dim;

	if (!s->req->vector || s->mode == WR_SEARCH_TEXT)
		return 0;
	if (have != dim)
		return error_set(err, WR_ESCHEMA, 0, "search",
				 "the query's vector has %u dimensions, the "
				 "store has %u",
				 have, dim);
	if (!vector_is_sound(s->req->vector, dim))
		return error_set(err, WR_EINVAL, 0, "search",
				 "the query's vector has NaN, infinity or "
				 "nothing but zeros");
	s->vector = s->req->vector;
	return 0;
}

void search_start(struct pipeline *p, struct request *req)
{
	struct search *s = progress_new(req, sizeof(*s));
	struct wr_error err = { 0 };

	if (!s) {
		error_nomem(&err, "pipeline");
		request_end(p, req, &err);
		return;
	}
	s->p = p;
	s->req = req;
	s->progress.give_up = search_give_up;
	result_init(&s->vector_result);
	if (choose_mode(s, &err) || check_vector(s, &err)) {
		search_end(s, &err);
	} else if (query_parse(&s->query, req->text, &req->arena)) {
		error_nomem(&err, "pipeline");
		search_end(s, &err);
	} else if (s->mode == WR_SEARCH_TEXT || s->vector) {
		ask_backend(s);
	} else if (embed_query(s)) {
		error_nomem(&err, "pipeline");
		search_end(s, &err);
	}
}
