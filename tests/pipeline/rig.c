#include "rig.h"

#include "base/error.h"
#include "base/loop_sim.h"
#include "base/mem.h"
#include "base/str.h"

#include <string.h>

/* ------------------------------------------------------------ the store -- */

static void tell_failed(struct loop_task *task)
{
	struct rig *rig = list_item(task, struct rig, tell);
	struct list_node told, *n;

	rig->telling = false;
	list_init(&told);
	list_splice(&told, &rig->failed);
	while ((n = list_take(&told))) {
		struct backend_op *op = list_item(n, struct backend_op, link);

		op->done(op);
	}
}

static void end_soon(struct rig *rig, struct backend_op *op)
{
	list_append(&rig->failed, &op->link);
	if (!rig->telling)
		loop_post(rig->loop, &rig->tell);
	rig->telling = true;
}

static void refuse(struct rig *rig, struct backend_op *op, int status)
{
	error_set(&op->error, status, 0, "rig", "it fails on purpose");
	end_soon(rig, op);
}

static bool is_poisoned(const struct rig *rig, const struct backend_op *op)
{
	for (size_t i = 0; rig->poison && i < op->u.write.n; i++) {
		struct wr_str key = op->u.write.items[i].rec->key;

		if (memmem(key.ptr, key.len, rig->poison, strlen(rig->poison)))
			return true;
	}
	return false;
}

static void store_run(void *self, struct backend_op *op)
{
	struct rig *rig = self;

	rig->ops[op->kind]++;
	memset(&op->error, 0, sizeof(op->error));
	if (op->kind == BACKEND_WRITE && rig->txns < RIG_TXNS)
		rig->txn_rows[rig->txns++] = op->u.write.n;
	if (rig->fail[op->kind]) {
		rig->fail[op->kind]--;
		refuse(rig, op, rig->fail_status);
	} else if (op->kind == BACKEND_WRITE && is_poisoned(rig, op)) {
		refuse(rig, op, WR_EDATA);
	} else if (op->kind == BACKEND_WRITE && rig->hold_writes) {
		list_append(&rig->held, &op->link);
	} else if (op->kind == BACKEND_MIGRATE && rig->migration_steps) {
		rig->migration_steps--;
		op->u.migrate.more = true;
		end_soon(rig, op);
	} else {
		mem_backend.run(rig->mem, op);
	}
}

static bool take_held(struct list_node *held, struct list_node *link)
{
	for (struct list_node *n = held->next; n != held; n = n->next) {
		if (n != link)
			continue;
		list_remove(link);
		return true;
	}
	return false;
}

static void store_cancel(void *self, struct backend_op *op)
{
	struct rig *rig = self;

	if (take_held(&rig->held, &op->link))
		refuse(rig, op, WR_ECANCELED);
}

static int open_nothing(void **self, const struct backend_config *config,
			struct settings *settings, struct wr_error *err)
{
	(void)self;
	(void)config;
	(void)settings;
	return error_set(err, WR_ENOTSUP, 0, "rig", "made by the rig");
}

static void close_nothing(void *self, void (*closed)(void *arg), void *arg)
{
	(void)self;
	closed(arg);
}

static const struct backend_ops rig_store = {
	.scheme = "rig",
	.caps = BACKEND_LISTS_KEYS | BACKEND_WRITES_BLIND,
	.lookups = 2,
	.writes = 2,
	.open = open_nothing,
	.run = store_run,
	.cancel = store_cancel,
	.close = close_nothing,
};

/* --------------------------------------------------------- the embedder -- */

static void answer_all(struct loop_task *task)
{
	struct rig *rig = list_item(task, struct rig, answer);
	struct list_node told, *n;

	rig->answering = false;
	list_init(&told);
	list_splice(&told, &rig->answered);
	while ((n = list_take(&told))) {
		struct embed_op *op = list_item(n, struct embed_op, link);

		op->done(op);
	}
}

static void answer(struct rig *rig, struct embed_op *op)
{
	list_append(&rig->answered, &op->link);
	if (!rig->answering)
		loop_post(rig->loop, &rig->answer);
	rig->answering = true;
}

static bool is_refused(const struct embed_op *op)
{
	for (size_t i = 0; i < op->n; i++)
		if (memmem(op->texts[i].ptr, op->texts[i].len, "refuse", 6))
			return true;
	return false;
}

static void embed(struct rig *rig, struct embed_op *op)
{
	for (size_t i = 0; i < op->n; i++) {
		op->vectors[i * RIG_DIM] = (float)op->texts[i].len;
		op->vectors[i * RIG_DIM + 1] = 1;
	}
	if (is_refused(op))
		error_set(&op->error, WR_EDATA, 0, "rig", "refused");
	answer(rig, op);
}

static void embedder_run(void *self, struct embed_op *op)
{
	struct rig *rig = self;

	rig->calls++;
	rig->texts += (unsigned)op->n;
	if (rig->embed_fails) {
		rig->embed_fails--;
		error_set(&op->error, rig->embed_status, 0, "rig",
			  "it fails on purpose");
		answer(rig, op);
	} else if (rig->hold_embeds) {
		list_append(&rig->held_embeds, &op->link);
	} else {
		embed(rig, op);
	}
}

static void embedder_cancel(void *self, struct embed_op *op)
{
	struct rig *rig = self;

	if (!take_held(&rig->held_embeds, &op->link))
		return;
	error_set(&op->error, WR_ECANCELED, 0, "rig", "canceled");
	answer(rig, op);
}

static int embedder_open(void **self, const struct embedder_config *config,
			 struct embedder_identity *id, struct wr_error *err)
{
	(void)self;
	(void)config;
	(void)id;
	return error_set(err, WR_ENOTSUP, 0, "rig", "made by the rig");
}

static void embedder_close(void *self)
{
	(void)self;
}

static const struct embedder_ops rig_embedder = {
	.scheme = "rig",
	.open = embedder_open,
	.run = embedder_run,
	.cancel = embedder_cancel,
	.close = embedder_close,
};

/* -------------------------------------------------------------- the rig -- */

static int64_t wall(void *arg)
{
	return ((struct rig *)arg)->wall_us;
}

static void note_done(struct backend_op *op)
{
	*(bool *)op->wrapper_data = true;
}

static void do_now(struct rig *rig, struct backend_op *op)
{
	bool done = false;

	op->done = note_done;
	op->wrapper_data = &done;
	mem_backend.run(rig->mem, op);
	while (!done && loop_sim_step(rig->loop))
		;
	assert_true(done);
	assert_int_equal(op->error.status, 0);
}

void rig_init(struct rig *rig, uint64_t seed)
{
	struct backend_config bc = { .location = "mem:" };
	struct settings settings = { 0 };
	struct backend_op op = { .kind = BACKEND_SETTINGS,
				 .u.settings = &settings };

	memset(rig, 0, sizeof(*rig));
	list_init(&rig->held);
	list_init(&rig->failed);
	list_init(&rig->held_embeds);
	list_init(&rig->answered);
	rig->tell.run = tell_failed;
	rig->answer.run = answer_all;
	rig->fail_status = WR_EIO;
	rig->embed_status = WR_EIO;
	rig->wall_us = 1700000000000000;
	assert_int_equal(loop_sim_new(&rig->loop, seed), 0);
	bc.loop = rig->loop;
	assert_int_equal(mem_backend.open(&rig->mem, &bc, &settings, NULL), 0);
	settings.dim = RIG_DIM;
	do_now(rig, &op);
	rig->config = (struct pipeline_config){
		.loop = rig->loop,
		.backend = &rig_store,
		.backend_self = rig,
		.embedder = &rig_embedder,
		.embedder_self = rig,
		.settings = settings,
		.seed = seed,
		.wall_us = wall,
		.wall_arg = rig,
	};
}

void rig_begin(struct rig *rig)
{
	assert_int_equal(pipeline_new(&rig->p, &rig->config), 0);
}

static void set_idle(void *arg)
{
	*(bool *)arg = true;
}

void rig_end(struct rig *rig)
{
	bool closed = false;

	rig_wait_all(rig);
	pipeline_when_idle(rig->p, set_idle, &rig->idle);
	while (!rig->idle && loop_sim_step(rig->loop))
		;
	assert_true(rig->idle);
	pipeline_free(rig->p);
	for (unsigned i = 0; i < rig->nsubs; i++) {
		assert_int_equal(rig->subs[i].settled, 1);
		ticket_free(rig->subs[i].t);
	}
	mem_backend.close(rig->mem, set_idle, &closed);
	while (!closed && loop_sim_step(rig->loop))
		;
	assert_true(closed);
	loop_sim_free(rig->loop);
}

static void settled(struct call *call)
{
	struct sub *sub = call->owner_data;
	struct rig *rig = call->owner;

	sub->settled++;
	sub->turn = ++rig->turns;
}

static struct sub *start(struct rig *rig, struct ticket *t)
{
	struct sub *sub = &rig->subs[rig->nsubs];

	assert_true(rig->nsubs < RIG_SUBS);
	assert_non_null(t);
	sub->t = t;
	t->call.settled = settled;
	t->call.owner = rig;
	t->call.owner_data = sub;
	t->call.tag = rig->nsubs++;
	pipeline_start(rig->p, &t->call);
	assert_int_equal(sub->settled, 0);
	return sub;
}

struct sub *rig_submit(struct rig *rig, const struct wr_record *recs, size_t n,
		       enum wr_policy policy)
{
	return start(rig, ticket_new(NULL, recs, n, RIG_DIM, policy));
}

struct sub *rig_save(struct rig *rig, const char *url, const char *content)
{
	struct wr_record rec = rig_page(url, content);

	return rig_submit(rig, &rec, 1, WR_UPDATE);
}

struct sub *rig_delete(struct rig *rig, const char *url)
{
	struct wr_str key = str_of(url);

	return start(rig, ticket_new_delete(&key, 1, false));
}

void rig_wait(struct rig *rig, struct sub *sub)
{
	while (!sub->settled)
		if (!loop_sim_step(rig->loop))
			fail_msg("nothing is left to happen, and call %d is "
				 "not settled",
				 (int)sub->t->call.tag);
}

void rig_wait_all(struct rig *rig)
{
	for (unsigned i = 0; i < rig->nsubs; i++)
		rig_wait(rig, &rig->subs[i]);
}

void rig_pass(struct rig *rig, int64_t us)
{
	loop_sim_run(rig->loop, loop_now_us(rig->loop) + us);
}

void rig_release(struct rig *rig)
{
	struct list_node *n;

	rig->hold_writes = rig->hold_embeds = false;
	while ((n = list_take(&rig->held)))
		mem_backend.run(rig->mem,
				list_item(n, struct backend_op, link));
	while ((n = list_take(&rig->held_embeds)))
		embed(rig, list_item(n, struct embed_op, link));
}

struct wr_record rig_page(const char *url, const char *content)
{
	return (struct wr_record){ .url = str_of(url),
				   .content = str_of(content) };
}

void rig_check(const struct sub *sub, size_t i, enum wr_outcome outcome,
	       enum wr_skip skip)
{
	const struct settled *s = &sub->t->outcomes[i];

	assert_int_equal(sub->settled, 1);
	if (s->outcome != outcome || s->skip != skip)
		fail_msg("record %zu: outcome %d, skip %d, instead of %d and "
			 "%d: %s",
			 i, s->outcome, s->skip, (int)outcome, (int)skip,
			 s->error ? s->error->message : "");
}

int rig_error(const struct sub *sub, size_t i)
{
	rig_check(sub, i, WR_FAILED, WR_SKIP_NONE);
	assert_non_null(sub->t->outcomes[i].error);
	return sub->t->outcomes[i].error->status;
}

const struct document *rig_get(struct rig *rig, const char *url)
{
	static struct document doc;
	static float vector[RIG_DIM];
	static char content[256];
	struct wr_str key = str_of(url);
	struct result result;
	struct backend_op op = { .kind = BACKEND_GET,
				 .u.get = { &key, 1,
					    WR_PART_CONTENT | WR_PART_EMBEDDING,
					    &result } };

	result_init(&result);
	do_now(rig, &op);
	doc = result.docs[0];
	if (doc.embedding)
		doc.embedding = memcpy(vector, doc.embedding, sizeof(vector));
	assert_true(doc.content.len < sizeof(content));
	if (doc.content.len)
		doc.content.ptr =
			memcpy(content, doc.content.ptr, doc.content.len);
	result_release(&result);
	return doc.found ? &doc : NULL;
}
