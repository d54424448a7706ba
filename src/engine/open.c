#include "engine/engine.h"

#include "base/error.h"
#include "engine/queue.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Opening a store, step by step on the engine's thread: the backend, on a
 * worker; the embedder, held against the identity that the store records; its
 * dimension, learned by embedding a text where nobody says it; what is new in
 * the identity is recorded; and the pipeline.
 */

static void step_embedder(struct wr_store *s);
static void step_record(struct wr_store *s);
static void step_pipeline(struct wr_store *s);

/* ---------------------------------------------------- where it goes wrong --
 */

static void backend_closed(void *arg)
{
	store_opened(arg);
}

static void fail(struct wr_store *s, const struct wr_error *err)
{
	s->open_error = *err;
	if (s->embedder_self)
		s->embedder->close(s->embedder_self);
	s->embedder_self = NULL;
	if (s->backend_self)
		s->backend->close(s->backend_self, backend_closed, s);
	else
		store_opened(s);
}

/* ------------------------------------------------------------- the backend --
 */

static void open_backend(struct loop_job *job)
{
	struct wr_store *s = list_item(job, struct wr_store, open_job);
	const struct wr_options *o = &s->opts;
	struct backend_config config = {
		.location = o->store,
		.create = o->create,
		.loop = s->loop,
		.log = &s->log,
		.busy_timeout_ms = 5000,
		.schema = o->schema,
		.table = o->table,
		.vector_type = o->vector_type,
		.language = o->language,
		.distributed = o->distributed,
		.pool_size = o->pool_size,
		.max_overflow = o->max_overflow,
		.pool_recycle_s = o->pool_recycle_s,
		.pool_timeout_ms = o->pool_timeout_ms,
		.connect_timeout_ms = o->connect_timeout_ms,
		.statement_timeout_ms = o->statement_timeout_ms,
	};

	s->settings.urls = o->urls;
	s->settings.fulltext = o->fulltext;
	if (s->backend->open(&s->backend_self, &config, &s->settings,
			     &s->open_error))
		s->backend_self = NULL;
}

static void backend_open(struct loop_job *job)
{
	struct wr_store *s = list_item(job, struct wr_store, open_job);
	struct wr_error err = s->open_error;

	s->found = s->settings;
	if (err.status)
		fail(s, &err);
	else
		step_embedder(s);
}

void store_open_begin(struct wr_store *s)
{
	s->open_job.work = open_backend;
	s->open_job.done = backend_open;
	loop_offload(s->loop, &s->open_job);
}

/* ------------------------------------------------------------ the embedder --
 */

/* Vectors come from somewhere: their model or dimension is recorded. */
static bool has_identity(const struct settings *r)
{
	return *r->embedder && strcmp(r->embedder, "none");
}

/* The embedder that the store names, where the program names none. */
static const struct embedder_ops *recorded_embedder(const struct settings *r)
{
	return strcmp(r->embedder, "hash") ? &none_embedder : &hash_embedder;
}

static int refuse(const struct settings *r, const char *name, const char *model,
		  uint32_t dim, struct wr_error *err)
{
	return error_set(err, WR_ESCHEMA, 0, "engine",
			 "the store has embeddings of \"%s\" (model \"%s\", %u "
			 "dimensions), not of \"%s\" (model \"%s\", %u); open "
			 "it with that embedder, with \"none\", or make "
			 "another store",
			 r->embedder, r->model, r->dim, name, model, dim);
}

/* Hold the embedder against what the store records, and complete that. */
static int agree(struct settings *r, const struct embedder_identity *id,
		 struct wr_error *err)
{
	bool known = has_identity(r);

	if ((known && strcmp(r->embedder, id->name)) ||
	    (*r->model && strcmp(r->model, id->model)) ||
	    (r->dim && id->dim && r->dim != id->dim))
		return refuse(r, id->name, id->model, id->dim, err);
	if (!known)
		snprintf(r->embedder, sizeof(r->embedder), "%s", id->name);
	snprintf(r->model, sizeof(r->model), "%s", id->model);
	if (id->dim)
		r->dim = id->dim;
	return 0;
}

/* Without an embedder: the program may still say what its vectors are. */
static int agree_none(struct wr_store *s, struct settings *r,
		      struct wr_error *err)
{
	const char *model = s->opts.model ? s->opts.model : "";
	uint32_t dim = s->opts.dim;

	if ((*model && *r->model && strcmp(r->model, model)) ||
	    (dim && r->dim && r->dim != dim))
		return refuse(r, "none", model, dim, err);
	if (!*r->embedder && s->embedder)
		snprintf(r->embedder, sizeof(r->embedder), "none");
	if (*model)
		snprintf(r->model, sizeof(r->model), "%s", model);
	if (dim)
		r->dim = dim;
	return 0;
}

static int ask_program(struct embed_request *req, uint64_t number, void *arg)
{
	struct wr_store *s = arg;
	struct wr_reply *r = reply_new(WR_EV_EMBED, s->embed_queue, number);

	if (!r)
		return WR_ENOMEM;
	r->embed = req;
	r->store = s;
	queue_post(r);
	return 0;
}

static void take_back(uint64_t number, void *arg)
{
	struct wr_store *s = arg;

	queue_withdraw(s->embed_queue, WR_EV_EMBED, number, s);
}

static int open_embedder(struct wr_store *s, struct embedder_identity *id,
			 struct wr_error *err)
{
	struct embedder_config config = {
		.opts = &s->opts,
		.model = s->opts.model ? s->opts.model : s->settings.model,
		.dim = s->opts.dim ? s->opts.dim : s->settings.dim,
		.inflight = s->opts.embed_inflight ? s->opts.embed_inflight : 4,
		.asker = &s->asker,
		.loop = s->loop,
		.log = &s->log,
	};

	s->asker = (struct embed_asker){ ask_program, take_back, s };
	return s->embedder->open(&s->embedder_self, &config, id, err);
}

static void dimension_learned(struct embed_op *op)
{
	struct wr_store *s = list_item(op, struct wr_store, learn_op);
	struct wr_error err;

	s->learning = false;
	loop_timer_clear(s->loop, &s->learn_timer);
	if (s->abort_asked)
		error_set(&err, WR_ECLOSED, 0, "engine",
			  "the store was closed while it was being opened");
	else if (op->error.status == WR_ECANCELED)
		error_set(&err, WR_ETIMEOUT, 0, "engine",
			  "the embedder did not answer, so its dimension is "
			  "not known; give dim");
	else
		err = op->error;
	if (!err.status && (!op->dim || op->dim > VECTOR_DIM_MAX))
		error_set(&err, WR_EINVAL, 0, "engine",
			  "the embedder answered with %u dimensions; 1 to %d "
			  "are possible",
			  op->dim, VECTOR_DIM_MAX);
	if (err.status) {
		fail(s, &err);
		return;
	}
	s->settings.dim = op->dim;
	step_record(s);
}

static void learn_late(struct loop_timer *timer)
{
	struct wr_store *s = list_item(timer, struct wr_store, learn_timer);

	s->embedder->cancel(s->embedder_self, &s->learn_op);
}

static void learn_dimension(struct wr_store *s)
{
	static const struct wr_str text = { "dimension", 9 };
	uint32_t ms =
		s->opts.embed_timeout_ms ? s->opts.embed_timeout_ms : 60000;

	s->learn_op = (struct embed_op){ .texts = &text,
					 .n = 1,
					 .done = dimension_learned };
	s->learn_timer.fired = learn_late;
	loop_timer_set(s->loop, &s->learn_timer,
		       loop_now_us(s->loop) + (int64_t)ms * 1000);
	s->learning = true;
	s->embedder->run(s->embedder_self, &s->learn_op);
	if (s->abort_asked)
		store_open_hurry(s);
}

void store_open_hurry(struct wr_store *s)
{
	if (s->learning)
		s->embedder->cancel(s->embedder_self, &s->learn_op);
}

static void step_embedder(struct wr_store *s)
{
	struct embedder_identity id = { 0 };
	struct wr_error err = { 0 };
	int status;

	if (!s->embedder || s->embedder == &none_embedder) {
		status = agree_none(s, &s->settings, &err);
		if (!s->embedder)
			s->embedder = recorded_embedder(&s->settings);
		if (!status)
			status = open_embedder(s, &id, &err);
	} else {
		status = open_embedder(s, &id, &err);
		if (!status)
			status = agree(&s->settings, &id, &err);
	}
	if (status)
		fail(s, &err);
	else if (s->embedder != &none_embedder && !s->settings.dim)
		learn_dimension(s);
	else
		step_record(s);
}

/* ------------------------------------------------- what is recorded, the end
 * -- */

static void recorded(struct backend_op *op)
{
	struct wr_store *s = list_item(op, struct wr_store, settings_op);

	if (op->error.status)
		fail(s, &op->error);
	else
		step_pipeline(s);
}

static void step_record(struct wr_store *s)
{
	const struct settings *now = &s->settings, *was = &s->found;

	if (!strcmp(now->embedder, was->embedder) &&
	    !strcmp(now->model, was->model) && now->dim == was->dim) {
		step_pipeline(s);
		return;
	}
	s->settings_op = (struct backend_op){ .kind = BACKEND_SETTINGS,
					      .u.settings = &s->settings,
					      .done = recorded };
	s->backend->run(s->backend_self, &s->settings_op);
}

static void step_pipeline(struct wr_store *s)
{
	const struct wr_options *o = &s->opts;
	struct timespec now;
	struct pipeline_config config = {
		.loop = s->loop,
		.log = &s->log,
		.backend = s->backend,
		.backend_self = s->backend_self,
		.embedder = s->embedder,
		.embedder_self = s->embedder_self,
		.settings = s->settings,
		.embed_batch = o->embed_batch,
		.embed_linger_ms = o->embed_linger_ms,
		.embed_inflight = o->embed_inflight,
		.embed_timeout_ms = o->embed_timeout_ms,
		.write_batch = o->write_batch,
		.write_linger_ms = o->write_linger_ms,
		.max_content_bytes = o->max_content_bytes,
		.op_timeout_ms = o->op_timeout_ms,
		.touch_after_s = o->touch_after_s,
	};
	struct wr_error err;

	clock_gettime(CLOCK_REALTIME, &now);
	config.seed = (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32;
	if (pipeline_new(&s->pipeline, &config)) {
		error_nomem(&err, "engine");
		fail(s, &err);
		return;
	}
	pthread_mutex_lock(&s->lock);
	s->counted = s->pipeline;
	pthread_mutex_unlock(&s->lock);
	store_opened(s);
}
