#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"
#include "files.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct files files;
static wr_reader *reader;
static struct wr_record rec;
static struct wr_error err;

static int setup(void **state)
{
	(void)state;
	files_init(&files);
	reader = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wr_reader_close(reader);
	files_release(&files);
	return 0;
}

static int open_at(const char *path, const char *base)
{
	struct wr_reader_options opts = WR_READER_OPTIONS_INIT;

	opts.path = path;
	opts.base_url = base;
	opts.max_content_bytes = 100000;
	return wr_reader_open(&reader, &opts, &err);
}

static void open_root(void)
{
	if (open_at(files.root, "https://a.org/doc"))
		fail_msg("%s", err.message);
}

static void expect_str(struct wr_str got, const char *want)
{
	assert_non_null(got.ptr);
	if (!str_eq(got, str_of(want)))
		fail_msg("\"%.*s\", not \"%s\"", (int)got.len, got.ptr, want);
}

static void next_is(const char *url, const char *content)
{
	int n = wr_reader_next(reader, &rec, &err);

	if (n != 1)
		fail_msg("%d (%s), not %s", n, n < 0 ? err.message : "end",
			 url);
	expect_str(rec.url, url);
	expect_str(rec.content, content);
}

static void next_is_end(void)
{
	int n = wr_reader_next(reader, &rec, &err);

	if (n)
		fail_msg("%d, not the end: %s", n,
			 n < 0 ? err.message : rec.url.ptr);
}

static void next_is_refused(const char *file, const char *words)
{
	int n = wr_reader_next(reader, &rec, &err);

	if (n != WR_EDATA)
		fail_msg("%d, where %s was expected", n, file);
	if (!strstr(err.message, file) || !strstr(err.message, words))
		fail_msg("\"%s\" without \"%s\"", err.message, words);
	assert_non_null(strstr(wr_reader_position(reader), file));
	assert_null(wr_reader_raw(reader).ptr);
}

static void pages_come_in_the_order_of_their_paths(void **state)
{
	(void)state;
	files_puts(&files, "b.html", "<title>B</title><p>b");
	files_puts(&files, "a/z.HTM", "z");
	files_puts(&files, "a.html", "a");
	files_puts(&files, "a/b/c.html", "c");
	files_puts(&files, "notes.txt", "no");
	files_puts(&files, ".html", "no name");
	open_root();
	next_is("https://a.org/doc/a.html", "a");
	assert_null(rec.title.ptr);
	next_is("https://a.org/doc/a/b/c.html", "c");
	next_is("https://a.org/doc/a/z.HTM", "z");
	next_is("https://a.org/doc/b.html", "b");
	expect_str(rec.title, "B");
	next_is_end();
	next_is_end();
}

static void names_are_percent_encoded(void **state)
{
	(void)state;
	files_puts(&files, "a b/\xc3\xa9?#%~.html", "x");
	open_root();
	next_is("https://a.org/doc/a%20b/%C3%A9%3F%23%25~.html", "x");
	next_is_end();
}

static void packed_pages_are_read(void **state)
{
	(void)state;
	files_write(&files, "a.html.gz", files_gzip(&files, str_of("<p>a")));
	files_write(&files, "b.htm.zst", files_zstd(&files, str_of("<p>b")));
	files_write(&files, "c.html", files_gzip(&files, str_of("<p>c")));
	open_root();
	next_is("https://a.org/doc/a.html", "a");
	next_is("https://a.org/doc/b.htm", "b");
	next_is("https://a.org/doc/c.html", "c");
	next_is_end();
}

static void a_bad_file_costs_only_itself(void **state)
{
	static const char png[] = "\x89PNG\r\n\x1a\n";
	static const char binary[] = "ab\0cd";
	struct wr_str cut;
	struct buf big = { 0 };

	(void)state;
	files_puts(&files, "a.html", "");
	files_write(&files, "b.html", (struct wr_str){ png, 8 });
	files_write(&files, "c.html", (struct wr_str){ binary, 5 });
	cut = files_gzip(&files, str_of("<p>some text"));
	cut.len -= 9;
	files_write(&files, "d.html", cut);
	while (big.len < 100001)
		buf_puts(&big, "<p>x");
	files_write(&files, "e.html", buf_str(&big));
	assert_int_equal(symlink("nowhere", files_path(&files, "f.html")), 0);
	files_puts(&files, "g.html", "good");
	open_root();
	next_is_refused("a.html", "is empty");
	next_is_refused("b.html", "binary");
	next_is_refused("c.html", "binary");
	next_is_refused("d.html", "incomplete");
	next_is_refused("e.html", "over the limit");
	next_is_refused("f.html", "No such file");
	next_is("https://a.org/doc/g.html", "good");
	next_is_end();
	buf_release(&big);
}

static void links_are_followed_without_going_in_circles(void **state)
{
	(void)state;
	files_puts(&files, "real/a.html", "a");
	assert_int_equal(symlink("a.html", files_path(&files, "real/b.html")),
			 0);
	assert_int_equal(symlink("..", files_path(&files, "real/up")), 0);
	assert_int_equal(symlink("real", files_path(&files, "alias")), 0);
	assert_int_equal(symlink("self", files_path(&files, "self")), 0);
	assert_int_equal(mkfifo(files_path(&files, "pipe.html"), 0600), 0);
	open_root();
	next_is("https://a.org/doc/real/a.html", "a");
	next_is("https://a.org/doc/real/b.html", "a");
	next_is_end();

	wr_reader_close(reader);
	assert_int_equal(open_at(files_path(&files, "alias"), "https://a.org/"),
			 0);
	next_is("https://a.org/a.html", "a");
	next_is("https://a.org/b.html", "a");
	next_is_end();
}

static void progress_counts_the_bytes_of_all_files(void **state)
{
	uint64_t done, total;

	(void)state;
	files_puts(&files, "a.html", "12345");
	files_puts(&files, "b.html", "123");
	open_root();
	wr_reader_progress(reader, &done, &total);
	assert_int_equal(done, 0);
	assert_int_equal(total, 8);
	next_is("https://a.org/doc/a.html", "12345");
	wr_reader_progress(reader, &done, &total);
	assert_int_equal(done, 5);
	next_is("https://a.org/doc/b.html", "123");
	wr_reader_progress(reader, &done, &total);
	assert_int_equal(done, 8);
}

static void a_base_url_must_be_one(void **state)
{
	static const char *const bad[] = {
		NULL,	  "",		"www.a.org",	   "/doc",
		"https:", "1x://a.org", "https://a.org?q", "https://a.org#f"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int status = open_at(files.root, bad[i]);

		if (status != WR_EINVAL)
			fail_msg("%s: %d", bad[i] ? bad[i] : "none", status);
		assert_null(reader);
		assert_non_null(strstr(err.message, "base URL"));
	}
	assert_int_equal(open_at(files.root, "https://a.org///"), 0);
	next_is_end();
}

static bool refuse_after(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

static void memory_that_runs_out_is_an_error(void **state)
{
	int status = WR_ENOMEM, pages;

	(void)state;
	files_puts(&files, "a/b.html", "<title>t</title><p>text");
	files_write(&files, "c.html.gz", files_gzip(&files, str_of("<p>a")));
	for (int n = 0; status == WR_ENOMEM; n++) {
		int left = n;

		assert_true(n < 1000);
		mem_set_gate(refuse_after, &left);
		status = open_at(files.root, "https://a.org/");
		for (pages = 0; !status; pages++) {
			status = wr_reader_next(reader, &rec, &err);
			if (!status)
				break;
			status = status < 0 ? status : 0;
		}
		mem_set_gate(NULL, NULL);
		if (status && status != WR_ENOMEM)
			fail_msg("allocation %d: %d, %s", n, status,
				 err.message);
		wr_reader_close(reader);
		reader = NULL;
	}
	assert_int_equal(status, 0);
	assert_int_equal(pages, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_come_in_the_order_of_their_paths),
		TEST(names_are_percent_encoded),
		TEST(packed_pages_are_read),
		TEST(a_bad_file_costs_only_itself),
		TEST(links_are_followed_without_going_in_circles),
		TEST(progress_counts_the_bytes_of_all_files),
		TEST(a_base_url_must_be_one),
		TEST(memory_that_runs_out_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
