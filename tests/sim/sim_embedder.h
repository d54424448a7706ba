/*
 * sim_embedder.h - an embedder for simulations: its vectors are a function of
 * the text, and it fails, dawdles and hangs on purpose.
 */
#ifndef SIM_EMBEDDER_H
#define SIM_EMBEDDER_H

#include "base/rand.h"
#include "embed/embedder.h"

enum { SIM_DIM = 4 };

/* Chances in a thousand, drawn for each call. */
struct sim_embedder_faults {
	unsigned fail; /* WR_EIO, or WR_ELIMIT with a time to wait */
	unsigned hang; /* answers only when it is cancelled */
	unsigned nan;  /* one of the vectors has a NaN in it */
	int64_t slow_us;
};

struct sim_embedder {
	struct loop *loop;
	struct rand_state *rnd;
	struct sim_embedder_faults faults;
	unsigned long calls, texts;
	unsigned running;
};

/* What the vector of a text is. */
void sim_vector(struct wr_str text, float out[SIM_DIM]);

/* self is a struct sim_embedder.  A text with "refuse" in it is WR_EDATA. */
extern const struct embedder_ops sim_embedder;

#endif
