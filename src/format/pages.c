/*
 * Reading a folder of HTML files: one record a file.
 */
#include "format/reader.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "format/ascii.h"
#include "format/folder.h"
#include "format/html.h"
#include "format/input.h"

#define WHERE "html"

enum { READ_SIZE = 64 * 1024, SNIFF = 4096 };

struct pages {
	struct wr_reader reader; /* first */
	char *root, *base;
	size_t most; /* bytes of one file */
	struct folder folder;
	size_t at;     /* the file that comes next */
	uint64_t done; /* bytes of those before it */

	struct buf path; /* of the file that was taken last */
	struct buf url, bytes;
	struct html_page page;
};

static struct pages *pages_of(struct wr_reader *r)
{
	return list_item(r, struct pages, reader);
}

static const struct pages *pages_seen(const struct wr_reader *r)
{
	return (const struct pages *)r; /* its first member */
}

/* The whole file, unpacked.  What is wrong with it concerns it alone. */
static int slurp(struct pages *p, struct wr_error *err)
{
	struct input *in = NULL;
	ssize_t n = 0;
	int status;

	buf_clear(&p->bytes);
	status = input_open(&in, p->path.ptr, err);
	while (!status) {
		if (buf_reserve(&p->bytes, READ_SIZE)) {
			status = error_nomem(err, WHERE);
			break;
		}
		n = input_read(in, p->bytes.ptr + p->bytes.len, READ_SIZE, err);
		if (n <= 0) {
			status = (int)n;
			break;
		}
		p->bytes.len += (size_t)n;
		p->bytes.ptr[p->bytes.len] = '\0';
		if (p->bytes.len > p->most)
			status = error_set(err, WR_EDATA, 0, WHERE,
					   "%s is over the limit of %zu bytes",
					   p->path.ptr, p->most);
	}
	input_close(in);
	if (status && status != WR_ENOMEM) {
		if (err)
			err->status = WR_EDATA;
		status = WR_EDATA;
	}
	return status;
}

static bool is_utf16(struct wr_str s)
{
	return str_starts(s, (struct wr_str){ "\xff\xfe", 2 }) ||
	       str_starts(s, (struct wr_str){ "\xfe\xff", 2 }) ||
	       str_starts(s, (struct wr_str){ "<\0", 2 }) ||
	       str_starts(s, (struct wr_str){ "\0<", 2 });
}

/* Pictures, archives and programs that are called .html. */
static bool is_binary(struct wr_str s)
{
	static const char *const magic[] = {
		"%PDF-",	"\x89PNG",    "GIF8",
		"\xff\xd8\xff", "PK\x03\x04", "\x7f\x45LF",
	};

	for (size_t i = 0; i < sizeof(magic) / sizeof(*magic); i++)
		if (str_starts(s, str_of(magic[i])))
			return true;
	if (is_utf16(s))
		return false;
	return memchr(s.ptr, '\0', s.len < SNIFF ? s.len : SNIFF) != NULL;
}

static bool is_url_byte(char c)
{
	return c && (ascii_is_alnum(c) || strchr("-._~!$&'()*+,;=:@/", c));
}

/* The base and, behind it, the path as a URL has it. */
static int make_url(struct pages *p, struct wr_str path)
{
	path = folder_page_name(path);
	buf_clear(&p->url);
	buf_puts(&p->url, p->base);
	for (size_t i = 0; i < path.len; i++) {
		char c = path.ptr[i];

		if (is_url_byte(c))
			buf_putc(&p->url, c);
		else
			buf_printf(&p->url, "%%%02X", (unsigned char)c);
	}
	return buf_status(&p->url);
}

static int read_page(struct pages *p, const struct folder_file *file,
		     struct wr_error *err)
{
	struct wr_str bytes;
	int status;

	if (file->errnum)
		return error_set(err, WR_EDATA, file->errnum, WHERE,
				 "cannot read %s: %s", p->path.ptr,
				 strerror(file->errnum));
	status = slurp(p, err);
	if (status)
		return status;
	bytes = buf_str(&p->bytes);
	if (!bytes.len)
		return error_set(err, WR_EDATA, 0, WHERE, "%s is empty",
				 p->path.ptr);
	if (is_binary(bytes))
		return error_set(err, WR_EDATA, 0, WHERE,
				 "%s holds no HTML but binary data",
				 p->path.ptr);
	status = html_read(&p->page, bytes, err);
	if (status)
		return status;
	return make_url(p, file->path) ? error_nomem(err, WHERE) : 0;
}

static int pages_next(struct wr_reader *r, struct wr_record *rec,
		      struct wr_error *err)
{
	struct pages *p = pages_of(r);
	const struct folder_file *file;
	int status;

	if (p->at == p->folder.nfiles)
		return 0;
	file = &p->folder.files[p->at++];
	p->done += file->size;
	buf_clear(&p->path);
	buf_printf(&p->path, "%s/%s", p->root, file->path.ptr);
	if (buf_status(&p->path))
		return error_nomem(err, WHERE);
	status = read_page(p, file, err);
	if (status)
		return status;
	rec->url = buf_str(&p->url);
	rec->content = buf_str(&p->page.text);
	if (!rec->content.ptr)
		rec->content.ptr = "";
	if (p->page.title.len)
		rec->title = buf_str(&p->page.title);
	return 1;
}

static const char *pages_position(const struct wr_reader *r)
{
	const struct pages *p = pages_seen(r);

	return p->path.len ? p->path.ptr : p->root;
}

static struct wr_str pages_raw(const struct wr_reader *r)
{
	(void)r;
	return (struct wr_str){ 0 };
}

static void pages_progress(const struct wr_reader *r, uint64_t *done,
			   uint64_t *total)
{
	*done = pages_seen(r)->done;
	*total = pages_seen(r)->folder.total;
}

static void pages_close(struct wr_reader *r)
{
	struct pages *p = pages_of(r);

	folder_release(&p->folder);
	html_page_release(&p->page);
	buf_release(&p->path);
	buf_release(&p->url);
	buf_release(&p->bytes);
	mem_free(p->root);
	mem_free(p->base);
	mem_free(p);
}

static const struct reader_ops pages_ops = {
	.next = pages_next,
	.position = pages_position,
	.raw = pages_raw,
	.progress = pages_progress,
	.close = pages_close,
};

/* Is it "scheme:" and something? */
static bool has_scheme(const char *url)
{
	const char *p = url;

	if (!ascii_is_letter(*p))
		return false;
	while (ascii_is_alnum(*p) || *p == '+' || *p == '-' || *p == '.')
		p++;
	return *p == ':' && p[1];
}

static int check_base(const char *url, struct wr_error *err)
{
	if (!url || !*url)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "a folder of HTML files needs a base URL: the "
				 "address that its pages have on the web");
	if (!has_scheme(url))
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "the base URL \"%s\" has no scheme; give it "
				 "as https://...",
				 url);
	if (strpbrk(url, "?#"))
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "the base URL \"%s\" has a query or a "
				 "fragment; give the address of a folder",
				 url);
	return 0;
}

/* s without the slashes that it ends in, and with end instead. */
static char *with_end(const char *s, const char *end)
{
	struct buf b = { 0 };
	size_t n = strlen(s);
	char *joined;

	while (n > 1 && s[n - 1] == '/')
		n--;
	buf_add(&b, s, n);
	buf_puts(&b, end);
	joined = buf_take(&b);
	buf_release(&b);
	return joined;
}

int pages_open(struct wr_reader **out, const struct wr_reader_options *opts,
	       struct wr_error *err)
{
	struct pages *p;
	int status = check_base(opts->base_url, err);

	if (status)
		return status;
	p = mem_zalloc(1, sizeof(*p));
	if (!p)
		return error_nomem(err, WHERE);
	p->reader.ops = &pages_ops;
	p->most = opts->max_content_bytes < HTML_MOST
			  ? (size_t)opts->max_content_bytes
			  : HTML_MOST;
	p->bytes.cap = p->most + 2 * READ_SIZE;
	p->root = with_end(opts->path, "");
	p->base = with_end(opts->base_url, "/");
	if (!p->root || !p->base)
		status = error_nomem(err, WHERE);
	if (!status)
		status = folder_find(&p->folder, p->root, err);
	if (status) {
		pages_close(&p->reader);
		return status;
	}
	*out = &p->reader;
	return 0;
}
