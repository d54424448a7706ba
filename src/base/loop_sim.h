/*
 * loop_sim.h - the loop of the simulation: virtual time and a seeded order.
 *
 * One thread.  Jobs are done when their turn comes, after a random virtual
 * delay, in a random order among those that are due; tasks keep their order.
 * The same seed gives the same run.  Descriptors cannot be watched.
 */
#ifndef BASE_LOOP_SIM_H
#define BASE_LOOP_SIM_H

#include "loop.h"
#include "rand.h"
#include <stdbool.h>

int loop_sim_new(struct loop **out, uint64_t seed);
void loop_sim_free(struct loop *l);

/* Jobs take least_us to most_us of virtual time; 0 to 2,000 if not set. */
void loop_sim_set_job_time(struct loop *l, int64_t least_us, int64_t most_us);

/* Run one callback; false if there is nothing left to run or to wait for. */
bool loop_sim_step(struct loop *l);
/* Run all that is due up to until_us; time ends there, or with the last. */
void loop_sim_run(struct loop *l, int64_t until_us);

/* The source of all randomness of this run. */
struct rand_state *loop_sim_rand(struct loop *l);

#endif
