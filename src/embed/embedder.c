#include "embed/embedder.h"

#include "base/error.h"
#include "base/str.h"
#include <string.h>

static const struct embedder_ops *const embedders[] = {
	&none_embedder,
	&hash_embedder,
	&fn_embedder,
	&queue_embedder,
};

int embedder_find(const struct embedder_ops **out, const char *name,
		  struct wr_error *err)
{
	struct wr_str quoted = str_clip(str_of(name ? name : ""), 80);

	*out = NULL;
	for (size_t i = 0; i < sizeof(embedders) / sizeof(*embedders); i++)
		if (name && !strcmp(embedders[i]->scheme, name)) {
			*out = embedders[i];
			return 0;
		}
	return error_set(err, WR_EINVAL, 0, "embed",
			 "there is no embedder \"%.*s\"; choose \"none\", "
			 "\"hash\", \"fn\" or \"queue\"",
			 (int)quoted.len, quoted.ptr);
}
