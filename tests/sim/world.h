/*
 * world.h - one simulated run: a pipeline over a faulty store and a faulty
 * embedder, on virtual time, with callers that do all they may at random.
 *
 * Everything follows from the seed.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "backend/faulty.h"
#include "model.h"
#include "pipeline/pipeline.h"
#include "sim_embedder.h"

enum { MAX_CALLS = 96, MAX_RECORDS = 6, KEYS = 7, TEXTS = 6, OWNERS = 4 };

/* What a caller asked for, and what came of it. */
struct asked {
	enum call_kind kind;
	struct call *call; /* NULL once freed */
	uint64_t tag;
	int owner;
	struct world *world;
	unsigned settled;    /* how often */
	unsigned settled_as; /* the how manieth of all calls */
	bool canceled;
	int status;

	/* SUBMIT, DELETE: by record. */
	size_t n;
	int key[MAX_RECORDS]; /* -1: no URL at all */
	struct model_step step[MAX_RECORDS];
};

struct world {
	uint64_t seed;
	bool verbose;
	/* Much is written blindly: what a lost answer said is a guess then. */
	bool blind;
	struct loop *loop;
	struct rand_state *rnd; /* of the callers: the loop's own */
	void *mem, *store;	/* the reference, and faulty around it */
	struct faults faults;
	struct sim_embedder embedder;
	struct gate gate;
	struct pipeline *p;
	int64_t wall_us;

	struct asked asked[MAX_CALLS];
	unsigned ncalls, nsettled, refused;
	unsigned room_due[OWNERS], rooms[OWNERS];
	bool idle, aborted;
	uint64_t reused, bisected, retried; /* counters, at the end */
	char problem[512]; /* the first thing that was wrong; "": nothing */
};

/* Run it to the end and check every promise; false: see w->problem. */
bool world_run(struct world *w, uint64_t seed, bool verbose);

/* world.c's, for callers.c and checks.c */
void world_problem(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* callers.c: let a caller do something. */
void callers_act(struct world *w);
void callers_finish(struct world *w);
/* checks.c: when everything is over. */
void checks_at_end(struct world *w);
/* After each step of the loop. */
void checks_always(struct world *w);

void sim_key(int key, char out[64]);
void sim_text(int text, char out[64]);
extern const int64_t SIM_WALL_US;
enum { SIM_TIMEOUT_MS = 3000, SIM_TOUCH_S = 3600 };

#endif
