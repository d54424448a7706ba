#include "backend/postgres/pool.h"

#include "backend/postgres/session.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/mem.h"
#include <stdatomic.h>

/* So many connections are made at a time: each takes a worker. */
enum { MOST_CONNECTING = 4 };

struct pool {
	struct pool_config config; /* immutable */
	/* Set on the loop, read by workers. */
	atomic_bool closing;

	/* Loop thread only.  The newest are at the end. */
	struct list_node idle, busy;
	struct list_node waits; /* of equal patience, so the first is due first
				 */
	struct pool_counts counts;
	struct loop_timer timer;
	struct loop_task serve; /* matches links and who waits */
	bool serving;		/* it is posted */
	struct loop_task end;
	void (*closed)(void *arg);
	void *closed_arg;

	/* Connecting fails, and there are links to wait for: not before this.
	 */
	int64_t retry_at_us;
	struct backoff backoff;
	struct rand_state rnd;
	bool lost_said; /* since the last success */
	/* One has failed: wait for the others before there are more. */
	bool failing;
};

/* A connection that is being made. */
struct connecting {
	struct pool *pool;
	struct loop_job job;
	PGconn *conn;
	struct wr_error error;
};

static int64_t now_of(const struct pool *p)
{
	return loop_now_us(p->config.loop);
}

static struct link *link_at(struct list_node *n)
{
	return list_item(n, struct link, node);
}

/* -------------------------------------------------------------- links -- */

static unsigned alive(const struct pool *p)
{
	return p->counts.idle + p->counts.busy;
}

static void drop_idle(struct pool *p, struct link *l)
{
	list_remove(&l->node);
	p->counts.idle--;
	link_free(l);
}

/* Once for an outage, not for each of its victims. */
static void say_lost(struct pool *p, const struct link *l)
{
	p->counts.lost++;
	/* Windrow's own doing: the operation tells of it. */
	if (p->lost_said || l->hurried)
		return;
	log_message(p->config.log, WR_LOG_WARN, "postgres",
		    "a connection to %s was lost, and is replaced: %s",
		    p->config.info->display, l->error.message);
	p->lost_said = true;
}

static void post_serve(struct pool *p)
{
	if (!p->serving)
		loop_post(p->config.loop, &p->serve);
	p->serving = true;
}

static void on_hung_up(struct link *l)
{
	struct pool *p = l->pool;

	p->counts.lost++;
	log_message(p->config.log, WR_LOG_DEBUG, "postgres",
		    "an idle connection to %s was closed by the server",
		    p->config.info->display);
	drop_idle(p, l);
	post_serve(p);
}

/* So that not all are replaced at a time: from nine tenths of it on. */
static int64_t lifetime_us(struct pool *p)
{
	int64_t us = (int64_t)p->config.recycle_s * 1000000;

	return us - (int64_t)rand_below(&p->rnd, (uint64_t)us / 10 + 1);
}

static void add_link(struct pool *p, struct link *l)
{
	l->pool = p;
	l->hung_up = on_hung_up;
	l->replace_at_us = now_of(p) + lifetime_us(p);
	list_append(&p->idle, &l->node);
	p->counts.idle++;
	p->counts.opened++;
}

static struct link *lend(struct pool *p, struct link *l)
{
	list_remove(&l->node);
	p->counts.idle--;
	list_append(&p->busy, &l->node);
	p->counts.busy++;
	return l;
}

/*
 * The one used last, so that those that are too many grow old; fresh: one that
 * was never used.
 */
static struct link *find_idle(struct pool *p, bool fresh)
{
	struct list_node *n = p->idle.prev, *before;

	for (; n != &p->idle; n = before) {
		struct link *l = link_at(n);

		before = n->prev;
		if (l->replace_at_us <= now_of(p))
			drop_idle(p, l);
		else if (!fresh || !l->exchanges)
			return l;
	}
	return NULL;
}

struct link *pool_try(struct pool *p)
{
	struct link *l = list_empty(&p->waits) ? find_idle(p, false) : NULL;

	return l ? lend(p, l) : NULL;
}

void pool_give(struct pool *p, struct link *l)
{
	/* Statements that were added and never run must not meet others. */
	bool keep = !l->broken && !l->sent.len && !l->sent.failed &&
		    l->replace_at_us > now_of(p) &&
		    (alive(p) <= p->config.size || p->counts.waiting);

	list_remove(&l->node);
	p->counts.busy--;
	if (keep) {
		list_append(&p->idle, &l->node);
		p->counts.idle++;
	} else {
		if (l->broken)
			say_lost(p, l);
		link_free(l);
	}
	post_serve(p);
}

/* --------------------------------------------------------- connecting -- */

static void connect_work(struct loop_job *job)
{
	struct connecting *c = list_item(job, struct connecting, job);
	struct pool *p = c->pool;

	session_connect(&c->conn, p->config.info, p->config.connect_timeout_ms,
			&p->closing, &c->error);
}

static void end_wait(struct pool *p, struct pool_wait *w, struct link *l,
		     const struct wr_error *err)
{
	list_remove(&w->link);
	p->counts.waiting--;
	w->ready(w, l, err);
}

/* Those who wait at this moment: ready() may lead to more. */
static void fail_waits(struct pool *p, const struct wr_error *err)
{
	for (unsigned n = p->counts.waiting; n && !list_empty(&p->waits); n--)
		end_wait(p, list_item(p->waits.next, struct pool_wait, link),
			 NULL, err);
}

static void connect_failed(struct pool *p, const struct wr_error *err)
{
	struct pool_wait *w;

	log_message(p->config.log, WR_LOG_DEBUG, "postgres", "%s",
		    err->message);
	p->failing = p->counts.connecting > 0;
	if (alive(p) == 0) {
		if (!p->failing)
			fail_waits(p, err);
		return;
	}
	/* Too many connections, perhaps: those that there are have to do. */
	p->retry_at_us = now_of(p) + backoff_next_us(&p->backoff, &p->rnd, 0);
	list_each (w, &p->waits, struct pool_wait, link)
		w->fresh = false;
}

static void connected(struct pool *p)
{
	if (p->lost_said)
		log_message(p->config.log, WR_LOG_INFO, "postgres",
			    "connected to %s again", p->config.info->display);
	p->lost_said = false;
	p->failing = false;
	p->retry_at_us = 0;
	p->backoff.tries = 0;
}

static void finish_close(struct pool *p)
{
	if (p->closed && !p->counts.connecting)
		loop_post(p->config.loop, &p->end);
}

static void connect_done(struct loop_job *job)
{
	struct connecting *c = list_item(job, struct connecting, job);
	struct pool *p = c->pool;
	struct wr_error err = c->error;
	PGconn *conn = c->conn;
	struct link *l;

	mem_free(c);
	p->counts.connecting--;
	if (atomic_load(&p->closing)) {
		PQfinish(conn);
		finish_close(p);
		return;
	}
	if (conn && !link_new(&l, p->config.loop, p->config.log, p->config.info,
			      conn, &err)) {
		connected(p);
		add_link(p, l);
	} else {
		connect_failed(p, &err);
	}
	post_serve(p);
}

static void start_connect(struct pool *p)
{
	struct connecting *c = mem_zalloc(1, sizeof(*c));
	struct wr_error err;

	if (!c) {
		error_nomem(&err, "postgres");
		connect_failed(p, &err);
		return;
	}
	c->pool = p;
	c->job.work = connect_work;
	c->job.done = connect_done;
	p->counts.connecting++;
	loop_offload(p->config.loop, &c->job);
}

/* Is there a place for one more?  An old one makes it for a fresh one. */
static bool make_room(struct pool *p)
{
	unsigned most = p->config.size + p->config.overflow;

	if (alive(p) + p->counts.connecting < most)
		return true;
	if (list_empty(&p->idle))
		return false;
	drop_idle(p, link_at(p->idle.next));
	return true;
}

static void start_connects(struct pool *p)
{
	unsigned wanted = p->counts.waiting;

	if (p->failing || (alive(p) && now_of(p) < p->retry_at_us))
		return;
	while (p->counts.connecting < wanted &&
	       p->counts.connecting < MOST_CONNECTING && make_room(p)) {
		unsigned before = p->counts.connecting;

		start_connect(p);
		if (p->counts.connecting == before)
			return;
	}
}

/* ------------------------------------------------------------- waiting -- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_timer(struct pool *p)
{
	int64_t due = INT64_MAX;

	for (struct list_node *n = p->idle.next; n != &p->idle; n = n->next)
		due = least(due, link_at(n)->replace_at_us);
	if (!list_empty(&p->waits)) {
		due = least(due,
			    list_item(p->waits.next, struct pool_wait, link)
				    ->deadline_us);
		if (p->retry_at_us > now_of(p))
			due = least(due, p->retry_at_us);
	}
	if (due == INT64_MAX)
		loop_timer_clear(p->config.loop, &p->timer);
	else
		loop_timer_set(p->config.loop, &p->timer, due);
}

/* True where somebody was given a link: look again, for it may do anything. */
static bool serve_one(struct pool *p)
{
	struct pool_wait *w;

	list_each (w, &p->waits, struct pool_wait, link) {
		struct link *l = find_idle(p, w->fresh);

		if (l) {
			end_wait(p, w, lend(p, l), NULL);
			return true;
		}
		if (!w->fresh)
			return false;
	}
	return false;
}

static void give_up_waits(struct pool *p)
{
	struct wr_error err;

	while (!list_empty(&p->waits)) {
		struct pool_wait *w =
			list_item(p->waits.next, struct pool_wait, link);

		if (w->deadline_us > now_of(p))
			return;
		error_set(&err, WR_ETIMEOUT, 0, "postgres",
			  "no connection to %s within %.1f s: %u are busy, of "
			  "at most %u",
			  p->config.info->display,
			  p->config.timeout_ms / 1000.0, p->counts.busy,
			  p->config.size + p->config.overflow);
		end_wait(p, w, NULL, &err);
	}
}

static void drop_old(struct pool *p)
{
	struct link *l;
	int64_t now = now_of(p);

	list_each (l, &p->idle, struct link, node)
		if (l->replace_at_us <= now)
			drop_idle(p, l);
}

static void serve(struct pool *p)
{
	if (atomic_load(&p->closing))
		return;
	while (serve_one(p))
		;
	give_up_waits(p);
	start_connects(p);
	drop_old(p);
	set_timer(p);
}

static void on_serve(struct loop_task *t)
{
	struct pool *p = list_item(t, struct pool, serve);

	p->serving = false;
	serve(p);
}

static void on_timer(struct loop_timer *t)
{
	serve(list_item(t, struct pool, timer));
}

void pool_take(struct pool *p, struct pool_wait *w)
{
	w->deadline_us = now_of(p) + (int64_t)p->config.timeout_ms * 1000;
	list_append(&p->waits, &w->link);
	p->counts.waiting++;
	post_serve(p);
}

void pool_leave(struct pool *p, struct pool_wait *w)
{
	list_remove(&w->link);
	p->counts.waiting--;
}

void pool_count(const struct pool *p, struct pool_counts *out)
{
	*out = p->counts;
}

/* ---------------------------------------------------- opening, closing -- */

static void on_end(struct loop_task *t)
{
	struct pool *p = list_item(t, struct pool, end);
	void (*closed)(void *arg) = p->closed;
	void *arg = p->closed_arg;

	mem_free(p);
	closed(arg);
}

int pool_new(struct pool **out, const struct pool_config *config)
{
	struct pool *p = mem_zalloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return WR_ENOMEM;
	p->config = *config;
	list_init(&p->idle);
	list_init(&p->busy);
	list_init(&p->waits);
	p->timer.fired = on_timer;
	p->serve.run = on_serve;
	p->end.run = on_end;
	p->rnd.s = (uint64_t)session_now_us() ^ (uint64_t)(uintptr_t)p;
	return 0;
}

void pool_close(struct pool *p, void (*closed)(void *arg), void *arg)
{
	struct link *l;

	atomic_store(&p->closing, true);
	p->closed = closed;
	p->closed_arg = arg;
	list_each (l, &p->idle, struct link, node)
		drop_idle(p, l);
	loop_timer_clear(p->config.loop, &p->timer);
	finish_close(p);
}
