/* Documents written to a file, and records read from files. */
#include "torture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DOCUMENTS = 3, DIM = 3 };

struct place {
	char folder[128], path[192];
	const char *name;
	bool written; /* path holds a whole file */
};

static struct wr_str str(const char *s)
{
	return (struct wr_str){ s, strlen(s) };
}

/* Out of memory, and no other reason. */
static int check(const char *what, int status, const struct wr_error *err)
{
	if (status >= 0)
		return 0;
	if (status != WR_ENOMEM)
		torture_fail("%s ended with %s: %s", what,
			     wr_status_name(status), err->message);
	if (err->status != status || !*err->message)
		torture_fail("%s: an error without words", what);
	return status;
}

static int put(wr_writer *w, int i)
{
	static const float vector[DIM] = { 0.25f, -1, 3e-5f };
	struct wr_document doc = WR_DOCUMENT_INIT;
	struct wr_error err = { 0 };

	doc.url = str("https://a.example/page");
	doc.title = str("A \"title\"");
	doc.content = str("line one\nline \xe2\x82\xac two\t");
	doc.metadata =
		i ? str("{\"a\":[1,2.5,\"x\"]}") : (struct wr_str){ NULL, 0 };
	doc.fetched_at = 1700000000000000 + i;
	doc.created_at = doc.updated_at = doc.fetched_at;
	doc.embedding = vector;
	doc.embedding_dim = DIM;
	return check("writing",
		     wr_writer_put(w, &doc, WR_PART_CONTENT | WR_PART_EMBEDDING,
				   &err),
		     &err);
}

static int write_file(void *arg)
{
	struct place *at = arg;
	struct wr_error err = { 0 };
	wr_writer *w = NULL;
	int status = check("opening a writer",
			   wr_writer_open(&w, at->path, &err), &err);

	at->written = false;
	for (int i = 0; !status && i < DOCUMENTS; i++)
		status = put(w, i);
	if (status) {
		wr_writer_abort(w);
		return status;
	}
	status = check("closing a writer", wr_writer_close(w, &err), &err);
	at->written = !status;
	return status;
}

/* A file appears under its name when it is whole, and not before. */
static int look(void *arg)
{
	struct place *at = arg;
	bool there = access(at->path, F_OK) == 0;

	if (there != at->written)
		torture_fail("%s %s", at->path,
			     there ? "is there, half written" : "is missing");
	unlink(at->path);
	return 0;
}

static int read_all(const struct wr_reader_options *opts)
{
	struct wr_error err = { 0 };
	struct wr_record rec;
	wr_reader *r = NULL;
	int n = 0, more;
	int status =
		check("opening a reader", wr_reader_open(&r, opts, &err), &err);

	while (!status) {
		more = wr_reader_next(r, &rec, &err);
		status = check("reading", more, &err);
		if (more <= 0)
			break;
		if (!rec.url.len || !rec.content.ptr)
			torture_fail("record %d is not whole", n);
		n++;
		wr_reader_position(r);
	}
	wr_reader_close(r);
	if (!status && n != DOCUMENTS)
		torture_fail("%d records came of %d", n, DOCUMENTS);
	return status;
}

static int read_file(void *arg)
{
	struct place *at = arg;
	struct wr_reader_options opts = WR_READER_OPTIONS_INIT;

	opts.path = at->path;
	return read_all(&opts);
}

static int read_folder(void *arg)
{
	struct place *at = arg;
	struct wr_reader_options opts = WR_READER_OPTIONS_INIT;

	opts.path = at->folder;
	opts.base_url = "https://a.example/docs";
	return read_all(&opts);
}

static void make_folder(const struct place *at)
{
	char path[256];
	FILE *f;

	for (int i = 0; i < DOCUMENTS; i++) {
		snprintf(path, sizeof(path), "%s/%d.html", at->folder, i);
		f = fopen(path, "w");
		if (!f)
			torture_fail("cannot write %s", path);
		fprintf(f,
			"<html><head><title>Page &amp; %d</title><script>x()"
			"</script></head><body><nav><a href=/>home</a></nav>"
			"<h1>Head</h1><p>Some <b>text</b> &eacute;.<table><tr>"
			"<td>a<td>b</table><pre> as is\n</pre></body></html>",
			i);
		fclose(f);
	}
}

static void empty_folder(const struct place *at)
{
	char path[512];
	struct dirent *entry;
	DIR *dir = opendir(at->folder);

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", at->folder,
			 entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
}

int main(void)
{
	static const char *const names[] = { "x.jsonl", "x.jsonl.gz",
					     "x.jsonl.zst" };
	struct place at = { .written = false };
	const char *under = getenv("TMPDIR");

	snprintf(at.folder, sizeof(at.folder), "%s/windrow-torture-XXXXXX",
		 under ? under : "/tmp");
	if (!mkdtemp(at.folder))
		return 2;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(at.path, sizeof(at.path), "%s/%s", at.folder,
			 names[i]);
		for (int later = 0; later < 2; later++)
			torture(names[i], write_file, look, &at, 1, later);
		if (write_file(&at))
			torture_fail("%s is not written", at.path);
		for (int later = 0; later < 2; later++)
			torture(names[i], read_file, read_file, &at, 1, later);
		unlink(at.path);
	}
	make_folder(&at);
	for (int later = 0; later < 2; later++)
		torture("a folder of HTML", read_folder, read_folder, &at, 1,
			later);
	empty_folder(&at);
	rmdir(at.folder);
	return 0;
}
