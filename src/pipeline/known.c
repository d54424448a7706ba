#include "pipeline/known.h"

#include "base/mem.h"

/*
 * Which of these URLs are stored?  A million of them are taken in chunks: a
 * worker makes keys of a chunk, the backend looks them up, and several chunks
 * are under way at a time.
 */
struct chunk {
	struct loop_job job;
	struct attempt attempt;
	struct known *known;
	size_t first, n;
	struct wr_str *keys;
	struct arena arena; /* keys that had to be made */
	int status;
};

struct known {
	struct progress progress;
	struct pipeline *p;
	struct request *req;
	size_t next;	 /* the first URL of the next chunk */
	unsigned active; /* chunks */
	size_t chunk;	 /* URLs of one */
	struct wr_error error;
};

static void known_pump(struct known *k);

static void free_chunk(struct chunk *c)
{
	arena_release(&c->arena);
	mem_free(c->keys);
	mem_free(c);
}

static void chunk_end(struct chunk *c, const struct wr_error *err)
{
	struct known *k = c->known;

	if (err->status && !k->error.status)
		k->error = *err;
	free_chunk(c);
	k->active--;
	known_pump(k);
}

enum wr_urls known_urls(const struct pipeline *p, const struct request *req)
{
	return req->keys ? WR_URLS_AS_GIVEN : p->config.settings.urls;
}

int known_key(struct wr_str *url, enum wr_urls mode, struct arena *arena)
{
	struct wr_str key;
	int status = record_key(&key, *url, mode, arena, NULL);

	if (status == WR_ENOMEM)
		return status;
	*url = status ? (struct wr_str){ "", 0 } : key;
	return 0;
}

static void make_keys(struct loop_job *job)
{
	struct chunk *c = list_item(job, struct chunk, job);
	struct request *req = c->known->req;
	enum wr_urls mode = known_urls(c->known->p, req);

	for (size_t i = 0; i < c->n && !c->status; i++) {
		c->keys[i] = req->urls[c->first + i];
		c->status = known_key(&c->keys[i], mode, &c->arena);
	}
}

static void looked_up(struct attempt *a)
{
	chunk_end(list_item(a, struct chunk, attempt), &a->op.error);
}

static void keys_made(struct loop_job *job)
{
	struct chunk *c = list_item(job, struct chunk, job);
	struct known *k = c->known;
	struct pipeline *p = k->p;
	struct request *req = k->req;
	struct wr_error err = { 0 };

	if (c->status)
		error_nomem(&err, "pipeline");
	else if (req->call.given_up)
		give_up_error(&err, req->call.given_up);
	if (err.status) {
		chunk_end(c, &err);
	} else {
		c->attempt.done = looked_up;
		c->attempt.op.kind = BACKEND_KNOWN;
		c->attempt.op.u.known.keys = c->keys;
		c->attempt.op.u.known.n = c->n;
		c->attempt.op.u.known.details = req->flags & WR_KNOWN_DETAILS;
		c->attempt.op.u.known.since = req->since;
		c->attempt.op.u.known.stored = req->stored + c->first;
		c->attempt.op.u.known.fetched_at =
			req->fetched_at ? req->fetched_at + c->first : NULL;
		attempt_start(p, req, &c->attempt);
	}
	pipeline_unhold(p);
}

static struct chunk *new_chunk(struct known *k)
{
	struct chunk *c = mem_zalloc(1, sizeof(*c));
	size_t left = k->req->n - k->next;

	if (!c)
		return NULL;
	c->known = k;
	c->first = k->next;
	c->n = left < k->chunk ? left : k->chunk;
	c->keys = mem_zalloc(c->n, sizeof(*c->keys));
	arena_init(&c->arena);
	c->job.work = make_keys;
	c->job.done = keys_made;
	if (c->keys)
		return c;
	free_chunk(c);
	return NULL;
}

static void known_pump(struct known *k)
{
	while (k->next < k->req->n && k->active < KNOWN_CHUNKS &&
	       !k->error.status) {
		struct chunk *c = new_chunk(k);

		if (!c) {
			error_nomem(&k->error, "pipeline");
			break;
		}
		k->next += c->n;
		k->active++;
		pipeline_hold(k->p);
		loop_offload(k->p->loop, &c->job);
	}
	if (!k->active)
		request_end(k->p, k->req, &k->error);
}

void known_look_up(struct pipeline *p, struct request *req)
{
	struct known *k = progress_new(req, sizeof(*k));
	struct wr_error err;

	if (!k) {
		error_nomem(&err, "pipeline");
		request_end(p, req, &err);
		return;
	}
	k->p = p;
	k->req = req;
	k->chunk = req->n / KNOWN_CHUNKS + 1;
	if (k->chunk < KNOWN_CHUNK_LEAST)
		k->chunk = KNOWN_CHUNK_LEAST;
	if (k->chunk > KNOWN_CHUNK_MOST)
		k->chunk = KNOWN_CHUNK_MOST;
	known_pump(k);
}

void known_start(struct pipeline *p, struct request *req)
{
	bool details = req->flags & WR_KNOWN_DETAILS;
	struct wr_error err;

	req->stored = arena_zalloc(&req->arena, req->n, 1);
	if (details)
		req->fetched_at = arena_zalloc(&req->arena, req->n,
					       sizeof(*req->fetched_at));
	if (!req->stored || (details && !req->fetched_at)) {
		error_nomem(&err, "pipeline");
		request_end(p, req, &err);
	} else if (known_walks(p, req)) {
		known_walk(p, req);
	} else {
		known_look_up(p, req);
	}
}
