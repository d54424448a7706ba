#include "world.h"

#include "backend/result.h"
#include "base/loop_sim.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* The promises, held against what happened. */

void checks_always(struct world *w)
{
	uint64_t records, bytes, refused;

	gate_usage(&w->gate, &records, &bytes, &refused);
	if (records > w->gate.max_records && records > MAX_RECORDS)
		world_problem(w, "%llu records in flight, over the limit",
			      (unsigned long long)records);
	if (bytes > w->gate.max_bytes && records > MAX_RECORDS)
		world_problem(w, "%llu bytes in flight, over the limit",
			      (unsigned long long)bytes);
}

static void check_calls(struct world *w)
{
	for (unsigned i = 0; i < w->ncalls; i++) {
		const struct asked *a = &w->asked[i];

		if (a->settled != 1)
			world_problem(w, "call %u of kind %d settled %u times",
				      i, (int)a->kind, a->settled);
		if (a->status == WR_ECANCELED && !a->canceled)
			world_problem(w,
				      "call %u says canceled, but nobody "
				      "canceled it",
				      i);
	}
}

static void print_step(int key, unsigned call, size_t i,
		       const struct model_step *s)
{
	printf("  key %d call %u.%zu kind %d policy %d content %d title %d at "
	       "%lld%s -> outcome %d skip %d status %d\n",
	       key, call, i, (int)s->kind, (int)s->policy, s->content, s->title,
	       (long long)(s->fetched_at - SIM_WALL_US),
	       s->timed ? " timed" : "", (int)s->outcome, (int)s->skip,
	       s->status);
}

/* It failed, and may be stored or not. */
static bool is_unknown(const struct model_step *s)
{
	return s->outcome == WR_FAILED && s->status != WR_EDATA &&
	       s->status != WR_EEXIST;
}

/* The records of a key in one call; false: nothing explains one of them. */
static bool replay_call(struct world *w, int key, unsigned call,
			struct model_set *set)
{
	const struct asked *a = &w->asked[call];
	int64_t touch = (int64_t)SIM_TOUCH_S * 1000000;
	/* The title of superseded records; of records that failed and may have
	 * been superseded before they did. */
	int inherited = -1, maybe = -1;

	for (size_t i = 0; i < a->n; i++) {
		struct model_step step = a->step[i];
		struct model_set other = *set;

		if (a->key[i] != key)
			continue;
		step.guess = w->blind;
		if (w->verbose)
			print_step(key, call, i, &step);
		if (step.outcome == WR_FAILED && step.status == WR_EDATA)
			continue; /* as if it were not there */
		if (step.title < 0 && step.skip != WR_SKIP_STALE)
			step.title = inherited;
		inherited = step.skip == WR_SKIP_SUPERSEDED ? step.title : -1;
		if (!model_apply(set, &step, touch)) {
			world_problem(w,
				      "key %d: record %zu of call %u was told "
				      "outcome %d (skip %d, status %d), which "
				      "nothing explains",
				      key, i, call, (int)step.outcome,
				      (int)step.skip, step.status);
			return false;
		}
		if (!is_unknown(&step))
			continue;
		if (step.title < 0 && maybe >= 0) {
			step.title = maybe;
			model_apply(&other, &step, touch);
			model_join(set, &other);
		}
		maybe = step.title;
	}
	return true;
}

/* Replay every record of a key, in the order of submission. */
static void replay(struct world *w, int key, struct model_set *set)
{
	model_init(set);
	for (unsigned c = 0; c < w->ncalls; c++)
		if (!replay_call(w, key, c, set))
			return;
}

/* Did a later record of the same key and submission come to anything? */
static bool has_winner(const struct asked *a, size_t i)
{
	for (size_t k = i + 1; k < a->n; k++)
		if (a->key[k] == a->key[i] && a->step[k].outcome != WR_FAILED &&
		    a->step[k].skip != WR_SKIP_SUPERSEDED)
			return true;
	return false;
}

static void check_superseded(struct world *w)
{
	for (unsigned c = 0; c < w->ncalls; c++)
		for (size_t i = 0; i < w->asked[c].n; i++)
			if (w->asked[c].step[i].skip == WR_SKIP_SUPERSEDED &&
			    !has_winner(&w->asked[c], i))
				world_problem(w,
					      "record %zu of call %u was "
					      "superseded by nothing that "
					      "was stored",
					      i, c);
}

/* What was asked before a flush is over before the flush is. */
static void check_flushes(struct world *w)
{
	for (unsigned c = 0; c < w->ncalls; c++)
		for (unsigned f = c + 1; f < w->ncalls; f++)
			if (w->asked[f].kind == CALL_FLUSH &&
			    (w->asked[c].kind == CALL_SUBMIT ||
			     w->asked[c].kind == CALL_DELETE) &&
			    !w->asked[f].status &&
			    w->asked[f].settled_as < w->asked[c].settled_as)
				world_problem(w,
					      "flush %u was over before "
					      "call %u",
					      f, c);
}

/* A record that cannot be stored says so, whatever else goes on. */
static void check_bad_records(struct world *w)
{
	for (unsigned c = 0; c < w->ncalls; c++)
		for (size_t i = 0; i < w->asked[c].n; i++)
			if (w->asked[c].key[i] < 0 &&
			    w->asked[c].step[i].outcome != WR_FAILED)
				world_problem(w,
					      "record %zu of call %u has no "
					      "URL, and did not fail",
					      i, c);
}

static int number_in(struct wr_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
			return s.ptr[i] - '0';
	return s.len ? -2 : 0;
}

static void check_vector(struct world *w, int key, const struct document *doc)
{
	float expected[SIM_DIM];

	if (doc->pending || !doc->content.len)
		return;
	sim_vector(doc->content, expected);
	if (!doc->embedding || doc->dim != SIM_DIM ||
	    memcmp(doc->embedding, expected, sizeof(expected)))
		world_problem(w, "key %d: the vector is not that of its text",
			      key);
}

static void check_document(struct world *w, int key, const struct document *doc)
{
	struct model_set set;
	struct model_state s = { .present = doc->found };

	replay(w, key, &set);
	if (*w->problem)
		return;
	if (doc->found) {
		s.content = number_in(doc->content);
		s.title = doc->title.ptr ? number_in(doc->title) : -1;
		s.fetched_at = doc->fetched_at;
		check_vector(w, key, doc);
	}
	if (!model_allows(&set, &s))
		world_problem(w,
			      "key %d: stored %d content %d title %d at %lld, "
			      "which is not what was acknowledged",
			      key, s.present, s.content, s.title,
			      (long long)(s.fetched_at - SIM_WALL_US));
}

static void note_done(struct backend_op *op)
{
	*(bool *)op->wrapper_data = true;
}

static void check_store(struct world *w)
{
	char text[KEYS][64];
	struct wr_str keys[KEYS];
	struct result result;
	bool done = false;
	struct backend_op op = { .kind = BACKEND_GET,
				 .done = note_done,
				 .wrapper_data = &done };

	result_init(&result);
	for (int k = 0; k < KEYS; k++) {
		sim_key(k, text[k]);
		keys[k] = str_of(text[k]);
	}
	op.u.get.keys = keys;
	op.u.get.n = KEYS;
	op.u.get.parts = WR_PART_CONTENT | WR_PART_EMBEDDING;
	op.u.get.result = &result;
	mem_backend.run(w->mem, &op);
	while (!done && loop_sim_step(w->loop))
		;
	if (!done || op.error.status || result.ndocs != KEYS)
		world_problem(w, "the store cannot be read at the end: %s",
			      op.error.message);
	for (int k = 0; k < KEYS && !*w->problem; k++)
		check_document(w, k, &result.docs[k]);
	result_release(&result);
}

static void check_counters(struct world *w)
{
	struct counters *c = pipeline_counters(w->p);
	uint64_t sum = 0, records = 0, in, bytes, refused;

	for (int i = 0; i < WR_NOUTCOMES; i++)
		sum += counter_get(&c->outcomes[i]);
	for (unsigned i = 0; i < w->ncalls; i++)
		records += w->asked[i].n;
	if (sum != records)
		world_problem(w, "%llu outcomes for %llu records",
			      (unsigned long long)sum,
			      (unsigned long long)records);
	gate_usage(&w->gate, &in, &bytes, &refused);
	if (in || bytes)
		world_problem(w, "%llu records and %llu bytes never left",
			      (unsigned long long)in,
			      (unsigned long long)bytes);
	if (refused != w->refused)
		world_problem(w, "%llu refusals counted, %u seen",
			      (unsigned long long)refused, w->refused);
	for (int i = 0; i < OWNERS; i++)
		if (w->rooms[i] != w->room_due[i])
			world_problem(w,
				      "owner %d was told %u times of room, "
				      "not %u",
				      i, w->rooms[i], w->room_due[i]);
}

void checks_at_end(struct world *w)
{
	const struct counters *c = pipeline_counters(w->p);

	w->reused = counter_get(&c->vectors_reused);
	w->bisected = counter_get(&c->write_bisections);
	w->retried = counter_get(&c->write_retries);
	check_calls(w);
	if (!*w->problem)
		check_bad_records(w);
	if (!*w->problem)
		check_superseded(w);
	if (!*w->problem)
		check_flushes(w);
	if (!*w->problem)
		check_counters(w);
	if (!*w->problem)
		check_store(w);
}
