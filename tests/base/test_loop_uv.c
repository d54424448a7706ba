#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/loop_uv.h"
#include "base/rand.h"
#include "gate.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct loop *loop;
static pthread_t loop_thread;

/* A loop, run by the thread of the test. */
static void open_loop(unsigned workers)
{
	struct wr_error err = { 0 };

	if (loop_uv_new(&loop, workers, &err))
		fail_msg("%s", err.message);
	loop_thread = pthread_self();
}

static void stop(struct loop_task *t)
{
	(void)t;
	loop_uv_stop(loop);
}

static void stop_by_timer(struct loop_timer *t)
{
	(void)t;
	loop_uv_stop(loop);
}

/* Tasks */

enum { POSTERS = 4, POSTS = 5000 };

struct numbered {
	struct loop_task task;
	int poster, number;
};

static struct numbered posts[POSTERS][POSTS];
static int next_number[POSTERS];
static int tasks_run;

static void numbered_run(struct loop_task *t)
{
	struct numbered *n = list_item(t, struct numbered, task);

	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_int_equal(n->number, next_number[n->poster]++);
	if (++tasks_run == POSTERS * POSTS)
		loop_uv_stop(loop);
}

static void *post_all(void *arg)
{
	struct numbered *mine = arg;

	for (int i = 0; i < POSTS; i++)
		loop_post(loop, &mine[i].task);
	return NULL;
}

static void tasks_of_a_thread_run_in_the_order_of_posting(void **state)
{
	pthread_t threads[POSTERS];

	(void)state;
	open_loop(1);
	memset(next_number, 0, sizeof(next_number));
	tasks_run = 0;
	for (int i = 0; i < POSTERS; i++) {
		for (int k = 0; k < POSTS; k++)
			posts[i][k] = (struct numbered){
				{ .run = numbered_run }, i, k
			};
		pthread_create(&threads[i], NULL, post_all, posts[i]);
	}
	loop_uv_run(loop);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(tasks_run, POSTERS * POSTS);
	loop_uv_free(loop);
}

static int rounds;

static void post_again(struct loop_task *t)
{
	if (++rounds == 1000)
		loop_uv_stop(loop);
	else
		loop_post(loop, t);
}

static int timer_rounds;

static void count_rounds(struct loop_timer *t)
{
	(void)t;
	timer_rounds = rounds;
}

static void a_task_that_posts_itself_lets_timers_fire(void **state)
{
	struct loop_task t = { .run = post_again };
	struct loop_timer timer = { .fired = count_rounds };

	(void)state;
	open_loop(1);
	rounds = 0;
	timer_rounds = -1;
	loop_post(loop, &t);
	loop_timer_set(loop, &timer, 0);
	assert_int_equal(rounds, 0);
	loop_uv_run(loop);
	assert_int_equal(rounds, 1000);
	assert_in_range(timer_rounds, 0, 999);
	loop_uv_free(loop);
}

static void *run_loop(void *arg)
{
	loop_uv_run(arg);
	return NULL;
}

static void *post_stop(void *arg)
{
	loop_post(loop, arg);
	return NULL;
}

static void who_posted_last_may_still_be_inside_when_the_loop_goes(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		struct loop_task t = { .run = stop };
		pthread_t runner, poster;

		open_loop(1);
		pthread_create(&runner, NULL, run_loop, loop);
		pthread_create(&poster, NULL, post_stop, &t);
		pthread_join(runner, NULL);
		loop_uv_free(loop);
		pthread_join(poster, NULL);
	}
}

static atomic_bool posting;
static atomic_int late_run;

static void run_late(struct loop_task *t)
{
	(void)t;
	atomic_fetch_add(&late_run, 1);
}

static void *post_till_told(void *arg)
{
	struct loop_task *tasks = arg;

	for (int i = 0; i < POSTS && atomic_load(&posting); i++) {
		tasks[i].run = run_late;
		loop_post(loop, &tasks[i]);
	}
	return NULL;
}

static void posts_may_race_with_stopping(void **state)
{
	static struct loop_task tasks[POSTS];

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct loop_timer timer = { .fired = stop_by_timer };
		pthread_t poster;

		open_loop(2);
		memset(tasks, 0, sizeof(tasks));
		atomic_store(&posting, true);
		pthread_create(&poster, NULL, post_till_told, tasks);
		loop_timer_set(loop, &timer, loop_now_us(loop) + 500);
		loop_uv_run(loop);
		atomic_store(&posting, false);
		pthread_join(poster, NULL);
		loop_uv_free(loop);
	}
	assert_true(atomic_load(&late_run) > 0);
}

/* Jobs */

enum { JOBS = 3000, WORKERS = 3 };

static struct counted {
	struct loop_job job;
	int works, dones;
	unsigned input, output;
} jobs[JOBS];

static atomic_int working, most_working;
static int jobs_done, jobs_asked;
static bool inside;

static void ask_for_job(void);

static void count_work(struct loop_job *j)
{
	struct counted *c = list_item(j, struct counted, job);
	int now = atomic_fetch_add(&working, 1) + 1;
	int most = atomic_load(&most_working);

	while (now > most &&
	       !atomic_compare_exchange_weak(&most_working, &most, now))
		;
	assert_false(pthread_equal(pthread_self(), loop_thread));
	c->works++;
	c->output = c->input * 2;
	atomic_fetch_sub(&working, 1);
}

static void count_done(struct loop_job *j)
{
	struct counted *c = list_item(j, struct counted, job);

	assert_false(inside);
	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_int_equal(c->works, 1);
	assert_int_equal(c->output, c->input * 2);
	c->dones++;
	jobs_done++;
	/* Some lead to others, also after the loop was told to stop. */
	ask_for_job();
	if (jobs_done % 3 == 0)
		ask_for_job();
	if (jobs_done == JOBS / 2)
		loop_uv_stop(loop);
}

static void ask_for_job(void)
{
	struct counted *c;

	if (jobs_asked == JOBS)
		return;
	c = &jobs[jobs_asked++];
	*c = (struct counted){ { .work = count_work, .done = count_done } };
	c->input = (unsigned)jobs_asked;
	inside = true;
	loop_offload(loop, &c->job);
	inside = false;
}

static void every_job_is_done_once_before_the_loop_ends(void **state)
{
	(void)state;
	open_loop(WORKERS);
	jobs_done = jobs_asked = 0;
	for (int i = 0; i < 10; i++)
		ask_for_job();
	loop_uv_run(loop);
	assert_int_equal(jobs_done, JOBS);
	for (int i = 0; i < JOBS; i++)
		assert_int_equal(jobs[i].dones, 1);
	assert_in_range(atomic_load(&most_working), 1, WORKERS);
	loop_uv_free(loop);
}

static pthread_barrier_t barrier;

static void meet(struct loop_job *j)
{
	(void)j;
	pthread_barrier_wait(&barrier);
}

static void met(struct loop_job *j)
{
	(void)j;
	if (++jobs_done == WORKERS)
		loop_uv_stop(loop);
}

static void as_many_workers_start_as_are_needed(void **state)
{
	struct loop_job j[WORKERS];

	(void)state;
	open_loop(WORKERS);
	pthread_barrier_init(&barrier, NULL, WORKERS);
	jobs_done = 0;
	for (int i = 0; i < WORKERS; i++) {
		j[i] = (struct loop_job){ .work = meet, .done = met };
		loop_offload(loop, &j[i]);
	}
	/* Would not return if two of them shared a worker. */
	loop_uv_run(loop);
	assert_int_equal(jobs_done, WORKERS);
	pthread_barrier_destroy(&barrier);
	loop_uv_free(loop);
}

static int not_blocked;

static void look_at_signals(struct loop_job *j)
{
	sigset_t mask;

	(void)j;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	not_blocked =
		!sigismember(&mask, SIGINT) + !sigismember(&mask, SIGTERM) +
		!sigismember(&mask, SIGCHLD) + !sigismember(&mask, SIGUSR1);
}

static void stop_by_job(struct loop_job *j)
{
	(void)j;
	loop_uv_stop(loop);
}

static void workers_take_no_signals(void **state)
{
	struct loop_job j = { .work = look_at_signals, .done = stop_by_job };
	sigset_t mask;

	(void)state;
	not_blocked = -1;
	open_loop(1);
	loop_offload(loop, &j);
	loop_uv_run(loop);
	loop_uv_free(loop);
	assert_int_equal(not_blocked, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGINT));
}

/* Timers */

enum { TIMERS = 500 };

static struct timed {
	struct loop_timer timer;
	int64_t due_us;
	bool cleared;
	int fired;
} timed[TIMERS];

static int64_t last_due;
static int left;

static void timed_fired(struct loop_timer *t)
{
	struct timed *x = list_item(t, struct timed, timer);

	assert_false(inside);
	assert_false(x->cleared);
	assert_true(loop_now_us(loop) >= x->due_us);
	assert_true(x->due_us >= last_due);
	last_due = x->due_us;
	x->fired++;
	if (!--left)
		loop_uv_stop(loop);
}

static void timers_fire_in_order_and_never_early(void **state)
{
	struct rand_state rnd = { 12 };
	int64_t start;

	(void)state;
	open_loop(1);
	start = loop_now_us(loop);
	last_due = 0;
	left = TIMERS;
	inside = true;
	for (int i = 0; i < TIMERS; i++) {
		timed[i] = (struct timed){ { .fired = timed_fired } };
		timed[i].due_us =
			start + 20000 + (int64_t)rand_below(&rnd, 50000);
		loop_timer_set(loop, &timed[i].timer, start + 5000);
		loop_timer_set(loop, &timed[i].timer, timed[i].due_us);
		if (i % 3 == 0) {
			loop_timer_clear(loop, &timed[i].timer);
			timed[i].cleared = true;
			left--;
		}
	}
	inside = false;
	loop_uv_run(loop);
	for (int i = 0; i < TIMERS; i++)
		assert_int_equal(timed[i].fired, !timed[i].cleared);
	loop_timer_clear(loop, &timed[1].timer);
	loop_uv_free(loop);
}

static int hasty_fired;

static void be_hasty(struct loop_timer *t)
{
	hasty_fired++;
	loop_timer_set(loop, t, 0);
}

static void a_timer_that_is_always_overdue_lets_others_fire(void **state)
{
	struct loop_timer hasty = { .fired = be_hasty };
	struct loop_timer other = { .fired = stop_by_timer };

	(void)state;
	open_loop(1);
	hasty_fired = 0;
	loop_timer_set(loop, &hasty, 0);
	loop_timer_set(loop, &other, loop_now_us(loop) + 5000);
	assert_int_equal(hasty_fired, 0);
	loop_uv_run(loop);
	assert_true(hasty_fired > 0);
	loop_uv_free(loop);
}

/* Descriptors */

static int ends[2];
static int bytes_read, writable;

static void write_one(struct loop_fd *w, int events)
{
	assert_int_equal(events, LOOP_WRITE);
	writable++;
	assert_int_equal(write(w->fd, "x", 1), 1);
	if (writable == 100) {
		assert_int_equal(loop_watch(loop, w, 0), 0);
		assert_int_equal(loop_watch(loop, w, 0), 0);
	}
}

static void read_one(struct loop_fd *w, int events)
{
	char c;

	assert_int_equal(events, LOOP_READ);
	assert_int_equal(read(w->fd, &c, 1), 1);
	/* Given up and taken again, as clients of sockets do. */
	if (++bytes_read % 10 == 0) {
		assert_int_equal(loop_watch(loop, w, 0), 0);
		assert_int_equal(loop_watch(loop, w, LOOP_READ), 0);
	}
	if (bytes_read == 100) {
		assert_int_equal(loop_watch(loop, w, 0), 0);
		loop_uv_stop(loop);
	}
}

static void a_descriptor_is_watched_until_it_is_given_up(void **state)
{
	struct loop_fd in = { .ready = read_one };
	struct loop_fd out = { .ready = write_one };

	(void)state;
	open_loop(1);
	assert_int_equal(pipe(ends), 0);
	in.fd = ends[0];
	out.fd = ends[1];
	bytes_read = writable = 0;
	assert_int_equal(loop_watch(loop, &in, LOOP_READ | LOOP_WRITE), 0);
	assert_int_equal(loop_watch(loop, &in, LOOP_READ), 0);
	assert_int_equal(loop_watch(loop, &out, LOOP_WRITE), 0);
	loop_uv_run(loop);
	assert_int_equal(bytes_read, 100);
	assert_int_equal(writable, 100);
	loop_uv_free(loop);
	close(ends[0]);
	close(ends[1]);
}

static int hung_up;

static void see_end(struct loop_fd *w, int events)
{
	(void)events;
	hung_up++;
	loop_watch(loop, w, 0);
	loop_uv_stop(loop);
}

static void a_peer_that_is_gone_is_seen(void **state)
{
	(void)state;
	hung_up = 0;
	for (int end = 0; end < 2; end++) {
		struct loop_fd w = { .ready = see_end };

		open_loop(1);
		assert_int_equal(pipe(ends), 0);
		w.fd = ends[end];
		assert_int_equal(
			loop_watch(loop, &w, end ? LOOP_WRITE : LOOP_READ), 0);
		close(ends[!end]);
		loop_uv_run(loop);
		loop_uv_free(loop);
		close(ends[end]);
	}
	assert_int_equal(hung_up, 2);
}

static void a_file_cannot_be_watched(void **state)
{
	struct loop_fd w = { .ready = read_one };
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	open_loop(1);
	w.fd = fileno(f);
	assert_int_equal(loop_watch(loop, &w, LOOP_READ), WR_EINVAL);
	w.fd = -1;
	assert_int_equal(loop_watch(loop, &w, LOOP_READ), WR_EINVAL);
	assert_int_equal(loop_watch(loop, &w, 0), 0);
	loop_uv_free(loop);
	fclose(f);
}

static void a_descriptor_still_watched_goes_with_the_loop(void **state)
{
	struct loop_fd w = { .ready = read_one };

	(void)state;
	open_loop(1);
	assert_int_equal(pipe(ends), 0);
	w.fd = ends[0];
	assert_int_equal(loop_watch(loop, &w, LOOP_READ), 0);
	loop_uv_free(loop);
	close(ends[0]);
	close(ends[1]);
}

static void a_refused_allocation_is_a_clean_error(void **state)
{
	struct loop_fd w = { .ready = read_one };
	struct wr_error err;
	struct gate g;
	size_t n = 0;
	int rc;

	(void)state;
	do {
		gate_close(&g, ++n);
		rc = loop_uv_new(&loop, 2, &err);
		mem_set_gate(NULL, NULL);
		assert_true(rc == 0 || rc == WR_ENOMEM);
		assert_int_equal(!rc, !!loop);
	} while (rc);
	assert_int_equal(n, 3);
	assert_int_equal(pipe(ends), 0);
	w.fd = ends[0];
	gate_close(&g, 1);
	rc = loop_watch(loop, &w, LOOP_READ);
	mem_set_gate(NULL, NULL);
	assert_int_equal(rc, WR_ENOMEM);
	loop_uv_free(loop);
	loop_uv_free(NULL);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(loop_uv_new(&loop, 0, &err), WR_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_of_a_thread_run_in_the_order_of_posting),
		cmocka_unit_test(a_task_that_posts_itself_lets_timers_fire),
		cmocka_unit_test(
			who_posted_last_may_still_be_inside_when_the_loop_goes),
		cmocka_unit_test(posts_may_race_with_stopping),
		cmocka_unit_test(every_job_is_done_once_before_the_loop_ends),
		cmocka_unit_test(as_many_workers_start_as_are_needed),
		cmocka_unit_test(workers_take_no_signals),
		cmocka_unit_test(timers_fire_in_order_and_never_early),
		cmocka_unit_test(
			a_timer_that_is_always_overdue_lets_others_fire),
		cmocka_unit_test(a_descriptor_is_watched_until_it_is_given_up),
		cmocka_unit_test(a_peer_that_is_gone_is_seen),
		cmocka_unit_test(a_file_cannot_be_watched),
		cmocka_unit_test(a_descriptor_still_watched_goes_with_the_loop),
		cmocka_unit_test(a_refused_allocation_is_a_clean_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
