/*
 * result.h - documents, statistics and findings on their way to the caller.
 *
 * The issuer owns it; the backend fills it in, on whatever thread it works.
 */
#ifndef BACKEND_RESULT_H
#define BACKEND_RESULT_H

#include "base/arena.h"
#include "windrow.h"
#include <stdbool.h>
#include <stdint.h>

struct document {
	bool found;
	bool pending;
	struct wr_str key, title, content, metadata, snippet;
	int64_t fetched_at, created_at, updated_at;
	double score;
	uint32_t rank_text, rank_vector; /* 0: not found that way */
	const float *embedding;
	uint32_t dim;
	uint8_t content_hash[32]; /* of BACKEND_PENDING */
};

struct stat_pair {
	const char *name;
	uint64_t value;
};

struct property {
	const char *name, *value;
};

struct finding {
	enum wr_log_level level;
	const char *what, *advice;
};

/* Everything pointed to lives in arena. */
struct result {
	struct arena arena;
	struct document *docs;
	size_t ndocs, room;
	struct stat_pair *stats;
	size_t nstats, stats_room;
	struct property *properties;
	size_t nproperties, properties_room;
	struct finding *findings;
	size_t nfindings, findings_room;
};

void result_init(struct result *r);
void result_release(struct result *r);

/* Has it grown to max bytes?  Never for 0. */
static inline bool result_is_full(const struct result *r, uint64_t max)
{
	return max && r->arena.total >= max;
}

/* A zeroed document at the end; NULL where memory is out. */
struct document *result_add(struct result *r);
/* Texts are copied; name is a literal.  0 or WR_ENOMEM. */
int result_add_stat(struct result *r, const char *name, uint64_t value);
int result_add_property(struct result *r, const char *name, const char *value);
int result_add_finding(struct result *r, enum wr_log_level level,
		       const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
