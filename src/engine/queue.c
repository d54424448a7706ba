#include "engine/queue.h"

#include "base/error.h"
#include "base/mem.h"
#include "engine/reply.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct wr_queue {
	/* immutable */
	pid_t pid;

	_Atomic unsigned refs;
	pthread_mutex_t lock;
	/* guarded by lock */
	int fd; /* an eventfd: raised while there are events, or after a wake */
	struct list_node events;
	bool raised;	      /* fd is readable */
	bool woken;	      /* wr_queue_wake() since the last wait */
	bool given_up;	      /* by the program */
	struct wr_reply room; /* posted when linked */
};

int wr_queue_new(wr_queue **out, struct wr_error *err)
{
	struct wr_queue *q;

	if (!out)
		return error_set(err, WR_EINVAL, 0, "queue", "out is NULL");
	q = mem_zalloc(1, sizeof(*q));
	if (!q)
		return error_nomem(err, "queue");
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		mem_free(q);
		return error_errno(err, errno, "queue",
				   "cannot make an event descriptor");
	}
	q->pid = getpid();
	atomic_init(&q->refs, 1);
	pthread_mutex_init(&q->lock, NULL);
	list_init(&q->events);
	list_init(&q->room.link);
	q->room.kind = WR_EV_ROOM;
	*out = q;
	return 0;
}

struct wr_queue *queue_ref(struct wr_queue *q)
{
	if (q)
		atomic_fetch_add(&q->refs, 1);
	return q;
}

void queue_unref(struct wr_queue *q)
{
	if (!q || atomic_fetch_sub(&q->refs, 1) > 1)
		return;
	pthread_mutex_destroy(&q->lock);
	mem_free(q);
}

/* The descriptor follows: raised only on the edge.  Under the lock. */
static void follow(struct wr_queue *q)
{
	bool wanted = q->woken || !list_empty(&q->events);
	uint64_t n = 1;
	ssize_t done;

	if (wanted == q->raised)
		return;
	/* Neither can fail: the counter is 0 before a write, 1 before a read.
	 */
	if (wanted)
		done = write(q->fd, &n, sizeof(n));
	else
		done = read(q->fd, &n, sizeof(n));
	(void)done;
	q->raised = wanted;
}

void queue_post(struct wr_reply *r)
{
	struct wr_queue *q = r->queue;
	bool given_up;

	r->queue = NULL;
	if (!q) {
		wr_reply_free(r);
		return;
	}
	pthread_mutex_lock(&q->lock);
	given_up = q->given_up;
	if (!given_up) {
		list_append(&q->events, &r->link);
		follow(q);
	}
	pthread_mutex_unlock(&q->lock);
	if (given_up)
		wr_reply_free(r);
	queue_unref(q);
}

void queue_post_room(struct wr_queue *q)
{
	pthread_mutex_lock(&q->lock);
	if (!q->given_up && list_empty(&q->room.link)) {
		list_append(&q->events, &q->room.link);
		follow(q);
	}
	pthread_mutex_unlock(&q->lock);
}

void queue_withdraw(struct wr_queue *q, uint32_t kind, uint64_t tag,
		    const struct wr_store *s)
{
	struct wr_reply *r, *found = NULL;

	pthread_mutex_lock(&q->lock);
	list_each (r, &q->events, struct wr_reply, link) {
		if (r->kind == kind && r->tag == tag && r->store == s) {
			list_remove(&r->link);
			found = r;
			break;
		}
	}
	if (found)
		follow(q);
	pthread_mutex_unlock(&q->lock);
	wr_reply_free(found);
}

bool queue_is_given_up(struct wr_queue *q)
{
	bool given_up;

	pthread_mutex_lock(&q->lock);
	given_up = q->given_up;
	pthread_mutex_unlock(&q->lock);
	return given_up;
}

int wr_queue_fd(const wr_queue *q)
{
	return q ? q->fd : -1;
}

void wr_queue_wake(wr_queue *q)
{
	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->woken = true;
	follow(q);
	pthread_mutex_unlock(&q->lock);
}

/* Up to max events, and what was said by wr_queue_wake(). */
static int take(struct wr_queue *q, struct wr_event *events, int max,
		bool *woken)
{
	struct list_node taken, *n;
	int k = 0;

	list_init(&taken);
	pthread_mutex_lock(&q->lock);
	for (; k < max && (n = list_take(&q->events)); k++) {
		struct wr_reply *r = list_item(n, struct wr_reply, link);

		events[k] = (struct wr_event){
			.tag = r->tag,
			.status = r->status,
			.kind = r->kind,
			.reply = r == &q->room || r->bare ? NULL : r,
		};
		if (r->bare)
			list_append(&taken, n);
	}
	*woken = q->woken;
	q->woken = false;
	follow(q);
	pthread_mutex_unlock(&q->lock);
	while ((n = list_take(&taken)))
		wr_reply_free(list_item(n, struct wr_reply, link));
	return k;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int wr_queue_next(wr_queue *q, struct wr_event *events, int max, int timeout_ms)
{
	int64_t until = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
	struct pollfd p = { .events = POLLIN };
	bool woken;
	int n, wait = timeout_ms;

	if (!q || !events || max < 1)
		return WR_EINVAL;
	if (q->pid != getpid())
		return WR_EFORKED;
	p.fd = q->fd;
	for (;;) {
		n = take(q, events, max, &woken);
		if (n || woken || !wait)
			return n;
		if (poll(&p, 1, wait) < 0 && errno != EINTR)
			return WR_EIO;
		if (timeout_ms > 0) {
			int64_t left = until - now_ms();

			wait = left > 0 ? (int)left : 0;
		}
	}
}

void wr_queue_free(wr_queue *q)
{
	struct list_node *n, events;

	if (!q)
		return;
	if (q->pid != getpid()) {
		/* The child's copy: its lock may be held for ever. */
		close(q->fd);
		return;
	}
	list_init(&events);
	pthread_mutex_lock(&q->lock);
	q->given_up = true;
	/* Now, and not with the last reference: those may stay for long. */
	close(q->fd);
	q->fd = -1;
	list_splice(&events, &q->events);
	pthread_mutex_unlock(&q->lock);
	while ((n = list_take(&events))) {
		struct wr_reply *r = list_item(n, struct wr_reply, link);

		if (r != &q->room)
			wr_reply_free(r);
	}
	queue_unref(q);
}
