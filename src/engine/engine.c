#include "engine/engine.h"

#include "base/error.h"
#include "base/loop_uv.h"
#include "base/mem.h"
#include "engine/metrics.h"
#include "engine/queue.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Bytes of blocks for submissions that wait to be used again. */
enum { BLOCKS_KEPT = 4 << 20 };

uint32_t wr_version(void)
{
	return WR_VERSION;
}

void wr_free(void *p)
{
	mem_free(p);
}

/* ------------------------------------------------------ the way to a reply --
 */

static void post_result(struct wr_reply *r)
{
	r->status = wr_reply_error(r)->status;
	queue_post(r);
}

static void settled(struct call *call)
{
	post_result(call->owner_data);
}

static struct call *call_of(struct wr_reply *r)
{
	return r->ticket ? &r->ticket->call : &r->request->call;
}

/* A call that never reaches the pipeline. */
static void refuse_call(struct wr_reply *r, const struct wr_error *err)
{
	if (r->ticket)
		ticket_refuse(r->ticket, err);
	else
		r->request->call.error = *err;
	post_result(r);
}

static void start_call(struct wr_store *s, struct wr_reply *r)
{
	struct call *call = call_of(r);

	switch (s->state) {
	case STORE_OPENING:
		list_append(&s->waiting, &r->link);
		break;
	case STORE_OPEN:
		pipeline_start(s->pipeline, call);
		break;
	default:
		refuse_call(r, &s->open_error);
	}
}

static void start_task(struct loop_task *task)
{
	struct wr_reply *r = list_item(task, struct wr_reply, task);

	start_call(r->store, r);
}

int store_start(struct wr_store *s, struct wr_reply *r, struct wr_error *err)
{
	struct call *call = call_of(r);
	bool closing;

	r->store = s;
	r->task.run = start_task;
	call->settled = settled;
	call->owner = r->queue;
	call->owner_data = r;
	call->tag = r->tag;
	pthread_mutex_lock(&s->lock);
	closing = s->closing;
	if (!closing)
		loop_post(s->loop, &r->task);
	pthread_mutex_unlock(&s->lock);
	if (!closing)
		return 0;
	return error_set(err, WR_ECLOSED, 0, "engine", "the store is closing");
}

int store_check(const struct wr_store *s, const struct wr_queue *q,
		struct wr_error *err)
{
	if (!s || !q)
		return error_set(err, WR_EINVAL, 0, "engine", "%s is NULL",
				 s ? "the queue" : "the store");
	if (s->pid != getpid())
		return error_set(err, WR_EFORKED, 0, "engine",
				 "this store was opened by the parent process; "
				 "open it again in the child");
	return 0;
}

/* ------------------------------------------------------------- cancelling --
 */

struct cancel {
	struct loop_task task;
	struct wr_store *store;
	struct wr_queue *q;
	uint64_t tag;
};

static void cancel_task(struct loop_task *task)
{
	struct cancel *c = list_item(task, struct cancel, task);
	struct wr_store *s = c->store;
	struct wr_reply *r;
	struct wr_error err;

	error_set(&err, WR_ECANCELED, 0, "engine", "canceled");
	if (s->pipeline)
		pipeline_cancel(s->pipeline, c->q, c->tag);
	list_each (r, &s->waiting, struct wr_reply, link) {
		if (r->queue != c->q || r->tag != c->tag)
			continue;
		list_remove(&r->link);
		refuse_call(r, &err);
	}
	queue_unref(c->q);
	mem_free(c);
}

int wr_cancel(wr_store *s, wr_queue *q, uint64_t tag, struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct cancel *c;

	if (status)
		return status;
	c = mem_alloc(sizeof(*c));
	if (!c)
		return error_nomem(err, "engine");
	*c = (struct cancel){ .task.run = cancel_task,
			      .store = s,
			      .q = queue_ref(q),
			      .tag = tag };
	pthread_mutex_lock(&s->lock);
	if (s->closed)
		status = WR_ECLOSED;
	else
		loop_post(s->loop, &c->task);
	pthread_mutex_unlock(&s->lock);
	if (status) {
		queue_unref(q);
		mem_free(c);
		return error_set(err, WR_ECLOSED, 0, "engine",
				 "the store is closed");
	}
	return 0;
}

/* ---------------------------------------------------------------- opening --
 */

void store_opened(struct wr_store *s)
{
	struct wr_reply *open = s->open_reply;
	struct list_node *n, waiting;

	s->state = s->open_error.status ? STORE_FAILED : STORE_OPEN;
	s->open_reply = NULL;
	open->error = s->open_error;
	open->status = s->open_error.status;
	queue_post(open);
	list_init(&waiting);
	list_splice(&waiting, &s->waiting);
	while ((n = list_take(&waiting)))
		start_call(s, list_item(n, struct wr_reply, link));
	if (s->close_asked)
		s->close_task.run(&s->close_task);
}

/* ---------------------------------------------------------------- closing --
 */

/* The last thing that the thread does: nothing is posted to it from here on. */
static void say_closed(void *arg)
{
	struct wr_store *s = arg;
	struct list_node closers, *n;

	s->state = STORE_CLOSED;
	list_init(&closers);
	pthread_mutex_lock(&s->lock);
	s->closed = true;
	list_splice(&closers, &s->closers);
	pthread_mutex_unlock(&s->lock);
	loop_uv_stop(s->loop);
	while ((n = list_take(&closers)))
		queue_post(list_item(n, struct wr_reply, link));
}

static void close_backend(void *arg)
{
	struct wr_store *s = arg;

	pthread_mutex_lock(&s->lock);
	s->counted = NULL;
	pthread_mutex_unlock(&s->lock);
	pipeline_free(s->pipeline);
	s->pipeline = NULL;
	s->embedder->close(s->embedder_self);
	s->embedder_self = NULL;
	s->backend->close(s->backend_self, say_closed, s);
}

static void close_task(struct loop_task *task)
{
	struct wr_store *s = list_item(task, struct wr_store, close_task);

	s->close_asked = true;
	if (s->state == STORE_OPENING)
		return;
	if (s->state == STORE_FAILED) {
		say_closed(s);
		return;
	}
	if (s->abort_asked)
		pipeline_abort(s->pipeline, WR_ECLOSED);
	pipeline_when_idle(s->pipeline, close_backend, s);
}

static void abort_task(struct loop_task *task)
{
	struct wr_store *s = list_item(task, struct wr_store, abort_task);

	s->abort_asked = true;
	if (s->state == STORE_OPENING)
		store_open_hurry(s);
	else if (s->close_asked && s->pipeline)
		pipeline_abort(s->pipeline, WR_ECLOSED);
}

/* Takes r, which may be NULL; false where it is too late. */
static bool begin_close(struct wr_store *s, enum wr_close_mode how,
			struct wr_reply *r)
{
	bool closed;

	pthread_mutex_lock(&s->lock);
	closed = s->closed;
	if (!closed && r)
		list_append(&s->closers, &r->link);
	if (!closed && how == WR_CLOSE_ABORT && !s->aborting) {
		s->aborting = true;
		loop_post(s->loop, &s->abort_task);
	}
	if (!closed && !s->closing) {
		s->closing = true;
		loop_post(s->loop, &s->close_task);
	}
	pthread_mutex_unlock(&s->lock);
	return !closed;
}

int wr_close(wr_store *s, enum wr_close_mode how, wr_queue *q, uint64_t tag,
	     struct wr_error *err)
{
	int status = store_check(s, q, err);
	struct wr_reply *r;

	if (status)
		return status;
	r = reply_new(WR_EV_CLOSED, q, tag);
	if (!r)
		return error_nomem(err, "engine");
	r->bare = true;
	if (begin_close(s, how, r))
		return 0;
	wr_reply_free(r);
	return error_set(err, WR_ECLOSED, 0, "engine",
			 "the store is closed already");
}

/* ------------------------------------------------------------ the thread -- */

static void *engine_thread(void *arg)
{
	struct wr_store *s = arg;

	loop_uv_yield_to_program();
	store_open_begin(s);
	loop_uv_run(s->loop);
	return NULL;
}

static int start_thread(struct wr_store *s, struct wr_error *err)
{
	sigset_t all, old;
	int status;

	/* The program's signals are the program's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	status = pthread_create(&s->thread, NULL, engine_thread, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (status)
		return error_errno(err, status, "engine",
				   "cannot start a thread");
	return 0;
}

static void tell_room(void *owner, void *arg)
{
	(void)arg;
	queue_post_room(owner);
	queue_unref(owner);
}

static bool is_gone(void *owner)
{
	return queue_is_given_up(owner);
}

static void log_to_fn(enum wr_log_level level, const char *where,
		      const char *message, void *arg)
{
	struct wr_store *s = arg;

	s->opts.log(level, where, message, s->opts.log_arg);
}

/* A message that finds no memory is lost: nothing else is. */
static void log_to_queue(enum wr_log_level level, const char *where,
			 const char *message, void *arg)
{
	struct wr_store *s = arg;
	struct wr_reply *r = reply_new(WR_EV_LOG, s->log_queue, 0);

	if (!r)
		return;
	r->log = mem_strdup(message);
	/* Of the caller, who may keep it in an error of his own. */
	r->log_where = mem_strdup(where);
	r->log_level = level;
	if (r->log && r->log_where)
		queue_post(r);
	else
		wr_reply_free(r);
}

static int copy_options(struct wr_store *s, const struct wr_options *opts)
{
	const char **texts[STORE_TEXTS] = {
		&s->opts.store,	   &s->opts.embedder, &s->opts.model,
		&s->opts.schema,   &s->opts.table,    &s->opts.vector_type,
		&s->opts.language,
	};
	size_t known = sizeof(s->opts);

	memcpy(&s->opts, opts, opts->size < known ? opts->size : known);
	for (size_t i = 0; i < STORE_TEXTS; i++) {
		if (!*texts[i])
			continue;
		s->texts[i] = mem_strdup(*texts[i]);
		if (!s->texts[i])
			return WR_ENOMEM;
		*texts[i] = s->texts[i];
	}
	s->embed_queue = queue_ref(s->opts.embed_queue);
	s->log_queue = queue_ref(s->opts.log_queue);
	s->log.sink = s->opts.log    ? log_to_fn
		      : s->log_queue ? log_to_queue
				     : NULL;
	s->log.arg = s;
	s->log.level = s->opts.log_level ? s->opts.log_level : WR_LOG_WARN;
	return 0;
}

static int check_options(const struct wr_options *opts, struct wr_error *err)
{
	if (!opts || opts->size < sizeof(opts->size) + sizeof(opts->store))
		return error_set(err, WR_EINVAL, 0, "engine",
				 "options need their size: start from "
				 "WR_OPTIONS_INIT");
	if (!opts->store || !*opts->store)
		return error_set(err, WR_EINVAL, 0, "engine",
				 "options name no store; give one such as "
				 "\"sqlite:///windrow.db\"");
	return 0;
}

/* What options ask for and cannot be, before there is a thread. */
static int resolve(struct wr_store *s, struct wr_error *err)
{
	const struct wr_options *o = &s->opts;
	int status = backend_find(&s->backend, o->store, err);

	if (!status && o->embedder)
		status = embedder_find(&s->embedder, o->embedder, err);
	if (status)
		return status;
	if (s->embedder == &fn_embedder && !o->embed_fn)
		return error_set(err, WR_EINVAL, 0, "engine",
				 "embedder \"fn\" needs embed_fn");
	if (s->embedder == &queue_embedder && !o->embed_queue)
		return error_set(err, WR_EINVAL, 0, "engine",
				 "embedder \"queue\" needs embed_queue");
	if (o->dim > VECTOR_DIM_MAX)
		return error_set(err, WR_EINVAL, 0, "engine",
				 "%u dimensions are over the limit of %d",
				 o->dim, VECTOR_DIM_MAX);
	return 0;
}

static void store_destroy(struct wr_store *s)
{
	loop_uv_free(s->loop);
	wr_reply_free(s->open_reply);
	gate_release(&s->gate);
	blocks_release(&s->blocks);
	pthread_mutex_destroy(&s->lock);
	queue_unref(s->embed_queue);
	queue_unref(s->log_queue);
	for (size_t i = 0; i < STORE_TEXTS; i++)
		mem_free(s->texts[i]);
	mem_free(s);
}

static struct wr_store *store_new(void)
{
	struct wr_store *s = mem_zalloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->pid = getpid();
	pthread_mutex_init(&s->lock, NULL);
	gate_init(&s->gate, 0, 0);
	blocks_init(&s->blocks, BLOCKS_KEPT);
	s->gate.room = tell_room;
	s->gate.gone = is_gone;
	list_init(&s->waiting);
	list_init(&s->closers);
	s->close_task.run = close_task;
	s->abort_task.run = abort_task;
	return s;
}

/*
 * Workers, at most: for the backend's readers and writer, for connections that
 * are being made and the administration, and for each embedding.
 */
static unsigned workers_of(const struct wr_options *o)
{
	return 6 + 4 + (o->embed_inflight ? o->embed_inflight : 4);
}

int wr_open(wr_store **out, const struct wr_options *opts, wr_queue *q,
	    uint64_t tag, struct wr_error *err)
{
	struct wr_store *s = NULL;
	int status;

	if (!out || !q)
		return error_set(err, WR_EINVAL, 0, "engine", "%s is NULL",
				 out ? "the queue" : "out");
	*out = NULL;
	status = check_options(opts, err);
	if (status)
		return status;
	s = store_new();
	if (!s)
		return error_nomem(err, "engine");
	s->open_reply = reply_new(WR_EV_OPEN, q, tag);
	if (!s->open_reply || copy_options(s, opts)) {
		status = error_nomem(err, "engine");
		goto out;
	}
	s->gate.max_records = s->opts.max_records ? s->opts.max_records : 20000;
	s->gate.max_bytes =
		s->opts.max_bytes ? s->opts.max_bytes : (uint64_t)16 << 20;
	status = resolve(s, err);
	if (!status)
		status = loop_uv_new(&s->loop, workers_of(&s->opts), err);
	if (!status)
		status = start_thread(s, err);
out:
	if (status)
		store_destroy(s);
	else
		*out = s;
	return status;
}

void wr_store_free(wr_store *s)
{
	/* In a child nothing of it can be touched: it stays the parent's. */
	if (!s || s->pid != getpid())
		return;
	begin_close(s, WR_CLOSE_ABORT, NULL);
	pthread_join(s->thread, NULL);
	store_destroy(s);
}

uint32_t wr_store_dim(const wr_store *s)
{
	struct wr_store *mine = (struct wr_store *)(uintptr_t)s;
	uint32_t dim;

	/* In a child the lock may be held for ever. */
	if (!s || s->pid != getpid())
		return 0;
	pthread_mutex_lock(&mine->lock);
	dim = s->counted ? pipeline_dim(s->counted) : 0;
	pthread_mutex_unlock(&mine->lock);
	return dim;
}

int wr_metrics(wr_store *s, char **out)
{
	if (!s || !out)
		return WR_EINVAL;
	if (s->pid != getpid())
		return WR_EFORKED;
	*out = metrics_text(s);
	return *out ? 0 : WR_ENOMEM;
}
