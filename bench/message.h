/*
 * message.h - values as PostgreSQL's binary format has them, for the peers.
 *
 * One growing piece of memory that is used again for every batch.
 */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>
#include <windrow.h>

struct message {
	char *data;
	size_t len, room;
};

void message_release(struct message *m);

void message_int2(struct message *m, int16_t value);
void message_int4(struct message *m, int32_t value);
void message_int8(struct message *m, int64_t value);
/* A value with its length before it: as an element, or as a field of COPY. */
void message_bytes(struct message *m, const void *data, size_t len);
void message_text(struct message *m, struct wr_str s);
void message_time(struct message *m, int64_t us); /* since 1970 */
void message_vector(struct message *m, const float *v, size_t dim);

/* The head of an array of one dimension; n elements follow. */
void message_array(struct message *m, Oid element, size_t n);

#endif
