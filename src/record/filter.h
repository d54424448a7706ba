/*
 * filter.h - which documents: a wr_filter, checked and owned.
 */
#ifndef RECORD_FILTER_H
#define RECORD_FILTER_H

#include "base/arena.h"
#include "base/json.h"
#include "windrow.h"
#include <stdbool.h>

struct filter {
	struct wr_str url_prefix; /* empty: any */
	struct wr_str host;	  /* lower case; empty: any */
	int64_t since, until;	  /* 0: open */
	struct wr_str metadata;	  /* canonical JSON object; empty: any */
	struct json *members;	  /* the same, parsed; NULL: any */
};

/* A copy in arena; from may be NULL.  WR_EINVAL names what is wrong. */
int filter_init(struct filter *f, const struct wr_filter *from,
		struct arena *arena, struct wr_error *err);
void filter_release(struct filter *f);

bool filter_is_empty(const struct filter *f);

/* The reference for every backend. */
bool filter_matches(const struct filter *f, struct wr_str key,
		    int64_t fetched_at, struct wr_str metadata);
/* Of the metadata alone. */
bool filter_metadata_matches(const struct filter *f, struct wr_str metadata);

#endif
