#include "base/loop_uv.h"

#include "base/error.h"
#include "base/mem.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <uv.h>

struct uv {
	struct loop loop; /* first: a struct loop is cast to what is around */

	/* Immutable. */
	unsigned most_workers;

	/* Loop thread only. */
	uv_loop_t uv;
	uv_timer_t alarm; /* for the first of timers */
	struct heap timers;
	uint64_t timers_set; /* so far */
	bool firing;
	bool stopping;
	uint64_t jobs_out; /* offloaded, and not done yet */
	pthread_t *workers;
	unsigned nworkers;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t more;  /* jobs, or quit */
	struct list_node jobs;
	unsigned njobs, nidle; /* jobs without a worker; the reverse */
	bool quit;
	/* Tasks in the order of posting; one without run is a finished job. */
	struct list_node inbox;
	bool woken; /* since the inbox was emptied */
	uv_async_t async;
};

static struct uv *uv_of(struct loop *l)
{
	return (struct uv *)(void *)l;
}

static int64_t now_us(struct loop *l)
{
	(void)l;
	return (int64_t)(uv_hrtime() / 1000);
}

/*
 * With the lock held.  So is the wake sent: a task may lead another thread to
 * free the loop, which must not happen before its sender has let go of it.
 */
static void wake(struct uv *u)
{
	if (u->woken)
		return;
	u->woken = true;
	uv_async_send(&u->async);
}

static void put_in_inbox(struct uv *u, struct loop_task *t)
{
	list_append(&u->inbox, &t->link);
	wake(u);
}

static void post(struct loop *l, struct loop_task *t)
{
	struct uv *u = uv_of(l);

	pthread_mutex_lock(&u->lock);
	put_in_inbox(u, t);
	pthread_mutex_unlock(&u->lock);
}

/* Where the inbox is not empty, the loop was woken and comes here again. */
static void stop_if_done(struct uv *u)
{
	bool empty;

	if (!u->stopping || u->jobs_out)
		return;
	pthread_mutex_lock(&u->lock);
	empty = list_empty(&u->inbox);
	pthread_mutex_unlock(&u->lock);
	if (empty)
		uv_stop(&u->uv);
}

static void run_task(struct uv *u, struct loop_task *t)
{
	struct loop_job *j;

	if (t->run) {
		t->run(t);
		return;
	}
	j = list_item(t, struct loop_job, task);
	u->jobs_out--;
	j->done(j);
}

/* Tasks that are posted meanwhile wait for the next time: so may sockets. */
static void on_wake(uv_async_t *async)
{
	struct uv *u = async->data;
	struct list_node tasks, *n;

	list_init(&tasks);
	pthread_mutex_lock(&u->lock);
	list_splice(&tasks, &u->inbox);
	u->woken = false;
	pthread_mutex_unlock(&u->lock);
	while ((n = list_take(&tasks)))
		run_task(u, list_item(n, struct loop_task, link));
	stop_if_done(u);
}

void loop_uv_yield_to_program(void)
{
	struct sched_param param = { 0 };

	/* What the system does not grant is done without. */
	if (sched_setscheduler(0, SCHED_BATCH, &param))
		return;
}

static void *worker_main(void *arg)
{
	struct uv *u = arg;

	loop_uv_yield_to_program();
	pthread_mutex_lock(&u->lock);
	while (!u->quit) {
		struct list_node *n = list_take(&u->jobs);
		struct loop_job *j;

		if (!n) {
			u->nidle++;
			pthread_cond_wait(&u->more, &u->lock);
			u->nidle--;
			continue;
		}
		u->njobs--;
		pthread_mutex_unlock(&u->lock);
		j = list_item(n, struct loop_job, task.link);
		j->work(j);
		pthread_mutex_lock(&u->lock);
		put_in_inbox(u, &j->task);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

/* 0 or an errno. */
static int start_worker(struct uv *u)
{
	sigset_t all, old;
	int rc;

	/* A thread starts with the signal mask of its parent. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&u->workers[u->nworkers], NULL, worker_main, u);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!rc)
		pthread_setname_np(u->workers[u->nworkers++], "windrow-worker");
	return rc;
}

static void offload(struct loop *l, struct loop_job *j)
{
	struct uv *u = uv_of(l);
	bool short_of_workers;

	j->task.run = NULL;
	u->jobs_out++;
	pthread_mutex_lock(&u->lock);
	list_append(&u->jobs, &j->task.link);
	u->njobs++;
	short_of_workers = u->njobs > u->nidle;
	pthread_cond_signal(&u->more);
	pthread_mutex_unlock(&u->lock);
	/* Where this fails, those that there are do the job later. */
	if (short_of_workers && u->nworkers < u->most_workers)
		start_worker(u);
}

static void on_alarm(uv_timer_t *alarm);

/* libuv counts in milliseconds: round up, so that nothing fires early. */
static void set_alarm(struct uv *u, uint64_t least_ms)
{
	struct heap_node *first = u->timers.first;
	uint64_t due_ms, now_ms = uv_now(&u->uv);

	if (!first) {
		uv_timer_stop(&u->alarm);
		return;
	}
	due_ms = (uint64_t)(first->due_us / 1000 + (first->due_us % 1000 > 0));
	if (due_ms < now_ms + least_ms)
		due_ms = now_ms + least_ms;
	uv_timer_start(&u->alarm, on_alarm, due_ms - now_ms, 0);
}

/* Those that are set meanwhile wait for the next time. */
static void on_alarm(uv_timer_t *alarm)
{
	struct uv *u = alarm->data;
	uint64_t until = u->timers_set;
	int64_t now = now_us(&u->loop);
	struct heap_node *n;

	u->firing = true;
	while ((n = u->timers.first) && n->due_us <= now && n->order < until) {
		struct loop_timer *t = list_item(n, struct loop_timer, turn);

		heap_remove(&u->timers, n);
		t->fired(t);
	}
	u->firing = false;
	/* Without a pause libuv would come back before it looks at sockets. */
	set_alarm(u, 1);
}

static void timer_clear(struct loop *l, struct loop_timer *t)
{
	struct uv *u = uv_of(l);
	bool was_first = u->timers.first == &t->turn;

	heap_remove(&u->timers, &t->turn);
	if (was_first && !u->firing)
		set_alarm(u, 0);
}

/*
 * What is overdue counts as due now: else a timer that always sets itself to
 * the past would be ahead of all others for ever.
 */
static void timer_set(struct loop *l, struct loop_timer *t, int64_t due_us)
{
	struct uv *u = uv_of(l);
	bool was_first = u->timers.first == &t->turn;
	int64_t now = now_us(l);

	heap_remove(&u->timers, &t->turn);
	t->turn.due_us = due_us > now ? due_us : now;
	t->turn.order = u->timers_set++;
	heap_add(&u->timers, &t->turn);
	if ((was_first || u->timers.first == &t->turn) && !u->firing)
		set_alarm(u, 0);
}

static int uv_events_of(int events)
{
	return (events & LOOP_READ ? UV_READABLE : 0) |
	       (events & LOOP_WRITE ? UV_WRITABLE : 0);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct loop_fd *w = poll->data;

	if (status < 0) {
		/* libuv gives up on an error; who reads will see it too. */
		uv_poll_start(poll, uv_events_of(w->events), on_ready);
		w->ready(w, w->events);
		return;
	}
	w->ready(w, (events & UV_READABLE ? LOOP_READ : 0) |
			    (events & UV_WRITABLE ? LOOP_WRITE : 0));
}

static void on_closed(uv_handle_t *poll)
{
	mem_free(poll);
}

static int status_of_uv(int rc)
{
	return rc == UV_ENOMEM ? WR_ENOMEM : WR_EINVAL;
}

static void unwatch(struct loop_fd *w)
{
	if (w->impl)
		uv_close(w->impl, on_closed);
	w->impl = NULL;
	w->events = 0;
}

static int watch(struct loop *l, struct loop_fd *w, int events)
{
	uv_poll_t *poll = w->impl;
	int rc;

	if (!events) {
		unwatch(w);
		return 0;
	}
	if (!poll) {
		poll = mem_zalloc(1, sizeof(*poll));
		if (!poll)
			return WR_ENOMEM;
		rc = uv_poll_init(&uv_of(l)->uv, poll, w->fd);
		if (rc) {
			mem_free(poll);
			return status_of_uv(rc);
		}
		poll->data = w;
		w->impl = poll;
	}
	rc = uv_poll_start(poll, uv_events_of(events), on_ready);
	if (rc) {
		unwatch(w);
		return status_of_uv(rc);
	}
	w->events = events;
	return 0;
}

static const struct loop_ops ops = {
	.now_us = now_us,
	.watch = watch,
	.timer_set = timer_set,
	.timer_clear = timer_clear,
	.post = post,
	.offload = offload,
};

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, h->type == UV_POLL ? on_closed : NULL);
}

static void close_loop(struct uv *u)
{
	uv_walk(&u->uv, close_handle, NULL);
	uv_run(&u->uv, UV_RUN_DEFAULT);
	uv_loop_close(&u->uv);
}

static void free_rest(struct uv *u)
{
	pthread_cond_destroy(&u->more);
	pthread_mutex_destroy(&u->lock);
	mem_free(u->workers);
	mem_free(u);
}

/* 0 or libuv's number. */
static int open_loop(struct uv *u)
{
	int rc = uv_loop_init(&u->uv);

	if (rc)
		return rc;
	rc = uv_async_init(&u->uv, &u->async, on_wake);
	if (rc) {
		uv_loop_close(&u->uv);
		return rc;
	}
	u->async.data = u;
	uv_timer_init(&u->uv, &u->alarm);
	u->alarm.data = u;
	return 0;
}

int loop_uv_new(struct loop **out, unsigned workers, struct wr_error *err)
{
	struct uv *u;
	int rc;

	*out = NULL;
	if (!workers)
		return error_set(err, WR_EINVAL, 0, "loop", "no workers");
	u = mem_zalloc(1, sizeof(*u));
	if (u)
		u->workers = mem_zalloc(workers, sizeof(*u->workers));
	if (!u || !u->workers) {
		mem_free(u);
		return error_nomem(err, "loop");
	}
	u->loop.ops = &ops;
	u->most_workers = workers;
	list_init(&u->jobs);
	list_init(&u->inbox);
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->more, NULL);
	rc = open_loop(u);
	if (rc) {
		rc = error_errno(err, -rc, "loop", "starting an event loop");
		goto out;
	}
	/* The first one is there from the start, so that no job is stuck. */
	rc = start_worker(u);
	if (rc) {
		rc = error_errno(err, rc, "loop", "starting a thread");
		close_loop(u);
		goto out;
	}
	*out = &u->loop;
	return 0;
out:
	free_rest(u);
	return rc;
}

void loop_uv_run(struct loop *l)
{
	struct uv *u = uv_of(l);

	/* Behind uv_stop() callbacks of the same turn may ask for a job. */
	do
		uv_run(&u->uv, UV_RUN_DEFAULT);
	while (u->jobs_out);
}

void loop_uv_stop(struct loop *l)
{
	struct uv *u = uv_of(l);

	u->stopping = true;
	pthread_mutex_lock(&u->lock);
	wake(u);
	pthread_mutex_unlock(&u->lock);
}

void loop_uv_free(struct loop *l)
{
	struct uv *u = l ? uv_of(l) : NULL;

	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	u->quit = true;
	pthread_cond_broadcast(&u->more);
	pthread_mutex_unlock(&u->lock);
	for (unsigned i = 0; i < u->nworkers; i++)
		pthread_join(u->workers[i], NULL);
	close_loop(u);
	free_rest(u);
}
