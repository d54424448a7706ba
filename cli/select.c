#include "select.h"

#include <string.h>

#include "json.h"
#include "memory.h"
#include "output.h"

static struct wr_str str(const char *s)
{
	return (struct wr_str){ s, s ? strlen(s) : 0 };
}

bool selection_is_empty(const struct selection *sel)
{
	return !(sel->host && *sel->host) &&
	       !(sel->url_prefix && *sel->url_prefix) && !sel->since &&
	       !sel->until && !sel->meta.n;
}

static int add_member(struct text *t, const char *pair)
{
	const char *equals = strchr(pair, '=');
	struct wr_str key, value;

	if (!equals || equals == pair)
		return output_cannot(WR_EINVAL,
				     "--meta wants key=value, not '%s'", pair);
	key = (struct wr_str){ pair, (size_t)(equals - pair) };
	value = str(equals + 1);
	if (t->len > 1)
		text_putc(t, ',');
	json_string(t, key);
	text_putc(t, ':');
	if (json_is_value(value))
		text_add(t, value.ptr, value.len);
	else
		json_string(t, value);
	return EXIT_FINE;
}

int selection_filter(struct selection *sel, struct wr_filter *filter)
{
	size_t i;

	*filter = (struct wr_filter)WR_FILTER_INIT;
	filter->host = str(sel->host);
	filter->url_prefix = str(sel->url_prefix);
	filter->since = sel->since;
	filter->until = sel->until;
	if (!sel->meta.n)
		return EXIT_FINE;
	text_clear(&sel->metadata);
	text_putc(&sel->metadata, '{');
	for (i = 0; i < sel->meta.n; i++) {
		if (add_member(&sel->metadata, sel->meta.items[i]))
			return EXIT_CANNOT;
	}
	text_putc(&sel->metadata, '}');
	filter->metadata = text_str(&sel->metadata);
	return EXIT_FINE;
}

void selection_release(struct selection *sel)
{
	text_release(&sel->metadata);
}
