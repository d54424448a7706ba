/*
 * Writing documents as JSON Lines, such that reading them gives the same ones.
 */
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "format/output.h"
#include "record/url.h"
#include "windrow.h"

#define WHERE "writer"

struct wr_writer {
	struct output *out;
	struct arena arena; /* of one document */
	struct buf line, clean;
	locale_t c; /* in which numbers have a point */
};

int wr_writer_open(wr_writer **out, const char *path, struct wr_error *err)
{
	wr_writer *w;
	int status;

	*out = NULL;
	if (!path || !*path)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "wr_writer_open: give a path, or \"-\" for "
				 "standard output");
	w = mem_zalloc(1, sizeof(*w));
	if (!w)
		return error_nomem(err, WHERE);
	arena_init(&w->arena);
	w->c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	status = w->c ? output_open(&w->out, path, err)
		      : error_nomem(err, WHERE);
	if (status) {
		wr_writer_abort(w);
		return status;
	}
	*out = w;
	return 0;
}

static void put_name(struct wr_writer *w, const char *name)
{
	buf_putc(&w->line, w->line.len ? ',' : '{');
	buf_putc(&w->line, '"');
	buf_puts(&w->line, name);
	buf_puts(&w->line, "\":");
}

/* Documents of a store are clean; others are made so. */
static void put_text(struct wr_writer *w, const char *name, struct wr_str s)
{
	uint64_t repaired = 0, nuls = 0;

	if (!s.ptr)
		return;
	put_name(w, name);
	if (!text_is_clean(s)) {
		buf_clear(&w->clean);
		text_clean(&w->clean, s, &repaired, &nuls);
		if (buf_status(&w->clean))
			w->line.failed = true;
		s = buf_str(&w->clean);
	}
	json_write_text(&w->line, s);
}

static int put_metadata(struct wr_writer *w, struct wr_str s,
			struct wr_error *err)
{
	struct json *j = NULL;
	int status = 0;

	if (!s.ptr)
		return 0;
	status = json_parse(&j, s, NULL, err);
	if (status)
		return status;
	if (json_kind_of(j) == JSON_OBJECT) {
		put_name(w, "metadata");
		json_write(&w->line, j);
	} else {
		status = error_set(err, WR_EDATA, 0, WHERE,
				   "metadata is no JSON object");
	}
	json_free(j);
	return status;
}

static void put_time(struct wr_writer *w, const char *name, int64_t us)
{
	char text[CLOCK_TEXT];

	if (!us)
		return;
	clock_format(us, text);
	put_name(w, name);
	buf_printf(&w->line, "\"%s\"", text);
}

/* Nine digits tell every float from its neighbours. */
static int put_embedding(struct wr_writer *w, const struct wr_document *doc,
			 struct wr_error *err)
{
	char text[32];
	int n;

	put_name(w, "embedding");
	for (size_t i = 0; i < doc->embedding_dim; i++) {
		double x = (double)doc->embedding[i];

		if (!isfinite(x))
			return error_set(err, WR_EDATA, 0, WHERE,
					 "the embedding holds NaN or infinity "
					 "at place %zu",
					 i);
		n = snprintf(text, sizeof(text), "%c%.9g", i ? ',' : '[', x);
		buf_add(&w->line, text, (size_t)n);
	}
	buf_putc(&w->line, ']');
	return 0;
}

/*
 * Would a store that makes URLs canonical change this key?  Then it is written
 * as a key of its own, so that any store takes it in as it is.
 */
static bool is_fragile(struct wr_writer *w, struct wr_str key)
{
	struct wr_str canonical = { 0 };
	struct wr_error why;
	bool fragile = url_canonical(&canonical, key, WR_URLS_AGGRESSIVE,
				     &w->arena, &why) ||
		       !str_eq(canonical, key);

	arena_release(&w->arena);
	return fragile;
}

static int put_members(struct wr_writer *w, const struct wr_document *doc,
		       unsigned parts, struct wr_error *err)
{
	int status;

	put_text(w, "url", doc->url);
	if (is_fragile(w, doc->url))
		put_text(w, "key", doc->url);
	put_text(w, "title", doc->title);
	if (parts & WR_PART_CONTENT)
		put_text(w, "raw_content",
			 doc->content.ptr ? doc->content : str_of(""));
	status = put_metadata(w, doc->metadata, err);
	if (status)
		return status;
	put_time(w, "fetched_at", doc->fetched_at);
	put_time(w, "created_at", doc->created_at);
	put_time(w, "updated_at", doc->updated_at);
	if ((parts & WR_PART_EMBEDDING) && doc->embedding && doc->embedding_dim)
		return put_embedding(w, doc, err);
	return 0;
}

int wr_writer_put(wr_writer *w, const struct wr_document *doc, unsigned parts,
		  struct wr_error *err)
{
	struct wr_document d = WR_DOCUMENT_INIT;
	locale_t before;
	int status;

	if (doc->size < offsetof(struct wr_document, score))
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "wr_writer_put: begin the document with "
				 "WR_DOCUMENT_INIT");
	memcpy(&d, doc, doc->size < sizeof(d) ? doc->size : sizeof(d));
	if (!d.url.len)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "wr_writer_put: a document without a URL");
	buf_clear(&w->line);
	before = uselocale(w->c);
	status = put_members(w, &d, parts, err);
	uselocale(before);
	if (status)
		return status;
	buf_puts(&w->line, "}\n");
	if (buf_status(&w->line))
		return error_nomem(err, WHERE);
	return output_write(w->out, w->line.ptr, w->line.len, err);
}

/* All but the output. */
static void writer_free(wr_writer *w)
{
	if (w->c)
		freelocale(w->c);
	arena_release(&w->arena);
	buf_release(&w->line);
	buf_release(&w->clean);
	mem_free(w);
}

int wr_writer_close(wr_writer *w, struct wr_error *err)
{
	int status = output_close(w->out, err);

	writer_free(w);
	return status;
}

void wr_writer_abort(wr_writer *w)
{
	if (!w)
		return;
	output_abort(w->out);
	writer_free(w);
}
