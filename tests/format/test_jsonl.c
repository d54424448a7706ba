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

static void open_bytes(struct wr_str bytes, uint64_t max_content)
{
	struct wr_reader_options opts = WR_READER_OPTIONS_INIT;

	wr_reader_close(reader);
	reader = NULL;
	opts.path = files_write(&files, "in.jsonl", bytes);
	opts.max_content_bytes = max_content;
	if (wr_reader_open(&reader, &opts, &err))
		fail_msg("%s", err.message);
}

static void open_text(const char *text)
{
	open_bytes(str_of(text), 0);
}

static void expect_str(struct wr_str got, const char *want)
{
	if (!want) {
		assert_null(got.ptr);
		return;
	}
	assert_non_null(got.ptr);
	if (!str_eq(got, str_of(want)))
		fail_msg("\"%.*s\", not \"%s\"", (int)got.len, got.ptr, want);
}

static void next_is(const char *url)
{
	int n = wr_reader_next(reader, &rec, &err);

	if (n != 1)
		fail_msg("%d (%s), not %s", n, n < 0 ? err.message : "end",
			 url);
	expect_str(rec.url, url);
}

static void next_is_end(void)
{
	assert_int_equal(wr_reader_next(reader, &rec, &err), 0);
	assert_int_equal(wr_reader_next(reader, &rec, &err), 0);
}

/* The next line is refused, by a message with these words. */
static void next_is_refused(const char *words)
{
	int n = wr_reader_next(reader, &rec, &err);

	if (n != WR_EDATA)
		fail_msg("%d, where \"%s\" was expected", n, words);
	assert_int_equal(err.status, WR_EDATA);
	if (!strstr(err.message, words))
		fail_msg("\"%s\" without \"%s\"", err.message, words);
	assert_null(rec.url.ptr);
}

static void every_member_is_read(void **state)
{
	(void)state;
	open_text("{\"url\":\"https://a.org/\",\"title\":\"T\","
		  "\"raw_content\":\"some \\u00e9 text\",\"unknown\":[1],"
		  "\"metadata\":{\"b\":1,\"a\":[true,null]},"
		  "\"fetched_at\":\"2026-11-23T12:00:00.25+01:00\","
		  "\"created_at\":1700000000,\"updated_at\":1700000000.5,"
		  "\"key\":\"k\",\"embedding\":[1,-0.5,2.5e-1]}\n");
	next_is("https://a.org/");
	expect_str(rec.key, "k");
	expect_str(rec.title, "T");
	expect_str(rec.content, "some \xc3\xa9 text");
	expect_str(rec.metadata, "{\"a\":[true,null],\"b\":1}");
	assert_int_equal(rec.fetched_at, INT64_C(1795431600250000));
	assert_int_equal(rec.created_at, INT64_C(1700000000000000));
	assert_int_equal(rec.updated_at, INT64_C(1700000000500000));
	assert_int_equal(rec.embedding_dim, 3);
	assert_true(rec.embedding[0] == 1.0f && rec.embedding[1] == -0.5f &&
		    rec.embedding[2] == 0.25f);
	next_is_end();
}

static void what_is_null_is_left_out(void **state)
{
	(void)state;
	open_text("{\"url\":\"u:1\",\"key\":null,\"title\":null,"
		  "\"raw_content\":null,\"content\":\"c\",\"metadata\":null,"
		  "\"fetched_at\":null,\"embedding\":null}");
	next_is("u:1");
	expect_str(rec.key, NULL);
	expect_str(rec.title, NULL);
	expect_str(rec.metadata, NULL);
	expect_str(rec.content, "c");
	assert_int_equal(rec.fetched_at, 0);
	assert_null(rec.embedding);
	next_is_end();
}

static void raw_content_wins_over_content(void **state)
{
	(void)state;
	open_text("{\"url\":\"u:1\",\"content\":\"a\",\"raw_content\":\"b\"}\n"
		  "{\"url\":\"u:2\",\"raw_content\":\"\",\"content\":\"a\"}\n");
	next_is("u:1");
	expect_str(rec.content, "b");
	next_is("u:2");
	expect_str(rec.content, "");
}

static void lines_end_in_any_way(void **state)
{
	(void)state;
	open_text("\xef\xbb\xbf{\"url\":\"u:1\",\"content\":\"\"}\r\n"
		  "\n  \t\r\n"
		  "{\"url\":\"u:2\",\"content\":\"\"}\n"
		  "  {\"url\":\"u:3\",\"content\":\"\"}  ");
	next_is("u:1");
	next_is("u:2");
	assert_string_equal(wr_reader_position(reader), "line 4");
	next_is("u:3");
	next_is_end();
	open_text("");
	next_is_end();
	open_text("\xef\xbb\xbf\n");
	next_is_end();
}

static void a_bad_line_costs_only_itself(void **state)
{
	(void)state;
	open_text(
		"not json\n"
		"[1,2]\n"
		"{\"raw_content\":\"x\"}\n"
		"{\"url\":\"u:\"}\n"
		"{\"url\":5,\"raw_content\":\"x\"}\n"
		"{\"url\":\"u:\",\"raw_content\":{}}\n"
		"{\"url\":\"u:\",\"raw_content\":\"\",\"metadata\":[]}\n"
		"{\"url\":\"u:\",\"raw_content\":\"\",\"fetched_at\":\"x\"}\n"
		"{\"url\":\"u:\",\"raw_content\":\"\",\"fetched_at\":true}\n"
		"{\"url\":\"u:\",\"raw_content\":\"\","
		"\"fetched_at\":1700000000000}\n"
		"{\"url\":\"u:\",\"raw_content\":\"\",\"embedding\":[1,\"\"]}\n"
		"{\"url\":\"u:\",\"raw_content\":\"\",\"embedding\":[]}\n"
		"{\"url\":\"u:\",\"raw_content\":\"\",\"embedding\":\"x\"}\n"
		"{\"url\":\"u:1\",\"raw_content\":\"\"}\n");
	next_is_refused("line 1: ");
	expect_str(wr_reader_raw(reader), "not json");
	next_is_refused("line 2: a list");
	expect_str(wr_reader_raw(reader), "[1,2]");
	next_is_refused("line 3: \"url\" is missing");
	next_is_refused("line 4: \"raw_content\" is missing");
	next_is_refused("line 5: \"url\" is a number; give text");
	next_is_refused("\"raw_content\" is an object; give text");
	next_is_refused("\"metadata\" is a list; give an object");
	next_is_refused("\"fetched_at\" is \"x\"; give RFC 3339");
	next_is_refused("\"fetched_at\" is a boolean");
	next_is_refused("not milliseconds");
	next_is_refused("\"embedding\" holds text at place 1");
	next_is_refused("\"embedding\" is empty");
	next_is_refused("line 13: \"embedding\" is text");
	next_is("u:1");
	next_is_end();
}

/* A line whose content has this many bytes. */
static void add_long(struct buf *b, const char *url, size_t content)
{
	buf_printf(b, "{\"url\":\"%s\",\"raw_content\":\"", url);
	for (size_t i = 0; i < content; i++)
		buf_putc(b, 'x');
	buf_puts(b, "\"}\n");
}

static void a_line_that_is_too_long_is_skipped_in_small_memory(void **state)
{
	struct buf b = { 0 };

	(void)state;
	add_long(&b, "u:1", 4 << 20);
	add_long(&b, "u:2", 9 << 20);
	add_long(&b, "u:3", 10);
	add_long(&b, "u:4", 9 << 20);
	b.len--; /* the last one does not even end */
	open_bytes(buf_str(&b), 1000);
	next_is("u:1"); /* within the room beside the content */
	assert_int_equal(rec.content.len, 4 << 20);
	next_is_refused("line 2: longer than");
	expect_str(wr_reader_raw(reader), NULL);
	next_is("u:3");
	assert_string_equal(wr_reader_position(reader), "line 3");
	next_is_refused("line 4: longer than");
	next_is_end();
	buf_release(&b);
}

static void lines_of_every_length_are_whole(void **state)
{
	struct buf b = { 0 };
	char url[32];

	(void)state;
	/* Around the sizes at which buffers grow. */
	for (size_t i = 0; i < 40; i++) {
		snprintf(url, sizeof(url), "u:%zu", i);
		add_long(&b, url, (i % 4 + 1) * 65536 - 60 + i);
	}
	open_bytes(buf_str(&b), 0);
	for (size_t i = 0; i < 40; i++) {
		snprintf(url, sizeof(url), "u:%zu", i);
		next_is(url);
		assert_int_equal(rec.content.len, (i % 4 + 1) * 65536 - 60 + i);
	}
	next_is_end();
	buf_release(&b);
}

static void a_cut_file_gives_its_whole_lines_and_then_an_error(void **state)
{
	struct wr_str packed;
	struct buf b = { 0 };
	int n, got = 0;

	(void)state;
	for (int i = 0; i < 20000; i++)
		buf_printf(&b, "{\"url\":\"u:%d\",\"raw_content\":\"%x\"}\n", i,
			   (unsigned)i * 2654435761u);
	packed = files_gzip(&files, buf_str(&b));
	packed.len /= 2;
	open_bytes(packed, 0);
	while ((n = wr_reader_next(reader, &rec, &err)) == 1)
		got++;
	assert_int_equal(n, WR_ECORRUPT);
	assert_non_null(strstr(err.message, "in.jsonl"));
	assert_true(got > 5000 && got < 15000);
	assert_int_equal(wr_reader_next(reader, &rec, &err), WR_ECORRUPT);
	buf_release(&b);
}

static void progress_reaches_the_end(void **state)
{
	uint64_t done, total;

	(void)state;
	open_text("{\"url\":\"u:1\",\"content\":\"\"}\n");
	next_is("u:1");
	next_is_end();
	wr_reader_progress(reader, &done, &total);
	assert_int_equal(done, 27);
	assert_int_equal(total, 27);
}

static void options_that_make_no_sense_are_refused(void **state)
{
	struct wr_reader_options opts = WR_READER_OPTIONS_INIT;
	wr_reader *r;

	(void)state;
	assert_int_equal(wr_reader_open(&r, NULL, &err), WR_EINVAL);
	assert_int_equal(wr_reader_open(&r, &opts, &err), WR_EINVAL);
	opts.path = files_path(&files, "none.jsonl");
	assert_int_equal(wr_reader_open(&r, &opts, &err), WR_ENOENT);
	assert_non_null(strstr(err.message, "none.jsonl"));
	opts.path = files.root;
	opts.format = WR_FORMAT_JSONL;
	assert_int_equal(wr_reader_open(&r, &opts, &err), WR_EINVAL);
	opts.path = "-";
	opts.format = WR_FORMAT_HTML;
	assert_int_equal(wr_reader_open(&r, &opts, &err), WR_EINVAL);
	opts.path = files_puts(&files, "a.html", "<p>x");
	opts.base_url = "https://a.org/";
	assert_int_equal(wr_reader_open(&r, &opts, &err), WR_EINVAL);
	opts.format = WR_FORMAT_AUTO;
	assert_int_equal(wr_reader_open(&r, &opts, &err), WR_EINVAL);
	assert_non_null(strstr(err.message, "folder"));
	assert_null(r);
}

static bool refuse_after(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

/* Opens and reads a file: the status in the end. */
static int read_through(const char *path)
{
	struct wr_reader_options opts = WR_READER_OPTIONS_INIT;
	wr_reader *r = NULL;
	int status;

	opts.path = path;
	status = wr_reader_open(&r, &opts, &err);
	if (status)
		return status;
	do {
		status = wr_reader_next(r, &rec, &err);
	} while (status > 0 || status == WR_EDATA);
	wr_reader_close(r);
	return status;
}

static void memory_that_runs_out_is_an_error(void **state)
{
	int status = WR_ENOMEM;

	(void)state;
	files_write(
		&files, "x",
		files_gzip(&files, str_of("{\"url\":\"u:1\",\"content\":\"\","
					  "\"metadata\":{\"a\":\"b\"},"
					  "\"embedding\":[1,2]}\nbroken\n")));
	for (int n = 0; status == WR_ENOMEM; n++) {
		int left = n;

		assert_true(n < 1000);
		mem_set_gate(refuse_after, &left);
		status = read_through(files.path);
		mem_set_gate(NULL, NULL);
		if (status && status != WR_ENOMEM)
			fail_msg("allocation %d: %d, %s", n, status,
				 err.message);
	}
	assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_member_is_read),
		TEST(what_is_null_is_left_out),
		TEST(raw_content_wins_over_content),
		TEST(lines_end_in_any_way),
		TEST(a_bad_line_costs_only_itself),
		TEST(a_line_that_is_too_long_is_skipped_in_small_memory),
		TEST(lines_of_every_length_are_whole),
		TEST(a_cut_file_gives_its_whole_lines_and_then_an_error),
		TEST(progress_reaches_the_end),
		TEST(options_that_make_no_sense_are_refused),
		TEST(memory_that_runs_out_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
