/*
 * describe.h - what a store says of itself, for people and as JSON.
 */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include <stdbool.h>

#include "windrow.h"

/* The properties of a WR_EV_STATS reply. */
void describe_properties(const wr_reply *reply, const char *url, bool json);
/* Properties and statistics. */
void describe_all(const wr_reply *reply, const char *url, bool json);

#endif
