#include "message.h"
#include "bench.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* From 1970 to 2000, where PostgreSQL's time begins. */
#define EPOCH_US INT64_C(946684800000000)

static char *extend(struct message *m, size_t len)
{
	if (m->room - m->len < len) {
		size_t room = 2 * m->room + len;

		m->data = realloc(m->data, room);
		if (!m->data)
			bench_die("out of memory");
		m->room = room;
	}
	m->len += len;
	return m->data + m->len - len;
}

void message_release(struct message *m)
{
	free(m->data);
	*m = (struct message){ 0 };
}

void message_int2(struct message *m, int16_t value)
{
	uint16_t big = htobe16((uint16_t)value);

	memcpy(extend(m, sizeof(big)), &big, sizeof(big));
}

void message_int4(struct message *m, int32_t value)
{
	uint32_t big = htobe32((uint32_t)value);

	memcpy(extend(m, sizeof(big)), &big, sizeof(big));
}

void message_int8(struct message *m, int64_t value)
{
	uint64_t big = htobe64((uint64_t)value);

	memcpy(extend(m, sizeof(big)), &big, sizeof(big));
}

void message_bytes(struct message *m, const void *data, size_t len)
{
	message_int4(m, (int32_t)len);
	memcpy(extend(m, len), data, len);
}

void message_text(struct message *m, struct wr_str s)
{
	message_bytes(m, s.ptr, s.len);
}

void message_time(struct message *m, int64_t us)
{
	message_int4(m, 8);
	message_int8(m, us - EPOCH_US);
}

void message_vector(struct message *m, const float *v, size_t dim)
{
	char *at;

	message_int4(m, (int32_t)(4 + 4 * dim));
	message_int2(m, (int16_t)dim);
	message_int2(m, 0);
	at = extend(m, 4 * dim);
	for (size_t i = 0; i < dim; i++) {
		uint32_t bits;

		memcpy(&bits, v + i, sizeof(bits));
		bits = htobe32(bits);
		memcpy(at + 4 * i, &bits, sizeof(bits));
	}
}

void message_array(struct message *m, Oid element, size_t n)
{
	message_int4(m, 1);
	message_int4(m, 0);
	message_int4(m, (int32_t)element);
	message_int4(m, (int32_t)n);
	message_int4(m, 1);
}
