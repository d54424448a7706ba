/*
 * Links and their pool against a real server: WINDROW_TEST_STORE names the
 * variable that holds its URL.  The loop has a thread of its own; what a test
 * asks of it is done there while the test waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/postgres/pool.h"
#include "backend/postgres/session.h"
#include "base/loop_uv.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000

static const char *url(void)
{
	const char *name = getenv("WINDROW_TEST_STORE");

	return name ? getenv(name) : NULL;
}

/* -------------------------------------------------------------- stand -- */

struct stand {
	struct loop *loop;
	struct conninfo info;
	struct pool *pool;
	pthread_t thread;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t more;
	unsigned done;	 /* of what takes its time */
	unsigned called; /* see call() */
};

static void *loop_main(void *arg)
{
	loop_uv_run(arg);
	return NULL;
}

static void say(struct stand *s, unsigned *which)
{
	pthread_mutex_lock(&s->lock);
	++*which;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

static void say_done(struct stand *s)
{
	say(s, &s->done);
}

static void wait_until(struct stand *s, unsigned *which, unsigned n)
{
	pthread_mutex_lock(&s->lock);
	while (*which < n)
		pthread_cond_wait(&s->more, &s->lock);
	*which -= n;
	pthread_mutex_unlock(&s->lock);
}

/* For n of what was asked. */
static void wait_done(struct stand *s, unsigned n)
{
	wait_until(s, &s->done, n);
}

struct call {
	struct loop_task task;
	struct stand *stand;
	void (*run)(struct stand *s, void *arg);
	void *arg;
};

static void run_call(struct loop_task *t)
{
	struct call *c = list_item(t, struct call, task);

	c->run(c->stand, c->arg);
	say(c->stand, &c->stand->called);
}

/* On the loop's thread. */
static void call(struct stand *s, void (*run)(struct stand *s, void *arg),
		 void *arg)
{
	struct call c = {
		.task.run = run_call, .stand = s, .run = run, .arg = arg
	};

	loop_post(s->loop, &c.task);
	wait_until(s, &s->called, 1);
}

static void stand_open(struct stand *s, const char *location,
		       const struct pool_config *limits)
{
	struct pool_config c = limits ? *limits : (struct pool_config){ 0 };
	struct wr_error err = { 0 };

	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	assert_int_equal(loop_uv_new(&s->loop, 8, &err), 0);
	if (conninfo_init(&s->info, location, &err))
		fail_msg("%s", err.message);
	c.loop = s->loop;
	c.info = &s->info;
	c.size = c.size ? c.size : 4;
	c.recycle_s = c.recycle_s ? c.recycle_s : 3600;
	c.timeout_ms = c.timeout_ms ? c.timeout_ms : 10000;
	c.connect_timeout_ms = 5000;
	assert_int_equal(pool_new(&s->pool, &c), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, loop_main, s->loop),
			 0);
}

static void on_closed(void *arg)
{
	struct stand *s = arg;

	loop_uv_stop(s->loop);
	say_done(s);
}

static void close_pool(struct stand *s, void *arg)
{
	(void)arg;
	pool_close(s->pool, on_closed, s);
}

static void stand_close(struct stand *s)
{
	call(s, close_pool, NULL);
	wait_done(s, 1);
	pthread_join(s->thread, NULL);
	loop_uv_free(s->loop);
	conninfo_release(&s->info);
	pthread_cond_destroy(&s->more);
	pthread_mutex_destroy(&s->lock);
}

/* ------------------------------------------------------------- leases -- */

struct lease {
	struct stand *stand;
	struct pool_wait wait;
	struct link *link;
	struct wr_error err;
};

static void on_link(struct pool_wait *w, struct link *l,
		    const struct wr_error *err)
{
	struct lease *lease = list_item(w, struct lease, wait);

	lease->link = l;
	lease->err = l ? (struct wr_error){ 0 } : *err;
	say_done(lease->stand);
}

static void take(struct stand *s, void *arg)
{
	struct lease *lease = arg;

	lease->stand = s;
	lease->wait.ready = on_link;
	pool_take(s->pool, &lease->wait);
}

static void give(struct stand *s, void *arg)
{
	struct lease *lease = arg;

	pool_give(s->pool, lease->link);
	lease->link = NULL;
}

static void lease_take(struct stand *s, struct lease *lease)
{
	bool fresh = lease->wait.fresh;

	memset(lease, 0, sizeof(*lease));
	lease->wait.fresh = fresh;
	call(s, take, lease);
	wait_done(s, 1);
}

static void must_take(struct stand *s, struct lease *lease)
{
	lease_take(s, lease);
	if (!lease->link)
		fail_msg("no link: %s", lease->err.message);
}

static void count(struct stand *s, void *arg)
{
	pool_count(s->pool, arg);
}

/* Until as many connections are idle, which may take a moment. */
static void await_idle(struct stand *s, unsigned idle)
{
	struct pool_counts c;
	int64_t end = session_now_us() + 10 * SECOND;

	do
		call(s, count, &c);
	while (c.idle != idle && session_now_us() < end);
	assert_int_equal(c.idle, idle);
}

/* ----------------------------------------------------------- exchanges -- */

enum { MOST = 600 };

struct talk {
	struct exchange exchange;
	struct stand *stand;
	struct link *link;
	const char *setting; /* in a block, behind SET LOCAL; NULL: no block */
	const char *sql[4];  /* statements without parameters */
	const char *again;   /* is parsed once, $1 is a bigint: 0, 1, ... */
	unsigned times;	     /* it is run */
	const struct params *big; /* for sql[0] */
	int64_t patience_us;	  /* 0: ten seconds */
	int fail_at;		  /* result() fails statement fail_at - 1 */

	unsigned nresults;
	char values[MOST][40]; /* the first column of the first row */
	struct wr_error err;
};

static int on_result(struct exchange *x, unsigned i, const PGresult *res,
		     struct wr_error *err)
{
	struct talk *t = list_item(x, struct talk, exchange);

	(void)err;
	assert_int_equal(i, t->nresults);
	assert_true(i < MOST);
	if (PQntuples(res) && PQnfields(res))
		snprintf(t->values[i], sizeof(t->values[i]), "%.*s",
			 PQgetlength(res, 0, 0), PQgetvalue(res, 0, 0));
	t->nresults++;
	return (int)i + 1 == t->fail_at ? WR_EDATA : 0;
}

static void on_done(struct exchange *x, const struct wr_error *err)
{
	struct talk *t = list_item(x, struct talk, exchange);

	t->err = *err;
	say_done(t->stand);
}

static void add_all(struct talk *t)
{
	struct wr_error err = { 0 };

	if (t->setting) {
		assert_int_equal(link_begin(t->link, &err), 0);
		assert_int_equal(link_tell(t->link, t->setting, &err), 0);
	}
	for (unsigned i = 0; i < 4 && t->sql[i]; i++)
		if (link_add(t->link, t->sql[i], i ? NULL : t->big, &err))
			fail_msg("%s", err.message);
	for (unsigned i = 0; i < t->times; i++) {
		struct arena arena;
		struct params p;

		arena_init(&arena);
		params_init(&p, &arena);
		params_add_int8(&p, i);
		if (!i)
			assert_int_equal(
				link_prepare(t->link, t->again, &p, &err), 0);
		assert_int_equal(link_add_again(t->link, &p, &err), 0);
		arena_release(&arena);
	}
}

static void start_talk(struct stand *s, void *arg)
{
	struct talk *t = arg;

	t->stand = s;
	t->nresults = 0;
	t->exchange = (struct exchange){ on_result, on_done, "talking" };
	add_all(t);
	link_run(t->link, &t->exchange,
		 loop_now_us(s->loop) +
			 (t->patience_us ? t->patience_us : 10 * SECOND));
}

static void talk(struct stand *s, struct lease *lease, struct talk *t)
{
	t->link = lease->link;
	call(s, start_talk, t);
	wait_done(s, 1);
}

static void must_talk(struct stand *s, struct lease *lease, struct talk *t)
{
	talk(s, lease, t);
	if (t->err.status)
		fail_msg("%s", t->err.message);
}

/* -------------------------------------------------------------- links -- */

static void statements_are_answered_in_order_in_one_exchange(void **state)
{
	struct talk t = { .sql = { "SELECT 'a'::text", "SELECT 1 WHERE false",
				   "SELECT 'c'::text" },
			  .again = "SELECT 'row ' || $1::bigint",
			  .times = 500 };
	struct lease lease = { 0 };
	struct stand s;

	(void)state;
	stand_open(&s, url(), NULL);
	must_take(&s, &lease);
	for (int round = 0; round < 3; round++) {
		must_talk(&s, &lease, &t);
		assert_int_equal(t.nresults, 503);
		assert_string_equal(t.values[0], "a");
		assert_string_equal(t.values[1], "");
		assert_string_equal(t.values[2], "c");
		assert_string_equal(t.values[3], "row 0");
		assert_string_equal(t.values[502], "row 499");
	}
	call(&s, give, &lease);
	stand_close(&s);
}

static void an_error_undoes_the_exchange_and_no_more(void **state)
{
	struct talk t = { .sql = { "CREATE TABLE pg_temp.t (i int)",
				   "SELECT 1 / (random() * 0)::int",
				   "SELECT 'not seen'::text" } };
	struct talk after = {
		.sql = { "SELECT (to_regclass('pg_temp.t') IS NULL)::text" }
	};
	struct talk refused = { .sql = { "SELECT 'x'::text" }, .fail_at = 1 };
	struct lease lease = { 0 };
	struct stand s;

	(void)state;
	stand_open(&s, url(), NULL);
	must_take(&s, &lease);
	talk(&s, &lease, &t);
	assert_int_equal(t.err.status, WR_EDATA);
	assert_string_equal(t.err.sqlstate, "22012");
	assert_string_equal(t.err.message, "talking: division by zero");
	assert_int_equal(t.nresults, 1);
	must_talk(&s, &lease, &after);
	assert_string_equal(after.values[0], "true");
	talk(&s, &lease, &refused);
	assert_int_equal(refused.err.status, WR_EDATA);
	assert_string_equal(refused.err.message, "talking");
	must_talk(&s, &lease, &after);
	call(&s, give, &lease);
	await_idle(&s, 1);
	stand_close(&s);
}

static void a_block_ends_with_its_exchange(void **state)
{
	struct talk t = { .setting = "SET LOCAL work_mem = '77MB'",
			  .sql = {
				  "SELECT current_setting('work_mem')",
				  "CREATE TABLE pg_temp.t (i int)",
				  "SELECT txid_current_if_assigned()::text" } };
	struct talk fails = { .setting = "SET LOCAL work_mem = '78MB'",
			      .sql = { "DROP TABLE pg_temp.t",
				       "SELECT 1 / (random() * 0)::int" } };
	struct talk after = {
		.sql = { "SELECT (to_regclass('pg_temp.t') IS NULL)::text",
			 "SELECT (txid_current_if_assigned() IS NULL)::text",
			 "SELECT current_setting('work_mem')" }
	};
	struct lease lease = { 0 };
	struct stand s;

	(void)state;
	stand_open(&s, url(), NULL);
	must_take(&s, &lease);
	must_talk(&s, &lease, &t);
	assert_int_equal(t.nresults, 3);
	assert_string_equal(t.values[0], "77MB");
	for (int i = 0; i < 2; i++) {
		talk(&s, &lease, &fails);
		assert_string_equal(fails.err.sqlstate, "22012");
		assert_int_equal(fails.nresults, 1);
		must_talk(&s, &lease, &after);
		assert_string_equal(after.values[0], "false");
		assert_string_equal(after.values[1], "true");
		assert_string_not_equal(after.values[2], "78MB");
	}
	call(&s, give, &lease);
	await_idle(&s, 1);
	stand_close(&s);
}

static void what_takes_too_long_is_cancelled(void **state)
{
	struct talk t = { .sql = { "SELECT pg_sleep(60)" },
			  .patience_us = SECOND / 5 };
	struct lease lease = { 0 };
	struct pool_counts c;
	struct stand s;
	int64_t start = session_now_us();

	(void)state;
	stand_open(&s, url(), NULL);
	must_take(&s, &lease);
	talk(&s, &lease, &t);
	assert_int_equal(t.err.status, WR_ETIMEOUT);
	assert_string_equal(t.err.message, "talking: the server took too long");
	assert_in_range(session_now_us() - start, SECOND / 5, 30 * SECOND);
	assert_true(link_is_broken(lease.link));
	call(&s, give, &lease);
	call(&s, count, &c);
	assert_int_equal(c.idle + c.busy, 0);
	stand_close(&s);
}

static void hurry(struct stand *s, void *arg)
{
	struct lease *lease = arg;

	(void)s;
	link_cancel(lease->link);
	link_cancel(lease->link);
}

static void an_exchange_can_be_cancelled(void **state)
{
	struct talk t = { .sql = { "SELECT pg_sleep(60)" } };
	struct lease lease = { 0 };
	struct stand s;

	(void)state;
	stand_open(&s, url(), NULL);
	must_take(&s, &lease);
	t.link = lease.link;
	call(&s, start_talk, &t);
	call(&s, hurry, &lease);
	wait_done(&s, 1);
	assert_int_equal(t.err.status, WR_ECANCELED);
	assert_string_equal(t.err.message, "talking: cancelled");
	call(&s, give, &lease);
	stand_close(&s);
}

static void much_is_sent_and_much_comes_back_at_a_time(void **state)
{
	enum { SIZE = 24 << 20 };
	struct talk t = { .sql = { "SELECT length($1::text)::text",
				   "SELECT repeat('x', 50000000)",
				   "SELECT 'end'::text" } };
	char *text = mem_alloc(SIZE);
	struct lease lease = { 0 };
	struct arena arena;
	struct params p;
	struct stand s;

	(void)state;
	assert_non_null(text);
	memset(text, 'y', SIZE);
	arena_init(&arena);
	params_init(&p, &arena);
	params_add_text(&p, (struct wr_str){ text, SIZE });
	t.big = &p;
	stand_open(&s, url(), NULL);
	must_take(&s, &lease);
	for (int i = 0; i < 2; i++)
		must_talk(&s, &lease, &t);
	assert_string_equal(t.values[0], "25165824");
	assert_string_equal(t.values[2], "end");
	call(&s, give, &lease);
	stand_close(&s);
	arena_release(&arena);
	mem_free(text);
}

/* --------------------------------------------------------------- pool -- */

static void links_are_used_again_and_overflow_is_closed(void **state)
{
	struct pool_config limits = { .size = 2,
				      .overflow = 1,
				      .timeout_ms = 300 };
	struct lease leases[4];
	struct pool_counts c;
	struct stand s;

	(void)state;
	memset(leases, 0, sizeof(leases));
	stand_open(&s, url(), &limits);
	for (int i = 0; i < 3; i++)
		must_take(&s, &leases[i]);
	/* All are busy: this one waits in vain, ... */
	lease_take(&s, &leases[3]);
	assert_null(leases[3].link);
	assert_int_equal(leases[3].err.status, WR_ETIMEOUT);
	/* ... and then with success. */
	memset(&leases[3], 0, sizeof(leases[3]));
	call(&s, take, &leases[3]);
	call(&s, give, &leases[0]);
	wait_done(&s, 1);
	assert_non_null(leases[3].link);
	for (int i = 1; i < 4; i++)
		call(&s, give, &leases[i]);
	await_idle(&s, 2);
	call(&s, count, &c);
	assert_int_equal(c.busy, 0);
	assert_int_equal(c.opened, 3);
	assert_int_equal(c.lost, 0);
	stand_close(&s);
}

static void an_idle_link_that_the_server_ends_is_dropped(void **state)
{
	struct talk who = { .sql = { "SELECT pg_backend_pid()::text" } };
	struct talk end;
	struct lease a = { 0 }, b = { 0 };
	struct pool_counts c;
	struct stand s;
	char sql[80];

	(void)state;
	stand_open(&s, url(), NULL);
	must_take(&s, &a);
	must_take(&s, &b);
	must_talk(&s, &a, &who);
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%s)",
		 who.values[0]);
	call(&s, give, &a);
	await_idle(&s, 1);
	end = (struct talk){ .sql = { sql } };
	must_talk(&s, &b, &end);
	await_idle(&s, 0);
	call(&s, count, &c);
	assert_int_equal(c.lost, 1);
	must_take(&s, &a);
	assert_false(link_is_used(a.link));
	must_talk(&s, &a, &who);
	call(&s, give, &a);
	call(&s, give, &b);
	stand_close(&s);
}

static void a_backend_that_is_terminated_loses_its_exchange(void **state)
{
	struct talk t = { .sql = { "SELECT pg_terminate_backend("
				   "pg_backend_pid()), pg_sleep(10)" } };
	struct lease lease = { 0 };
	struct stand s;

	(void)state;
	stand_open(&s, url(), NULL);
	must_take(&s, &lease);
	talk(&s, &lease, &t);
	assert_int_equal(t.err.status, WR_EIO);
	assert_string_equal(t.err.sqlstate, "57P01");
	assert_true(link_is_broken(lease.link));
	call(&s, give, &lease);
	stand_close(&s);
}

static void who_wants_a_fresh_link_gets_one(void **state)
{
	struct pool_config limits = { .size = 1 };
	struct talk who = { .sql = { "SELECT pg_backend_pid()::text" } };
	struct talk again = who;
	struct lease lease = { 0 };
	struct stand s;

	(void)state;
	stand_open(&s, url(), &limits);
	must_take(&s, &lease);
	must_talk(&s, &lease, &who);
	call(&s, give, &lease);
	lease.wait.fresh = true;
	must_take(&s, &lease);
	must_talk(&s, &lease, &again);
	assert_string_not_equal(who.values[0], again.values[0]);
	call(&s, give, &lease);
	stand_close(&s);
}

static void a_link_is_replaced_when_it_is_old(void **state)
{
	struct pool_config limits = { .recycle_s = 1 };
	struct lease lease = { 0 };
	struct pool_counts c;
	struct stand s;

	(void)state;
	stand_open(&s, url(), &limits);
	must_take(&s, &lease);
	call(&s, give, &lease);
	await_idle(&s, 0);
	call(&s, count, &c);
	assert_int_equal(c.lost, 0);
	stand_close(&s);
}

static void nobody_waits_for_a_server_that_is_not_there(void **state)
{
	struct lease leases[20];
	struct stand s;

	(void)state;
	memset(leases, 0, sizeof(leases));
	/* Nobody listens on port 1. */
	stand_open(&s, "postgresql://u:topsecret@127.0.0.1:1/d", NULL);
	for (int i = 0; i < 20; i++)
		call(&s, take, &leases[i]);
	wait_done(&s, 20);
	for (int i = 0; i < 20; i++) {
		assert_null(leases[i].link);
		assert_int_equal(leases[i].err.status, WR_EIO);
		assert_null(strstr(leases[i].err.message, "topsecret"));
		assert_non_null(strstr(leases[i].err.message, "127.0.0.1"));
	}
	stand_close(&s);
}

static void closing_does_not_wait_for_what_is_connecting(void **state)
{
	struct lease lease = { 0 };
	struct stand s;
	int64_t start = session_now_us();

	(void)state;
	/* Reserved for documentation (RFC 5737): nobody answers. */
	stand_open(&s, "postgresql://u@192.0.2.1/d", NULL);
	call(&s, take, &lease);
	call(&s, count, &(struct pool_counts){ 0 });
	call(&s, close_pool, NULL);
	wait_done(&s, 1);
	assert_in_range(session_now_us() - start, 0, 4 * SECOND);
	pthread_join(s.thread, NULL);
	loop_uv_free(s.loop);
	conninfo_release(&s.info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			statements_are_answered_in_order_in_one_exchange),
		cmocka_unit_test(an_error_undoes_the_exchange_and_no_more),
		cmocka_unit_test(a_block_ends_with_its_exchange),
		cmocka_unit_test(what_takes_too_long_is_cancelled),
		cmocka_unit_test(an_exchange_can_be_cancelled),
		cmocka_unit_test(much_is_sent_and_much_comes_back_at_a_time),
		cmocka_unit_test(links_are_used_again_and_overflow_is_closed),
		cmocka_unit_test(an_idle_link_that_the_server_ends_is_dropped),
		cmocka_unit_test(
			a_backend_that_is_terminated_loses_its_exchange),
		cmocka_unit_test(who_wants_a_fresh_link_gets_one),
		cmocka_unit_test(a_link_is_replaced_when_it_is_old),
		cmocka_unit_test(nobody_waits_for_a_server_that_is_not_there),
		cmocka_unit_test(closing_does_not_wait_for_what_is_connecting),
	};

	if (!url()) {
		fprintf(stderr, "no such server; scripts/servers run COMMAND "
				"starts them\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
