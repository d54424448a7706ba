#include "format/jsonline.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#define WHERE "jsonl"

/* Seconds of the years that a calendar of four digits can name. */
#define SECONDS_MOST INT64_C(253402300799)
#define SECONDS_LEAST (-INT64_C(62167219200))

void jsonline_release(struct jsonline *l)
{
	json_free(l->tree);
	buf_release(&l->metadata);
	mem_free(l->vector);
	*l = (struct jsonline){ 0 };
}

static const char *kind_name(const struct json *j)
{
	switch (json_kind_of(j)) {
	case JSON_NULL:
		return "null";
	case JSON_BOOL:
		return "a boolean";
	case JSON_INT:
	case JSON_REAL:
		return "a number";
	case JSON_TEXT:
		return "text";
	case JSON_LIST:
		return "a list";
	case JSON_OBJECT:
		return "an object";
	}
	return "something else";
}

/* The member, or NULL where it is left out or null. */
static const struct json *member(const struct json *tree, const char *name)
{
	const struct json *j = json_member(tree, name);

	return j && json_kind_of(j) != JSON_NULL ? j : NULL;
}

static int wrong_kind(const struct json *j, const char *name, const char *give,
		      struct wr_error *err)
{
	return error_set(err, WR_EDATA, 0, WHERE, "\"%s\" is %s; give %s", name,
			 kind_name(j), give);
}

static int read_text(const struct json *tree, const char *name,
		     struct wr_str *out, struct wr_error *err)
{
	const struct json *j = member(tree, name);

	if (!j)
		return 0;
	if (json_kind_of(j) != JSON_TEXT)
		return wrong_kind(j, name, "text", err);
	*out = json_text(j);
	return 0;
}

static int seconds_out_of_range(const char *name, struct wr_error *err)
{
	return error_set(err, WR_EDATA, 0, WHERE,
			 "\"%s\" is a number beyond the year 9999; give Unix "
			 "seconds, not milliseconds",
			 name);
}

static int read_time(const struct json *tree, const char *name, int64_t *us,
		     struct wr_error *err)
{
	static const char give[] = "RFC 3339 text such as "
				   "\"2026-11-23T12:00:00Z\", or Unix seconds";
	const struct json *j = member(tree, name);
	struct wr_str text;
	int64_t whole;
	double real;

	if (!j)
		return 0;
	if (json_int(j, &whole)) {
		if (whole < SECONDS_LEAST || whole > SECONDS_MOST)
			return seconds_out_of_range(name, err);
		*us = whole * 1000000;
		return 0;
	}
	if (json_real(j, &real)) {
		if (!(real >= (double)SECONDS_LEAST &&
		      real <= (double)SECONDS_MOST))
			return seconds_out_of_range(name, err);
		*us = llround(real * 1e6);
		return 0;
	}
	if (json_kind_of(j) != JSON_TEXT)
		return wrong_kind(j, name, give, err);
	text = json_text(j);
	if (clock_parse(text, us)) {
		text = str_clip(text, 60);
		return error_set(err, WR_EDATA, 0, WHERE,
				 "\"%s\" is \"%.*s\"; give %s", name,
				 (int)text.len, text.ptr, give);
	}
	return 0;
}

static int read_content(const struct json *tree, struct wr_str *out,
			struct wr_error *err)
{
	const char *name =
		member(tree, "raw_content") ? "raw_content" : "content";

	if (!member(tree, name))
		return error_set(err, WR_EDATA, 0, WHERE,
				 "\"raw_content\" is missing; give the text of "
				 "the page");
	return read_text(tree, name, out, err);
}

static int read_metadata(struct jsonline *l, struct wr_str *out,
			 struct wr_error *err)
{
	const struct json *j = member(l->tree, "metadata");

	if (!j)
		return 0;
	if (json_kind_of(j) != JSON_OBJECT)
		return wrong_kind(j, "metadata", "an object", err);
	buf_clear(&l->metadata);
	json_write(&l->metadata, j);
	if (buf_status(&l->metadata))
		return error_nomem(err, WHERE);
	*out = buf_str(&l->metadata);
	return 0;
}

static int vector_reserve(struct jsonline *l, size_t n, struct wr_error *err)
{
	float *p;

	if (n <= l->vector_room)
		return 0;
	p = mem_resize(l->vector, n, sizeof(float));
	if (!p)
		return error_nomem(err, WHERE);
	l->vector = p;
	l->vector_room = n;
	return 0;
}

static int read_embedding(struct jsonline *l, struct wr_record *rec,
			  struct wr_error *err)
{
	static const char give[] = "a list of numbers";
	const struct json *j = member(l->tree, "embedding");
	double real;
	size_t n;
	int status;

	if (!j)
		return 0;
	if (json_kind_of(j) != JSON_LIST)
		return wrong_kind(j, "embedding", give, err);
	n = json_count(j);
	if (!n)
		return error_set(err, WR_EDATA, 0, WHERE,
				 "\"embedding\" is empty; give %s, or leave it "
				 "out",
				 give);
	status = vector_reserve(l, n, err);
	if (status)
		return status;
	for (size_t i = 0; i < n; i++) {
		if (!json_real(json_at(j, i), &real))
			return error_set(err, WR_EDATA, 0, WHERE,
					 "\"embedding\" holds %s at place %zu; "
					 "give %s",
					 kind_name(json_at(j, i)), i, give);
		l->vector[i] = (float)real;
	}
	rec->embedding = l->vector;
	rec->embedding_dim = n;
	return 0;
}

static int read_members(struct jsonline *l, struct wr_record *rec,
			struct wr_error *err)
{
	const struct json *t = l->tree;
	int status;

	if ((status = read_text(t, "url", &rec->url, err)) ||
	    (status = read_text(t, "key", &rec->key, err)))
		return status;
	if (!rec->url.ptr && !rec->key.ptr)
		return error_set(err, WR_EDATA, 0, WHERE,
				 "\"url\" is missing; give the page's address");
	if ((status = read_text(t, "title", &rec->title, err)) ||
	    (status = read_content(t, &rec->content, err)) ||
	    (status = read_metadata(l, &rec->metadata, err)) ||
	    (status = read_time(t, "fetched_at", &rec->fetched_at, err)) ||
	    (status = read_time(t, "created_at", &rec->created_at, err)) ||
	    (status = read_time(t, "updated_at", &rec->updated_at, err)))
		return status;
	return read_embedding(l, rec, err);
}

int jsonline_read(struct jsonline *l, struct wr_str line, struct wr_record *rec,
		  struct wr_error *err)
{
	int status;

	*rec = (struct wr_record){ 0 };
	json_free(l->tree);
	l->tree = NULL;
	status = json_parse(&l->tree, line, NULL, err);
	if (status)
		return status;
	if (json_kind_of(l->tree) != JSON_OBJECT)
		return error_set(err, WR_EDATA, 0, WHERE,
				 "%s where a record was expected; give an "
				 "object such as {\"url\": ..., "
				 "\"raw_content\": ...}",
				 kind_name(l->tree));
	return read_members(l, rec, err);
}
