#include "base/loop_sim.h"

#include "base/mem.h"
#include "windrow.h"

/* Virtual time starts here, so that zero is never "now". */
#define START_US INT64_C(1000000000)

struct sim {
	struct loop loop; /* first: a struct loop is cast to its sim */
	struct rand_state rnd;
	int64_t now_us;
	int64_t job_least_us, job_most_us;
	struct list_node tasks; /* in the order of posting */
	/* The order among those due at the same time is drawn. */
	struct heap timers;
	struct heap to_work; /* jobs that wait for a worker */
	struct heap to_done; /* jobs that a worker has in hand */
};

static struct sim *sim_of(struct loop *l)
{
	return (struct sim *)(void *)l;
}

static void enqueue(struct sim *s, struct heap *h, struct heap_node *n,
		    int64_t due_us)
{
	n->due_us = due_us;
	n->order = rand_next(&s->rnd);
	heap_add(h, n);
}

static int64_t sim_now_us(struct loop *l)
{
	return sim_of(l)->now_us;
}

static int sim_watch(struct loop *l, struct loop_fd *w, int events)
{
	(void)l;
	(void)w;
	return events ? WR_EINVAL : 0;
}

static void sim_timer_clear(struct loop *l, struct loop_timer *t)
{
	heap_remove(&sim_of(l)->timers, &t->turn);
}

static void sim_timer_set(struct loop *l, struct loop_timer *t, int64_t due_us)
{
	sim_timer_clear(l, t);
	enqueue(sim_of(l), &sim_of(l)->timers, &t->turn, due_us);
}

static void sim_post(struct loop *l, struct loop_task *t)
{
	list_append(&sim_of(l)->tasks, &t->link);
}

static int64_t draw(struct sim *s, int64_t least, int64_t most)
{
	return least +
	       (int64_t)rand_below(&s->rnd, (uint64_t)(most - least) + 1);
}

/* It waits for half of its time, and is worked on for the other half. */
static void sim_offload(struct loop *l, struct loop_job *j)
{
	struct sim *s = sim_of(l);
	int64_t waits = draw(s, s->job_least_us / 2, s->job_most_us / 2);

	enqueue(s, &s->to_work, &j->turn, s->now_us + waits);
}

static void run_task(struct sim *s)
{
	struct list_node *n = list_take(&s->tasks);
	struct loop_task *t = list_item(n, struct loop_task, link);

	t->run(t);
}

static void run_timer(struct sim *s)
{
	struct heap_node *n = s->timers.first;
	struct loop_timer *t = list_item(n, struct loop_timer, turn);

	heap_remove(&s->timers, n);
	t->fired(t);
}

static void run_work(struct sim *s)
{
	struct heap_node *n = s->to_work.first;
	struct loop_job *j = list_item(n, struct loop_job, turn);

	heap_remove(&s->to_work, n);
	j->work(j);
	enqueue(s, &s->to_done, &j->turn,
		s->now_us + draw(s, s->job_least_us - s->job_least_us / 2,
				 s->job_most_us - s->job_most_us / 2));
}

static void run_done(struct sim *s)
{
	struct heap_node *n = s->to_done.first;
	struct loop_job *j = list_item(n, struct loop_job, turn);

	heap_remove(&s->to_done, n);
	j->done(j);
}

static bool is_due(const struct sim *s, const struct heap *h)
{
	return h->first && h->first->due_us <= s->now_us;
}

/* One of those whose turn it could be now; false if there is none. */
static bool run_one(struct sim *s)
{
	void (*can[4])(struct sim * s);
	unsigned n = 0;

	if (!list_empty(&s->tasks))
		can[n++] = run_task;
	if (is_due(s, &s->timers))
		can[n++] = run_timer;
	if (is_due(s, &s->to_work))
		can[n++] = run_work;
	if (is_due(s, &s->to_done))
		can[n++] = run_done;
	if (!n)
		return false;
	can[rand_below(&s->rnd, n)](s);
	return true;
}

/* When something is due next; INT64_MAX: never. */
static int64_t next_due_us(const struct sim *s)
{
	const struct heap *heaps[] = { &s->timers, &s->to_work, &s->to_done };
	int64_t due = INT64_MAX;

	for (int i = 0; i < 3; i++)
		if (heaps[i]->first && heaps[i]->first->due_us < due)
			due = heaps[i]->first->due_us;
	return due;
}

bool loop_sim_step(struct loop *l)
{
	struct sim *s = sim_of(l);
	int64_t due;

	if (run_one(s))
		return true;
	due = next_due_us(s);
	if (due == INT64_MAX)
		return false;
	s->now_us = due;
	return run_one(s);
}

void loop_sim_run(struct loop *l, int64_t until_us)
{
	struct sim *s = sim_of(l);

	while (s->now_us <= until_us) {
		int64_t due;

		if (run_one(s))
			continue;
		due = next_due_us(s);
		if (due == INT64_MAX)
			return;
		if (due > until_us) {
			s->now_us = until_us;
			return;
		}
		s->now_us = due;
	}
}

static const struct loop_ops sim_ops = {
	.now_us = sim_now_us,
	.watch = sim_watch,
	.timer_set = sim_timer_set,
	.timer_clear = sim_timer_clear,
	.post = sim_post,
	.offload = sim_offload,
};

int loop_sim_new(struct loop **out, uint64_t seed)
{
	struct sim *s = mem_zalloc(1, sizeof(*s));

	if (!s)
		return WR_ENOMEM;
	s->loop.ops = &sim_ops;
	s->rnd.s = seed;
	s->now_us = START_US;
	s->job_most_us = 2000;
	list_init(&s->tasks);
	*out = &s->loop;
	return 0;
}

void loop_sim_free(struct loop *l)
{
	if (l)
		mem_free(sim_of(l));
}

void loop_sim_set_job_time(struct loop *l, int64_t least_us, int64_t most_us)
{
	sim_of(l)->job_least_us = least_us;
	sim_of(l)->job_most_us = most_us;
}

struct rand_state *loop_sim_rand(struct loop *l)
{
	return &sim_of(l)->rnd;
}
