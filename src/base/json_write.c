#include "base/error.h"
#include "base/json.h"
#include "base/json_number.h"
#include "base/json_tree.h"
#include "base/str.h"

/* What stands behind the backslash; 0: the byte stands for itself. */
static char escape_of(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return c < 0x20 ? 'u' : 0;
	}
}

void json_write_text(struct buf *b, struct wr_str s)
{
	size_t start = 0;

	buf_putc(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		char escape = escape_of(c);

		if (!escape)
			continue;
		buf_add(b, s.ptr + start, i - start);
		start = i + 1;
		if (escape == 'u')
			buf_printf(b, "\\u%04x", c);
		else
			buf_add(b, (char[]){ '\\', escape }, 2);
	}
	if (s.len)
		buf_add(b, s.ptr + start, s.len - start);
	buf_putc(b, '"');
}

static void write_member(struct buf *b, struct wr_str name)
{
	if (b->len && b->ptr[b->len - 1] != '{')
		buf_putc(b, ',');
	json_write_text(b, name);
	buf_putc(b, ':');
}

static void write_list(struct buf *b, const struct json *j)
{
	buf_putc(b, '[');
	for (size_t i = 0; i < j->count; i++) {
		if (i)
			buf_putc(b, ',');
		json_write(b, &j->items[i]);
	}
	buf_putc(b, ']');
}

static void write_object(struct buf *b, const struct json *j)
{
	buf_putc(b, '{');
	for (size_t i = 0; i < j->count; i++) {
		write_member(b, j->members[i].name);
		json_write(b, &j->members[i].value);
	}
	buf_putc(b, '}');
}

void json_write(struct buf *b, const struct json *j)
{
	switch (j->kind) {
	case JSON_NULL:
		buf_puts(b, "null");
		break;
	case JSON_BOOL:
		buf_puts(b, j->truth ? "true" : "false");
		break;
	case JSON_INT:
	case JSON_REAL:
		json_number_write(b, j);
		break;
	case JSON_TEXT:
		json_write_text(b, j->text);
		break;
	case JSON_LIST:
		write_list(b, j);
		break;
	case JSON_OBJECT:
		write_object(b, j);
		break;
	}
}

static void write_with_member(struct buf *b, const struct json *object,
			      struct wr_str name, struct wr_str value)
{
	size_t n = json_count(object), i = 0;

	buf_putc(b, '{');
	for (; i < n && str_cmp(object->members[i].name, name) < 0; i++) {
		write_member(b, object->members[i].name);
		json_write(b, &object->members[i].value);
	}
	write_member(b, name);
	json_write_text(b, value);
	if (i < n && str_eq(object->members[i].name, name))
		i++;
	for (; i < n; i++) {
		write_member(b, object->members[i].name);
		json_write(b, &object->members[i].value);
	}
	buf_putc(b, '}');
}

int json_with_member(struct buf *out, struct wr_str object, const char *name,
		     struct wr_str value)
{
	struct json *old = NULL;
	int rc;

	if (object.ptr) {
		rc = json_parse(&old, object, NULL, NULL);
		if (rc)
			return rc;
		if (old->kind != JSON_OBJECT) {
			json_free(old);
			return WR_EDATA;
		}
	}
	write_with_member(out, old, str_of(name), value);
	json_free(old);
	return buf_status(out);
}
