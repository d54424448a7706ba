#include "world.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

/*
 * The callers: a few owners that submit, delete, ask, flush and cancel.  Few
 * keys and few texts, so that they get in each other's way.
 */

static uint64_t below(struct world *w, uint64_t n)
{
	return rand_below(w->rnd, n);
}

static bool chance(struct world *w, unsigned in_1000)
{
	return below(w, 1000) < in_1000;
}

void sim_key(int key, char out[64])
{
	/* One that the store refuses, in every other world. */
	snprintf(out, 64, "https://a.example/%s%d", key == 0 ? "poison" : "p",
		 key);
}

void sim_text(int text, char out[64])
{
	if (text == 0)
		*out = '\0';
	else
		snprintf(out, 64, "text %d%s", text,
			 text == 1 ? " that embedders refuse" : "");
}

static void settled(struct call *call)
{
	struct asked *a = call->owner_data;
	struct ticket *t;

	a->settled++;
	a->settled_as = ++a->world->nsettled;
	a->status = call->error.status;
	if (call->kind != CALL_SUBMIT && call->kind != CALL_DELETE) {
		request_free((struct request *)call);
		a->call = NULL;
		return;
	}
	t = ticket_of(call);
	for (size_t i = 0; i < a->n; i++) {
		struct settled *s = &t->outcomes[i];

		a->step[i].outcome = s->outcome;
		a->step[i].skip = s->skip;
		a->step[i].status = s->error ? s->error->status : 0;
	}
	for (int k = 0; k < WR_NOUTCOMES; k++) {
		uint64_t n = 0;

		for (size_t i = 0; i < a->n; i++)
			n += (int)a->step[i].outcome == k;
		if (n != t->counts[k])
			a->settled += 100; /* counts do not add up */
	}
	ticket_free(t);
	a->call = NULL;
}

static struct asked *new_call(struct world *w, enum call_kind kind)
{
	struct asked *a = &w->asked[w->ncalls];

	memset(a, 0, sizeof(*a));
	a->kind = kind;
	a->tag = w->ncalls++;
	a->owner = (int)below(w, OWNERS);
	a->world = w;
	return a;
}

/* Owners are told apart by address; any will do that is not NULL. */
static void *owner_of(struct world *w, int owner)
{
	return &w->rooms[owner];
}

static void start(struct world *w, struct asked *a, struct call *call)
{
	a->call = call;
	call->owner = owner_of(w, a->owner);
	call->owner_data = a;
	call->tag = a->tag;
	call->settled = settled;
	if (w->verbose)
		printf("%8lld start %d tag %llu\n",
		       (long long)(loop_now_us(w->loop)), (int)a->kind,
		       (unsigned long long)a->tag);
	pipeline_start(w->p, call);
	if (a->settled)
		world_problem(w, "call %llu settled inside its start",
			      (unsigned long long)a->tag);
}

/* Through the gate, as the engine does it: false, and forgotten, if full. */
static bool enter(struct world *w, struct asked *a, struct ticket *t,
		  uint64_t bytes)
{
	bool waits;

	if (gate_enter(&w->gate, t->n, bytes, owner_of(w, a->owner), &waits)) {
		w->refused++;
		w->room_due[a->owner] += waits;
		w->ncalls--;
		ticket_free(t);
		return false;
	}
	t->input->gate = &w->gate;
	t->input->charged_records = t->n;
	t->input->charged_bytes = bytes;
	return true;
}

struct texts {
	char key[64], title[32], content[64];
	float vector[SIM_DIM];
};

static void make_record(struct world *w, struct asked *a, size_t i,
			enum wr_policy policy, struct texts *mem,
			struct wr_record *rec)
{
	struct model_step *step = &a->step[i];

	memset(rec, 0, sizeof(*rec));
	a->key[i] = chance(w, 30) ? -1 : (int)below(w, KEYS);
	step->policy = policy;
	step->content = (int)below(w, TEXTS);
	step->title = chance(w, 300) ? -1 : (int)below(w, 3);
	step->timed = chance(w, 400);
	if (a->key[i] >= 0)
		sim_key(a->key[i], mem->key);
	else
		*mem->key = '\0';
	sim_text(step->content, mem->content);
	rec->url = str_of(mem->key);
	rec->content = str_of(mem->content);
	if (step->title >= 0) {
		snprintf(mem->title, sizeof(mem->title), "title %d",
			 step->title);
		rec->title = str_of(mem->title);
	}
	if (step->timed)
		rec->fetched_at =
			w->wall_us + ((int64_t)below(w, 9) - 6) * 1800000000;
	step->fetched_at = rec->fetched_at ? rec->fetched_at : w->wall_us;
	if (step->content && chance(w, 80)) {
		sim_vector(rec->content, mem->vector);
		rec->embedding = mem->vector;
		rec->embedding_dim = chance(w, 100) ? 3 : SIM_DIM;
	}
}

static void submit(struct world *w)
{
	struct asked *a = new_call(w, CALL_SUBMIT);
	struct wr_record recs[MAX_RECORDS];
	struct texts mem[MAX_RECORDS];
	enum wr_policy policy = chance(w, 650) ? WR_UPDATE : (int)below(w, 3);
	struct ticket *t;
	uint64_t bytes;

	a->n = below(w, MAX_RECORDS + 1);
	w->wall_us++;
	for (size_t i = 0; i < a->n; i++)
		make_record(w, a, i, policy, &mem[i], &recs[i]);
	t = ticket_new(NULL, recs, a->n, SIM_DIM, policy);
	bytes = ticket_cost(recs, a->n, SIM_DIM);
	if (enter(w, a, t, bytes))
		start(w, a, &t->call);
}

static void delete (struct world *w)
{
	struct asked *a = new_call(w, CALL_DELETE);
	char keys[MAX_RECORDS][64];
	struct wr_str urls[MAX_RECORDS];
	struct ticket *t;

	a->n = 1 + below(w, 2);
	for (size_t i = 0; i < a->n; i++) {
		a->key[i] = (int)below(w, KEYS);
		sim_key(a->key[i], keys[i]);
		urls[i] = str_of(keys[i]);
		a->step[i].kind = MODEL_DELETE;
	}
	t = ticket_new_delete(urls, a->n, false);
	if (enter(w, a, t, 100))
		start(w, a, &t->call);
}

static void ask(struct world *w)
{
	static const enum call_kind kinds[] = {
		CALL_KNOWN, CALL_GET,	CALL_SEARCH, CALL_SCAN,
		CALL_STATS, CALL_FLUSH, CALL_FLUSH,  CALL_EMBED_PENDING,
	};
	enum call_kind kind = kinds[below(w, 8)];
	struct asked *a = new_call(w, kind);
	struct request *req = request_new(kind);
	static const struct wr_str urls[] = {
		{ "https://a.example/p1", 20 },
		{ "https://a.example/p2", 20 },
	};

	req->urls = arena_zalloc(&req->arena, 2, sizeof(*urls));
	memcpy(req->urls, urls, sizeof(urls));
	req->n = 2;
	req->limit = 5;
	req->text = str_of(chance(w, 500) ? "text" : "title refuse");
	req->mode = (enum wr_mode)below(w, 4);
	if (kind == CALL_EMBED_PENDING)
		req->limit = below(w, 4);
	filter_init(&req->filter, NULL, &req->arena, NULL);
	start(w, a, &req->call);
}

static void cancel(struct world *w)
{
	struct asked *a;

	if (!w->ncalls)
		return;
	a = &w->asked[below(w, w->ncalls)];
	a->canceled = true;
	if (w->verbose)
		printf("%8lld cancel tag %llu\n",
		       (long long)(loop_now_us(w->loop)),
		       (unsigned long long)a->tag);
	pipeline_cancel(w->p, owner_of(w, a->owner), a->tag);
}

static void change_faults(struct world *w)
{
	/* The poison stays: what was stored is never refused afterwards. */
	struct faults f = { .slow_us = 1, .poison = w->faults.poison };

	if (chance(w, 500)) {
		f.refuse = (unsigned)below(w, 300);
		f.forget = (unsigned)below(w, 300);
		f.busy = (unsigned)below(w, 200);
		f.slow = (unsigned)below(w, 500);
		f.slow_us = (int64_t)below(w, 400000);
	}
	/* An outage now and then that outlasts the deadline. */
	if (chance(w, 60))
		f.refuse = 1000;
	faulty_set(w->store, &f);
}

void callers_act(struct world *w)
{
	uint64_t what = below(w, 100);

	if (w->ncalls == MAX_CALLS)
		return;
	if (what < 60)
		submit(w);
	else if (what < 68)
		delete (w);
	else if (what < 84)
		ask(w);
	else if (what < 92)
		cancel(w);
	else
		change_faults(w);
}

void callers_finish(struct world *w)
{
	if (chance(w, 150)) {
		w->aborted = true;
		pipeline_abort(w->p, WR_ECLOSED);
	}
}
