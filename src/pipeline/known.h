/*
 * known.h - which of these URLs are stored: two ways to find out.
 *
 * Usually chunks of keys are looked up (known.c).  Where very many are asked
 * for, and the backend can list its keys, it may be cheaper to walk through all
 * that are stored (known_walk.c).
 */
#ifndef PIPELINE_KNOWN_H
#define PIPELINE_KNOWN_H

#include "pipeline/attempt.h"

/* Is this a request for a walk? */
bool known_walks(const struct pipeline *p, const struct request *req);
void known_walk(struct pipeline *p, struct request *req);
/* The other way. */
void known_look_up(struct pipeline *p, struct request *req);

/* How the URLs of a request become keys. */
enum wr_urls known_urls(const struct pipeline *p, const struct request *req);
/*
 * Make a URL a key, in place.  What cannot be a key becomes the empty one,
 * which is never stored.  0 or WR_ENOMEM.
 */
int known_key(struct wr_str *url, enum wr_urls mode, struct arena *arena);

#endif
