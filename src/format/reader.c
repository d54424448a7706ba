#include "format/reader.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/str.h"
#include "format/ascii.h"

#define WHERE "reader"
#define CONTENT_DEFAULT ((uint64_t)64 << 20)

/* A copy of what the caller's version of the struct has, with our defaults. */
static int complete(struct wr_reader_options *to,
		    const struct wr_reader_options *from, struct wr_error *err)
{
	*to = (struct wr_reader_options)WR_READER_OPTIONS_INIT;
	if (!from || from->size < offsetof(struct wr_reader_options, format))
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "wr_reader_open: begin the options with "
				 "WR_READER_OPTIONS_INIT");
	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	if (!to->path || !*to->path)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "wr_reader_open: give a path, or \"-\" for "
				 "standard input");
	if (!to->max_content_bytes)
		to->max_content_bytes = CONTENT_DEFAULT;
	return 0;
}

/* Settle the format from what lies at the path. */
static int choose(struct wr_reader_options *o, struct wr_error *err)
{
	struct stat st;
	bool folder;

	if (!strcmp(o->path, "-")) {
		if (o->format == WR_FORMAT_HTML)
			return error_set(err, WR_EINVAL, 0, WHERE,
					 "HTML is read from a folder, not from "
					 "standard input");
		o->format = WR_FORMAT_JSONL;
		return 0;
	}
	if (stat(o->path, &st))
		return error_errno(err, errno, WHERE, "cannot open %s",
				   o->path);
	folder = S_ISDIR(st.st_mode);
	switch (o->format) {
	case WR_FORMAT_AUTO:
		if (!folder && (ascii_ends(str_of(o->path), ".html") ||
				ascii_ends(str_of(o->path), ".htm")))
			return error_set(err, WR_EINVAL, 0, WHERE,
					 "%s is one HTML file; give the folder "
					 "that it lies in",
					 o->path);
		o->format = folder ? WR_FORMAT_HTML : WR_FORMAT_JSONL;
		return 0;
	case WR_FORMAT_JSONL:
		if (folder)
			return error_set(err, WR_EINVAL, 0, WHERE,
					 "%s is a folder; JSON Lines are read "
					 "from a file",
					 o->path);
		return 0;
	case WR_FORMAT_HTML:
		if (!folder)
			return error_set(err, WR_EINVAL, 0, WHERE,
					 "%s is a file; HTML is read from a "
					 "folder",
					 o->path);
		return 0;
	}
	return error_set(err, WR_EINVAL, 0, WHERE,
			 "wr_reader_open: format %d is not known",
			 (int)o->format);
}

int wr_reader_open(wr_reader **out, const struct wr_reader_options *opts,
		   struct wr_error *err)
{
	struct wr_reader_options o;
	int status;

	*out = NULL;
	if ((status = complete(&o, opts, err)) || (status = choose(&o, err)))
		return status;
	return o.format == WR_FORMAT_HTML ? pages_open(out, &o, err)
					  : jsonl_open(out, &o, err);
}

int wr_reader_next(wr_reader *r, struct wr_record *rec, struct wr_error *err)
{
	*rec = (struct wr_record){ 0 };
	return r->ops->next(r, rec, err);
}

const char *wr_reader_position(const wr_reader *r)
{
	return r->ops->position(r);
}

struct wr_str wr_reader_raw(const wr_reader *r)
{
	return r->ops->raw(r);
}

void wr_reader_progress(const wr_reader *r, uint64_t *done, uint64_t *total)
{
	r->ops->progress(r, done, total);
}

void wr_reader_close(wr_reader *r)
{
	if (r)
		r->ops->close(r);
}
