/*
 * gate.h - refuses one allocation, or all from one on.
 */
#ifndef TESTS_BASE_GATE_H
#define TESTS_BASE_GATE_H

#include "base/mem.h"
#include <stdbool.h>
#include <stddef.h>

struct gate {
	size_t refuse_at; /* from 1 */
	bool and_later;
	size_t asked;
};

static inline bool gate_asked(void *arg)
{
	struct gate *g = arg;

	g->asked++;
	return g->and_later ? g->asked < g->refuse_at
			    : g->asked != g->refuse_at;
}

/* Opened again with mem_set_gate(NULL, NULL). */
static inline void gate_close(struct gate *g, size_t refuse_at)
{
	*g = (struct gate){ .refuse_at = refuse_at };
	mem_set_gate(gate_asked, g);
}

#endif
