#include "describe.h"

#include <stdint.h>
#include <string.h>

#include "json.h"
#include "moment.h"
#include "output.h"

static bool has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

static struct wr_str str(const char *s)
{
	return (struct wr_str){ s, strlen(s) };
}

/* Properties are text; these are meant as numbers. */
static bool is_number(const char *name, const char *value)
{
	return (!strcmp(name, "dim") || !strcmp(name, "schema_version")) &&
	       json_is_value(str(value));
}

/* "schema_version" is read as "schema version". */
static void add_name(struct text *t, const char *name)
{
	bool colour = output_colour(stdout);
	size_t i;

	if (colour)
		text_puts(t, output_escape(COLOUR_DIM));
	for (i = 0; name[i]; i++)
		text_putc(t, name[i] == '_' ? ' ' : name[i]);
	for (; i < 25; i++)
		text_putc(t, ' ');
	if (colour)
		text_puts(t, output_escape(COLOUR_NONE));
	text_putc(t, ' ');
}

static void add_value(struct text *t, const char *name, uint64_t value)
{
	char number[NUMBER_TEXT], when[MOMENT_TEXT];

	if (has_suffix(name, "_at")) {
		moment_format(when, (int64_t)value, false);
		text_puts(t, value ? when : "never");
	} else if (has_suffix(name, "bytes")) {
		text_puts(t, output_bytes(number, (double)value));
	} else {
		text_puts(t, output_number(number, value));
	}
}

static void add_properties(struct text *t, const wr_reply *reply, bool json)
{
	const char *name, *value;
	size_t i;

	for (i = 0; wr_reply_property(reply, i, &name, &value) == 1; i++) {
		if (json && is_number(name, value)) {
			json_put_raw(t, name, str(value));
			continue;
		}
		if (json) {
			json_put_text(t, name, value);
			continue;
		}
		add_name(t, name);
		text_add_shown(t, str(value), 0);
		text_putc(t, '\n');
	}
}

static void add_stats(struct text *t, const wr_reply *reply, bool json)
{
	const char *name;
	uint64_t value;
	size_t i;

	for (i = 0; wr_reply_stat(reply, i, &name, &value) == 1; i++) {
		if (json && has_suffix(name, "_at")) {
			json_put_time(t, name, (int64_t)value);
			continue;
		}
		if (json) {
			json_put_number(t, name, value);
			continue;
		}
		add_name(t, name);
		add_value(t, name, value);
		text_putc(t, '\n');
	}
}

static void describe(const wr_reply *reply, const char *url, bool json,
		     bool stats)
{
	struct text t = { 0 };

	if (json) {
		json_open(&t);
		json_put_text(&t, "store", url);
	} else if (stats) {
		add_name(&t, "store");
		text_printf(&t, "%s\n", url);
	}
	add_properties(&t, reply, json);
	if (stats)
		add_stats(&t, reply, json);
	if (json) {
		json_close(&t);
		text_putc(&t, '\n');
	}
	output_print(&t);
	text_release(&t);
}

void describe_properties(const wr_reply *reply, const char *url, bool json)
{
	describe(reply, url, json, false);
}

void describe_all(const wr_reply *reply, const char *url, bool json)
{
	describe(reply, url, json, true);
}
