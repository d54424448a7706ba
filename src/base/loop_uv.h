/*
 * loop_uv.h - the loop of production: libuv, and worker threads of its own.
 *
 * libuv's process-wide thread pool is not used: the program may fill it.  All
 * signals are blocked in the workers; who runs a loop blocks them for itself.
 * A watched descriptor becomes non-blocking.
 */
#ifndef BASE_LOOP_UV_H
#define BASE_LOOP_UV_H

#include "loop.h"
#include "windrow.h"

/*
 * A loop with at most workers threads for jobs, started as they are needed.
 * (A worker that cannot be started is no error while there is another one.)
 */
int loop_uv_new(struct loop **out, unsigned workers, struct wr_error *err);

/*
 * The calling thread goes on without taking a processor from a thread that
 * runs (SCHED_BATCH), so that the program's own threads come first.  Workers do
 * so by themselves.
 */
void loop_uv_yield_to_program(void);

/* Run callbacks on this thread until loop_uv_stop(). */
void loop_uv_run(struct loop *l);
/*
 * Let loop_uv_run() return once no job is on its way and the tasks posted till
 * then have run.  Loop thread.
 */
void loop_uv_stop(struct loop *l);

/*
 * Joins the workers.  The loop must not be running; tasks that came too late
 * are not run.
 */
void loop_uv_free(struct loop *l);

#endif
