/*
 * model.h - what a key may hold, given what every record of it was told.
 *
 * Records of one key take effect in the order they were submitted.  Replaying
 * them with their reported outcomes over the set of states that are possible
 * leaves the set that the store may be in at the end.  A record that failed
 * after it may have been written splits the set; an outcome that no state
 * explains empties it, which is a bug.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "windrow.h"
#include <stdbool.h>
#include <stdint.h>

struct model_state {
	bool present;
	int content; /* number of the text */
	int title;
	int64_t fetched_at;
};

enum { MODEL_STATES = 24 };

struct model_set {
	struct model_state states[MODEL_STATES];
	int n;
	bool overflow; /* too many to tell: everything is possible */
};

enum model_kind { MODEL_UPSERT, MODEL_DELETE };

/* One record, and what it was told. */
struct model_step {
	enum model_kind kind;
	enum wr_policy policy;
	int content, title; /* title -1: left out */
	int64_t fetched_at;
	bool timed;
	enum wr_outcome outcome;
	enum wr_skip skip;
	int status; /* of a failed one */
	/* Not looked up before it was written: if the answer was lost, the
	 * outcome is what most others had. */
	bool guess;
};

void model_init(struct model_set *set);
/* false: no state explains this outcome. */
bool model_apply(struct model_set *set, const struct model_step *step,
		 int64_t touch_after_us);
/* What other allows is possible too. */
void model_join(struct model_set *set, const struct model_set *other);
bool model_allows(const struct model_set *set, const struct model_state *s);

#endif
