#include "embed/identity.h"

#include "base/error.h"
#include "record/vector.h"
#include <string.h>

int identity_check_dim(uint32_t dim, const char *where, struct wr_error *err)
{
	if (dim <= VECTOR_DIM_MAX)
		return 0;
	return error_set(err, WR_EINVAL, 0, where,
			 "vectors of %u dimensions are over the limit of %d",
			 (unsigned)dim, VECTOR_DIM_MAX);
}

int identity_of_host(struct embedder_identity *id,
		     const struct embedder_config *config, uint32_t dim,
		     const char *where, struct wr_error *err)
{
	const char *model =
		config->model && *config->model ? config->model : "default";
	size_t len = strlen(model);

	if (len >= sizeof(id->model))
		return error_set(err, WR_EINVAL, 0, where,
				 "the name of the model has %zu bytes, the "
				 "limit is %zu",
				 len, sizeof(id->model) - 1);
	*id = (struct embedder_identity){ .name = "host", .dim = dim };
	memcpy(id->model, model, len + 1);
	return identity_check_dim(dim, where, err);
}
