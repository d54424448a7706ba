/*
 * pipeline.h - the way of the data: prepare, look up, embed, write,
 * acknowledge.
 *
 * A single-threaded state machine that does no I/O: it sees the world through
 * loop.h, backend.h and embedder.h.  Everything is called on the loop's thread.
 * A backend and an embedder are lent to it, open, for its lifetime.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include "embed/embedder.h"
#include "pipeline/call.h"
#include "pipeline/counters.h"
#include "pipeline/gate.h"
#include "pipeline/ticket.h"

struct pipeline;

struct pipeline_config {
	struct loop *loop;
	const struct log *log;
	const struct backend_ops *backend;
	void *backend_self;
	const struct embedder_ops *embedder; /* NULL: pages wait */
	void *embedder_self;
	struct settings settings; /* as recorded in the store */

	/* Zero: the default that windrow.h names. */
	uint32_t embed_batch, embed_linger_ms, embed_inflight, embed_timeout_ms;
	uint32_t write_batch, write_linger_ms;
	uint64_t max_content_bytes;
	uint32_t op_timeout_ms, touch_after_s;
	uint32_t known_walk;  /* URLs: from so many on; 0: default */
	uint32_t blind_after; /* records looked up alike; 0: default */

	uint64_t seed; /* of the jitter */
	/* The wall clock; NULL: clock_now_us(). */
	int64_t (*wall_us)(void *arg);
	void *wall_arg;
};

int pipeline_new(struct pipeline **out, const struct pipeline_config *config);

/*
 * Start a call.  call->settled() comes exactly once, never from inside this.
 * Calls settle in any order.
 */
void pipeline_start(struct pipeline *p, struct call *call);

/* End the calls of owner with this tag early; they settle all the same. */
void pipeline_cancel(struct pipeline *p, void *owner, uint64_t tag);

/* End every call early with status, as if each had been cancelled. */
void pipeline_abort(struct pipeline *p, int status);

/*
 * Ask for idle(arg) once no call is left and no operation runs.  It comes
 * later, from the loop; calls may be started until then.
 */
void pipeline_when_idle(struct pipeline *p, void (*idle)(void *arg), void *arg);

/* Only when idle. */
void pipeline_free(struct pipeline *p);

/* Any thread, while the pipeline lives. */
struct counters *pipeline_counters(struct pipeline *p);
uint32_t pipeline_dim(struct pipeline *p);

#endif
