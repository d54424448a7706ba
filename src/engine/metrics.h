/*
 * metrics.h - the counters of a store in Prometheus' text format.
 */
#ifndef ENGINE_METRICS_H
#define ENGINE_METRICS_H

#include "engine/engine.h"

/* Any thread; NULL: out of memory. */
char *metrics_text(struct wr_store *s);

#endif
