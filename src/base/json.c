#include "base/json.h"

#include "base/json_number.h"
#include "base/json_tree.h"
#include "base/str.h"

enum json_kind json_kind_of(const struct json *j)
{
	return j->kind;
}

const struct json *json_member(const struct json *j, const char *name)
{
	struct wr_str key = str_of(name);
	size_t low = 0, high;

	if (!j || j->kind != JSON_OBJECT)
		return NULL;
	high = j->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = str_cmp(j->members[mid].name, key);

		if (!c)
			return &j->members[mid].value;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

size_t json_count(const struct json *j)
{
	return j && (j->kind == JSON_LIST || j->kind == JSON_OBJECT) ? j->count
								     : 0;
}

const struct json *json_at(const struct json *list, size_t i)
{
	if (!list || list->kind != JSON_LIST || i >= list->count)
		return NULL;
	return &list->items[i];
}

struct wr_str json_text(const struct json *j)
{
	return j && j->kind == JSON_TEXT ? j->text : (struct wr_str){ 0 };
}

bool json_int(const struct json *j, int64_t *out)
{
	if (!j || j->kind != JSON_INT)
		return false;
	*out = j->whole;
	return true;
}

bool json_real(const struct json *j, double *out)
{
	if (!j || (j->kind != JSON_INT && j->kind != JSON_REAL))
		return false;
	*out = j->kind == JSON_INT ? (double)j->whole : j->real;
	return true;
}

bool json_bool(const struct json *j, bool *out)
{
	if (!j || j->kind != JSON_BOOL)
		return false;
	*out = j->truth;
	return true;
}

int json_each(const struct json *object,
	      int (*f)(struct wr_str name, const struct json *value, void *arg),
	      void *arg)
{
	if (!object || object->kind != JSON_OBJECT)
		return 0;
	for (size_t i = 0; i < object->count; i++) {
		const struct json_pair *m = &object->members[i];
		int rc = f(m->name, &m->value, arg);

		if (rc)
			return rc;
	}
	return 0;
}

static bool equal_numbers(const struct json *a, const struct json *b)
{
	int64_t x, y;
	bool whole = json_number_whole(a, &x);

	if (whole != json_number_whole(b, &y))
		return false;
	return whole ? x == y : a->real == b->real;
}

static bool equal_lists(const struct json *a, const struct json *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!json_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static bool equal_objects(const struct json *a, const struct json *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!str_eq(a->members[i].name, b->members[i].name) ||
		    !json_equal(&a->members[i].value, &b->members[i].value))
			return false;
	return true;
}

static bool is_number(const struct json *j)
{
	return j->kind == JSON_INT || j->kind == JSON_REAL;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (is_number(a) && is_number(b))
		return equal_numbers(a, b);
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case JSON_BOOL:
		return a->truth == b->truth;
	case JSON_TEXT:
		return str_eq(a->text, b->text);
	case JSON_LIST:
		return equal_lists(a, b);
	case JSON_OBJECT:
		return equal_objects(a, b);
	default:
		return true;
	}
}
