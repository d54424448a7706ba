#include "record/filter.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "base/text.h"
#include "record/url.h"
#include <string.h>

#define WHERE "filter"

static int copy_clean(struct wr_str *out, struct wr_str s, struct arena *arena,
		      struct wr_error *err)
{
	uint64_t repaired = 0, nuls = 0;
	struct buf buf = { 0 };
	int status;

	*out = (struct wr_str){ NULL, 0 };
	if (!s.ptr || !s.len)
		return 0;
	text_clean(&buf, s, &repaired, &nuls);
	status = buf_status(&buf);
	if (!status && buf.len)
		status = arena_dup(arena, out, buf_str(&buf));
	buf_release(&buf);
	return status ? error_nomem(err, WHERE) : 0;
}

static int copy_host(struct filter *f, struct wr_str host, struct arena *arena,
		     struct wr_error *err)
{
	struct wr_str quoted = str_clip(host, 80);
	char *p;

	for (size_t i = 0; i < host.len; i++)
		if (strchr("/?#@ ", host.ptr[i]) ||
		    (host.ptr[i] == ':' && host.ptr[0] != '['))
			return error_set(
				err, WR_EINVAL, 0, WHERE,
				"\"%.*s\" is no host; give a name such "
				"as \"www.example.org\"",
				(int)quoted.len, quoted.ptr);
	if (!host.len)
		return 0;
	p = arena_alloc(arena, host.len);
	if (!p)
		return error_nomem(err, WHERE);
	/* As url.h writes hosts: "%C3" is in upper case. */
	for (size_t i = 0, escape = 0; i < host.len; i++) {
		char c = host.ptr[i];

		if (escape)
			p[i] = (char)(c >= 'a' && c <= 'f' ? c - 32 : c);
		else
			p[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		escape = c == '%' ? 2 : escape - !!escape;
	}
	f->host = (struct wr_str){ p, host.len };
	return 0;
}

static int copy_metadata(struct filter *f, struct wr_str metadata,
			 struct arena *arena, struct wr_error *err)
{
	struct wr_error why = { 0 };
	struct buf text = { 0 };
	int status;

	if (!metadata.ptr)
		return 0;
	status = json_parse(&f->members, metadata, NULL, &why);
	if (status == WR_EDATA)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "metadata is no JSON object: %s", why.message);
	if (status)
		return error_nomem(err, WHERE);
	if (json_kind_of(f->members) != JSON_OBJECT)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "metadata is JSON, but no object; give one "
				 "such as {\"lang\":\"en\"}");
	if (!json_count(f->members)) {
		json_free(f->members);
		f->members = NULL;
		return 0;
	}
	json_write(&text, f->members);
	status = buf_status(&text);
	if (!status)
		status = arena_dup(arena, &f->metadata, buf_str(&text));
	buf_release(&text);
	return status ? error_nomem(err, WHERE) : 0;
}

int filter_init(struct filter *f, const struct wr_filter *from,
		struct arena *arena, struct wr_error *err)
{
	struct wr_filter in = WR_FILTER_INIT;
	int status;

	memset(f, 0, sizeof(*f));
	if (!from)
		return 0;
	if (from->size < sizeof(from->size))
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "the filter has no size; start it with "
				 "WR_FILTER_INIT");
	/* A program that was built with an older header has fewer fields. */
	memcpy(&in, from, from->size < sizeof(in) ? from->size : sizeof(in));
	f->since = in.since;
	f->until = in.until;
	status = copy_clean(&f->url_prefix, in.url_prefix, arena, err);
	if (!status)
		status = copy_host(f, in.host, arena, err);
	if (!status)
		status = copy_metadata(f, in.metadata, arena, err);
	if (status)
		filter_release(f);
	return status;
}

void filter_release(struct filter *f)
{
	if (!f)
		return;
	json_free(f->members);
	memset(f, 0, sizeof(*f));
}

bool filter_is_empty(const struct filter *f)
{
	return !f->url_prefix.len && !f->host.len && !f->since && !f->until &&
	       !f->members;
}

/* ------------------------------------------------------------- matching -- */

struct wanted {
	struct wr_str name;
	const struct json *value;
};

enum { SAME = 1, DIFFERENT = 2 };

static int compare_named(struct wr_str name, const struct json *value,
			 void *arg)
{
	const struct wanted *w = arg;

	if (!str_eq(name, w->name))
		return 0;
	return json_equal(value, w->value) ? SAME : DIFFERENT;
}

/* Nonzero, which ends the walk, where the document has it not. */
static int find_wanted(struct wr_str name, const struct json *value, void *arg)
{
	struct wanted w = { name, value };

	return json_each(arg, compare_named, &w) == SAME ? 0 : DIFFERENT;
}

bool filter_metadata_matches(const struct filter *f, struct wr_str metadata)
{
	struct json *document = NULL;
	bool matches;

	if (!f->members)
		return true;
	if (!metadata.len || json_parse(&document, metadata, NULL, NULL))
		return false;
	matches = json_kind_of(document) == JSON_OBJECT &&
		  !json_each(f->members, find_wanted, document);
	json_free(document);
	return matches;
}

bool filter_matches(const struct filter *f, struct wr_str key,
		    int64_t fetched_at, struct wr_str metadata)
{
	if (f->url_prefix.len && !str_starts(key, f->url_prefix))
		return false;
	if (f->host.len && !str_eq(url_host(key), f->host))
		return false;
	if (f->since && fetched_at < f->since)
		return false;
	if (f->until && fetched_at >= f->until)
		return false;
	return filter_metadata_matches(f, metadata);
}
