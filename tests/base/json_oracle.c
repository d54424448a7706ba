#include "json_oracle.h"

#include <jansson.h>

char *oracle_rewrite(const char *text, size_t len)
{
	json_error_t err;
	json_t *root = json_loadb(text, len, JSON_DECODE_ANY, &err);
	char *out;

	if (!root)
		return NULL;
	out = json_dumps(root, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(root);
	return out;
}
