/*
 * queue.h - embedding by the host: requests that the program answers.
 *
 * The embedder "queue" makes a request of each op and gives it to the engine's
 * ask(), which shows it to the program as an event.  A request holds copies of
 * its texts and may be answered by any thread at any time, also after its op
 * was cancelled or its store closed: then the answer is dropped.
 */
#ifndef EMBED_QUEUE_H
#define EMBED_QUEUE_H

#include "windrow.h"
#include <stddef.h>
#include <stdint.h>

struct embed_request;

struct embed_asker {
	/* Takes the request; loop thread.  A negative status: nobody there. */
	int (*ask)(struct embed_request *req, uint64_t number, void *arg);
	/* The request with this number is of no use any more.  May be NULL. */
	void (*withdraw)(uint64_t number, void *arg);
	void *arg;
};

size_t embed_request_texts(const struct embed_request *req,
			   const struct wr_str **texts);

/*
 * Each consumes the request.  vectors[n * dim] is copied; a wrong n is
 * WR_EINVAL, and fails the request; what else is wrong with vectors is found
 * by the pipeline.
 */
int embed_request_finish(struct embed_request *req, const float *vectors,
			 size_t n, size_t dim);
void embed_request_fail(struct embed_request *req, int status,
			uint32_t retry_after_ms, const char *message);

#endif
