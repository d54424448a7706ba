/*
 * A request and its op need each other only until one of them is over.  What
 * ties them is guarded by a lock that both share and that outlives them: an
 * answer looks there for an op that still waits, a cancelled op cuts itself
 * loose there.
 */
#include "embed/queue.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "embed/embedder.h"
#include "embed/identity.h"
#include "embed/later.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define WHERE "embed.queue"

/* Of one embedder and all of its requests. */
struct link {
	pthread_mutex_t lock;
	atomic_size_t refs;
};

struct queue {
	struct later later;
	const struct embed_asker *asker;
	struct link *link;
	uint64_t asked; /* numbers the requests */
	uint32_t dim;	/* 0: unknown */
};

/* An op that waits for its answer. */
struct waiting {
	struct loop_task task; /* posted once, when it is over */
	struct loop *loop;
	struct embed_op *op;
	uint64_t number;
	struct embed_request *req; /* link->lock; NULL: answered or cancelled */
};

struct embed_request {
	struct link *link;
	struct waiting *waiting; /* link->lock; NULL: the answer is dropped */
	struct arena arena;
	struct wr_str *texts; /* in arena */
	size_t n;
};

static struct link *link_new(void)
{
	struct link *link = mem_alloc(sizeof(*link));

	if (!link)
		return NULL;
	if (pthread_mutex_init(&link->lock, NULL)) {
		mem_free(link);
		return NULL;
	}
	atomic_init(&link->refs, 1);
	return link;
}

static struct link *link_ref(struct link *link)
{
	atomic_fetch_add(&link->refs, 1);
	return link;
}

static void link_unref(struct link *link)
{
	if (atomic_fetch_sub(&link->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&link->lock);
	mem_free(link);
}

/* ------------------------------------------------------------- requests -- */

static void request_free(struct embed_request *req)
{
	arena_release(&req->arena);
	link_unref(req->link);
	mem_free(req);
}

static struct embed_request *request_new(struct link *link,
					 const struct embed_op *op)
{
	struct embed_request *req = mem_zalloc(1, sizeof(*req));

	if (!req)
		return NULL;
	arena_init(&req->arena);
	req->link = link_ref(link);
	req->n = op->n;
	req->texts = arena_zalloc(&req->arena, op->n, sizeof(*req->texts));
	for (size_t i = 0; req->texts && i < op->n; i++)
		if (arena_dup(&req->arena, &req->texts[i], op->texts[i]))
			req->texts = NULL;
	if (req->texts)
		return req;
	request_free(req);
	return NULL;
}

size_t embed_request_texts(const struct embed_request *req,
			   const struct wr_str **texts)
{
	*texts = req->texts;
	return req->n;
}

/* The op that waits for req, no longer tied to it.  The lock is held. */
static struct waiting *cut(struct embed_request *req)
{
	struct waiting *w = req->waiting;

	if (w)
		w->req = NULL;
	req->waiting = NULL;
	return w;
}

/*
 * The op is over: its thread is told.  The lock is held, so that the embedder
 * cannot be closed, and the loop freed, while this thread is still posting.
 */
static void tell(struct waiting *w)
{
	loop_post(w->loop, &w->task);
}

/* What the program answered, into the op.  The lock is held. */
static void take_vectors(struct embed_op *op, const float *vectors, size_t n,
			 size_t dim)
{
	if (!op->dim) {
		if (dim && !identity_check_dim(dim > UINT32_MAX ? UINT32_MAX
								: (uint32_t)dim,
					       WHERE, &op->error))
			op->dim = (uint32_t)dim;
		else if (!dim)
			error_set(&op->error, WR_ESCHEMA, 0, WHERE,
				  "the program answered with vectors of no "
				  "dimensions");
		return;
	}
	if (dim != op->dim)
		error_set(&op->error, WR_ESCHEMA, 0, WHERE,
			  "the program answered with vectors of %zu "
			  "dimensions, the store has %u; use the model that "
			  "the store was made with",
			  dim, (unsigned)op->dim);
	else
		memcpy(op->vectors, vectors, n * dim * sizeof(*vectors));
}

int embed_request_finish(struct embed_request *req, const float *vectors,
			 size_t n, size_t dim)
{
	struct link *link = link_ref(req->link);
	int status = n == req->n && vectors ? 0 : WR_EINVAL;
	struct waiting *w;

	pthread_mutex_lock(&link->lock);
	w = cut(req);
	if (w && status)
		error_set(&w->op->error, WR_EREMOTE, 0, WHERE,
			  "the program answered with %zu vectors for %zu texts",
			  vectors ? n : 0, req->n);
	else if (w)
		take_vectors(w->op, vectors, n, dim);
	if (w)
		tell(w);
	pthread_mutex_unlock(&link->lock);
	request_free(req);
	link_unref(link);
	return status;
}

void embed_request_fail(struct embed_request *req, int status,
			uint32_t retry_after_ms, const char *message)
{
	struct link *link = link_ref(req->link);
	struct waiting *w;

	if (status >= 0 || status < WR_ENOENT)
		status = WR_EREMOTE;
	pthread_mutex_lock(&link->lock);
	w = cut(req);
	if (w) {
		error_set(&w->op->error, status, 0, WHERE, "%s",
			  message && *message ? message
					      : "the program could not embed "
						"these texts");
		w->op->error.retry_after_ms = retry_after_ms;
		tell(w);
	}
	pthread_mutex_unlock(&link->lock);
	request_free(req);
	link_unref(link);
}

/* ------------------------------------------------------------------- ops -- */

static void waiting_done(struct loop_task *task)
{
	struct waiting *w = list_item(task, struct waiting, task);
	struct embed_op *op = w->op;

	op->embedder_data = NULL;
	mem_free(w);
	op->done(op);
}

static int queue_open(void **self, const struct embedder_config *config,
		      struct embedder_identity *id, struct wr_error *err)
{
	struct queue *queue;
	uint32_t dim = config->dim;
	int status;

	if (!config->asker)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "there is nobody to ask; give embed_queue");
	if (!dim && config->opts)
		dim = config->opts->dim;
	status = identity_of_host(id, config, dim, WHERE, err);
	if (status)
		return status;
	queue = mem_zalloc(1, sizeof(*queue));
	if (!queue)
		return error_nomem(err, WHERE);
	queue->link = link_new();
	if (!queue->link) {
		mem_free(queue);
		return error_nomem(err, WHERE);
	}
	later_init(&queue->later, config->loop);
	queue->asker = config->asker;
	queue->dim = dim;
	*self = queue;
	return 0;
}

/* Ties op to a new request; NULL where memory is out. */
static struct embed_request *tie(struct queue *queue, struct embed_op *op)
{
	struct embed_request *req = request_new(queue->link, op);
	struct waiting *w = mem_zalloc(1, sizeof(*w));

	if (!req || !w) {
		if (req)
			request_free(req);
		mem_free(w);
		return NULL;
	}
	w->task.run = waiting_done;
	w->loop = queue->later.loop;
	w->op = op;
	w->req = req;
	req->waiting = w;
	op->embedder_data = w;
	return req;
}

static void queue_run(void *self, struct embed_op *op)
{
	struct queue *queue = self;
	struct embed_request *req = tie(queue, op);
	int status;

	if (!req) {
		op->embedder_data = NULL;
		error_nomem(&op->error, WHERE);
		later_done(&queue->later, op);
		return;
	}
	error_clear(&op->error);
	((struct waiting *)op->embedder_data)->number = ++queue->asked;
	/* From here on it may be answered, by another thread, at any time. */
	status = queue->asker->ask(req, queue->asked, queue->asker->arg);
	if (status < 0)
		embed_request_fail(req, status, 0,
				   "the program takes no more texts to embed");
}

static void queue_cancel(void *self, struct embed_op *op)
{
	struct queue *queue = self;
	struct waiting *w = op->embedder_data;
	uint64_t number;

	if (!w)
		return;
	number = w->number;
	pthread_mutex_lock(&queue->link->lock);
	if (w->req) {
		cut(w->req);
		error_set(&op->error, WR_ECANCELED, 0, WHERE, "cancelled");
		tell(w);
	}
	pthread_mutex_unlock(&queue->link->lock);
	if (queue->asker->withdraw)
		queue->asker->withdraw(number, queue->asker->arg);
}

static void queue_close(void *self)
{
	struct queue *queue = self;

	if (!queue)
		return;
	/* Waits for a thread that has just posted the last answer. */
	pthread_mutex_lock(&queue->link->lock);
	pthread_mutex_unlock(&queue->link->lock);
	link_unref(queue->link);
	mem_free(queue);
}

const struct embedder_ops queue_embedder = {
	.scheme = "queue",
	.open = queue_open,
	.run = queue_run,
	.cancel = queue_cancel,
	.close = queue_close,
};
