#include "world.h"

#include "base/loop_sim.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const int64_t SIM_WALL_US = 1700000000000000;

void world_problem(struct world *w, const char *fmt, ...)
{
	va_list args;

	if (*w->problem)
		return;
	va_start(args, fmt);
	vsnprintf(w->problem, sizeof(w->problem), fmt, args);
	va_end(args);
}

static int64_t wall(void *arg)
{
	return ((struct world *)arg)->wall_us;
}

static void room(void *owner, void *arg)
{
	(void)arg;
	++*(unsigned *)owner;
}

static void set_idle(void *arg)
{
	((struct world *)arg)->idle = true;
}

static void set_bool(void *arg)
{
	*(bool *)arg = true;
}

static void note_done(struct backend_op *op)
{
	*(bool *)op->wrapper_data = true;
}

/* The store records its dimension, as the engine would have it do. */
static bool record_dim(struct world *w, const struct settings *settings)
{
	bool done = false;
	struct backend_op op = { .kind = BACKEND_SETTINGS,
				 .u.settings = settings,
				 .done = note_done,
				 .wrapper_data = &done };

	mem_backend.run(w->mem, &op);
	while (!done && loop_sim_step(w->loop))
		;
	return done && !op.error.status;
}

static bool make(struct world *w)
{
	struct backend_config config = { .location = "mem:" };
	struct settings settings = { 0 };
	struct pipeline_config pc = { 0 };
	struct rand_state *rnd;

	if (loop_sim_new(&w->loop, w->seed))
		return false;
	rnd = w->rnd = loop_sim_rand(w->loop);
	config.loop = w->loop;
	if (mem_backend.open(&w->mem, &config, &settings, NULL) ||
	    faulty_new(&w->store, &mem_backend, w->mem, w->loop, &w->faults,
		       rand_next(rnd)))
		return false;
	settings.dim = SIM_DIM;
	if (!record_dim(w, &settings))
		return false;
	w->wall_us = SIM_WALL_US;
	w->embedder = (struct sim_embedder){
		.loop = w->loop,
		.rnd = rnd,
		.faults = { .fail = (unsigned)rand_below(rnd, 300),
			    .hang = (unsigned)rand_below(rnd, 60),
			    .nan = (unsigned)rand_below(rnd, 200),
			    .slow_us = (int64_t)rand_below(rnd, 60000) },
	};
	gate_init(&w->gate, 4 + rand_below(rnd, 30),
		  4000 + rand_below(rnd, 60000));
	w->gate.room = room;
	pc.loop = w->loop;
	pc.backend = &faulty_backend;
	pc.backend_self = w->store;
	/* A store without an embedder, now and then. */
	pc.embedder = rand_below(rnd, 8) ? &sim_embedder : &none_embedder;
	pc.embedder_self = &w->embedder;
	pc.settings = settings;
	pc.embed_batch = 1 + (uint32_t)rand_below(rnd, 6);
	pc.embed_inflight = 1 + (uint32_t)rand_below(rnd, 3);
	pc.embed_timeout_ms = 200;
	pc.write_batch = 1 + (uint32_t)rand_below(rnd, 9);
	pc.op_timeout_ms = SIM_TIMEOUT_MS;
	pc.touch_after_s = SIM_TOUCH_S;
	pc.known_walk = !rand_below(rnd, 10);
	w->blind = !rand_below(rnd, 4);
	pc.blind_after = w->blind ? 3 : 0;
	pc.seed = rand_next(rnd);
	pc.wall_us = wall;
	pc.wall_arg = w;
	return !pipeline_new(&w->p, &pc);
}

static void steps(struct world *w, uint64_t n)
{
	while (n-- && !*w->problem && loop_sim_step(w->loop))
		checks_always(w);
}

/* The faults pass, and everything comes to its end. */
static void come_to_an_end(struct world *w)
{
	const struct faults none = { .slow_us = 1, .poison = w->faults.poison };
	long left = 2000000;

	callers_finish(w);
	faulty_set(w->store, &none);
	w->embedder.faults.hang = 0;
	pipeline_when_idle(w->p, set_idle, w);
	while (!w->idle && !*w->problem && --left && loop_sim_step(w->loop))
		checks_always(w);
	if (!w->idle)
		world_problem(w, "it never came to rest");
	if (w->embedder.running)
		world_problem(w, "idle with %u calls to the embedder running",
			      w->embedder.running);
}

static void unmake(struct world *w)
{
	bool closed = false;

	pipeline_free(w->p);
	w->p = NULL;
	faulty_backend.close(w->store, set_bool, &closed);
	while (!closed && loop_sim_step(w->loop))
		;
	gate_release(&w->gate);
	loop_sim_free(w->loop);
	if (!closed)
		world_problem(w, "the store did not close");
}

bool world_run(struct world *w, uint64_t seed, bool verbose)
{
	unsigned acts;

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->verbose = verbose;
	w->faults.slow_us = 1;
	if (seed & 1)
		w->faults.poison = (struct wr_str){ "poison", 6 };
	if (!make(w)) {
		world_problem(w, "cannot be set up");
		return false;
	}
	acts = 10 + (unsigned)rand_below(w->rnd, 80);
	while (acts-- && !*w->problem) {
		callers_act(w);
		if (rand_below(w->rnd, 3))
			steps(w, rand_below(w->rnd, 40));
	}
	if (!*w->problem)
		come_to_an_end(w);
	if (!*w->problem)
		checks_at_end(w);
	/* After a problem nothing can be relied on: leave it as it is. */
	if (!*w->problem)
		unmake(w);
	return !*w->problem;
}
