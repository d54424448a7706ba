/*
 * identity.h - who embeds, where the program does.
 */
#ifndef EMBED_IDENTITY_H
#define EMBED_IDENTITY_H

#include "embed/embedder.h"

/*
 * "host", the program's model ("default" where it names none) and dim.
 * WR_EINVAL: the name is too long, or there are too many dimensions.
 */
int identity_of_host(struct embedder_identity *id,
		     const struct embedder_config *config, uint32_t dim,
		     const char *where, struct wr_error *err);

/* Is dim (0: unknown) a dimension that vectors may have?  0 or WR_EINVAL. */
int identity_check_dim(uint32_t dim, const char *where, struct wr_error *err);

#endif
