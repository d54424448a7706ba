/*
 * Reading JSON Lines: one record a line, blank lines skipped.
 */
#include "format/reader.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"
#include "format/input.h"
#include "format/jsonline.h"
#include "format/lines.h"

#define WHERE "jsonl"

/*
 * A line may have this much beside the content: metadata, a vector.  JSON that
 * is all ASCII takes up to three bytes for one of the content's.
 */
enum { LINE_EXTRA = 4 << 20, LINE_FACTOR = 3 };

struct jsonl {
	struct wr_reader reader; /* first */
	struct input *in;
	struct lines lines;
	struct jsonline line;
	struct wr_str raw;
	struct wr_error final; /* what every call says from now on */
	char position[32];
};

static struct jsonl *jsonl_of(struct wr_reader *r)
{
	return list_item(r, struct jsonl, reader);
}

static const struct jsonl *jsonl_seen(const struct wr_reader *r)
{
	return (const struct jsonl *)r; /* its first member */
}

static bool is_blank(struct wr_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != ' ' && s.ptr[i] != '\t' && s.ptr[i] != '\r')
			return false;
	return true;
}

/* The same error, saying in which line. */
static int at_line(const struct jsonl *j, const struct wr_error *why,
		   struct wr_error *err)
{
	return error_set(err, why->status, why->native, WHERE, "%s: %s",
			 j->position, why->message);
}

static int next_line(struct jsonl *j, struct wr_error *err)
{
	int n;

	do {
		n = lines_next(&j->lines, &j->raw, err);
	} while (n > 0 && is_blank(j->raw));
	snprintf(j->position, sizeof(j->position), "line %" PRIu64,
		 j->lines.number);
	return n;
}

static int jsonl_next(struct wr_reader *r, struct wr_record *rec,
		      struct wr_error *err)
{
	struct jsonl *j = jsonl_of(r);
	struct wr_error why = { 0 };
	int n;

	if (j->final.status) {
		if (err)
			*err = j->final;
		return j->final.status;
	}
	n = next_line(j, &why);
	if (n > 0) {
		n = jsonline_read(&j->line, j->raw, rec, &why);
		if (!n)
			return 1;
		*rec = (struct wr_record){ 0 };
	}
	if (n == WR_EDATA)
		return at_line(j, &why, err);
	if (n < 0) {
		j->final = why;
		if (err)
			*err = why;
	}
	return n;
}

static const char *jsonl_position(const struct wr_reader *r)
{
	return jsonl_seen(r)->position;
}

static struct wr_str jsonl_raw(const struct wr_reader *r)
{
	return jsonl_seen(r)->raw;
}

static void jsonl_progress(const struct wr_reader *r, uint64_t *done,
			   uint64_t *total)
{
	input_progress(jsonl_seen(r)->in, done, total);
}

static void jsonl_close(struct wr_reader *r)
{
	struct jsonl *j = jsonl_of(r);

	jsonline_release(&j->line);
	lines_release(&j->lines);
	input_close(j->in);
	mem_free(j);
}

static const struct reader_ops jsonl_ops = {
	.next = jsonl_next,
	.position = jsonl_position,
	.raw = jsonl_raw,
	.progress = jsonl_progress,
	.close = jsonl_close,
};

static size_t longest_line(uint64_t max_content)
{
	size_t n;

	if (__builtin_mul_overflow(max_content, (size_t)LINE_FACTOR, &n) ||
	    __builtin_add_overflow(n, (size_t)LINE_EXTRA, &n))
		return SIZE_MAX / 4;
	return n < SIZE_MAX / 4 ? n : SIZE_MAX / 4;
}

int jsonl_open(struct wr_reader **out, const struct wr_reader_options *opts,
	       struct wr_error *err)
{
	struct jsonl *j = mem_zalloc(1, sizeof(*j));
	int status;

	if (!j)
		return error_nomem(err, WHERE);
	j->reader.ops = &jsonl_ops;
	snprintf(j->position, sizeof(j->position), "line 0");
	status = input_open(&j->in, opts->path, err);
	if (status) {
		mem_free(j);
		return status;
	}
	lines_init(&j->lines, j->in, longest_line(opts->max_content_bytes));
	*out = &j->reader;
	return 0;
}
