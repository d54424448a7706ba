#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "files.h"
#include "format/output.h"
#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct files files;
static struct wr_error err;

static int setup(void **state)
{
	(void)state;
	files_init(&files);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	files_release(&files);
	return 0;
}

static void check(int status)
{
	if (status)
		fail_msg("%d: %s", status, err.message);
}

static void expect_str(struct wr_str got, struct wr_str want)
{
	assert_int_equal(got.ptr == NULL, want.ptr == NULL);
	if (!str_eq(got, want))
		fail_msg("\"%.*s\", not \"%.*s\"", (int)got.len, got.ptr,
			 (int)want.len, want.ptr);
}

/* Write one document: the file's text, without the line feed. */
static const char *line_of(const struct wr_document *doc, unsigned parts)
{
	static struct buf b;
	const char *path = files_path(&files, "one.jsonl");
	wr_writer *w;

	buf_clear(&b);
	check(wr_writer_open(&w, path, &err));
	check(wr_writer_put(w, doc, parts, &err));
	check(wr_writer_close(w, &err));
	files_read(path, &b);
	assert_int_equal(b.ptr[b.len - 1], '\n');
	b.ptr[--b.len] = '\0';
	return b.ptr;
}

static void a_document_is_one_line_of_json(void **state)
{
	static const float vector[] = { 1, -0.5f, 0.1f };
	struct wr_document doc = WR_DOCUMENT_INIT;

	(void)state;
	doc.url = str_of("https://a.org/");
	doc.title = str_of("T \"q\"\n");
	doc.content = str_of("c\xc3\xa9");
	doc.metadata = str_of("{\"b\": 1,\n\"a\": 2}");
	doc.fetched_at = INT64_C(1700000000000000);
	doc.created_at = INT64_C(1700000000000001);
	doc.embedding = vector;
	doc.embedding_dim = 3;
	assert_string_equal(
		line_of(&doc, WR_PART_CONTENT | WR_PART_EMBEDDING),
		"{\"url\":\"https://a.org/\",\"title\":\"T \\\"q\\\"\\n\","
		"\"raw_content\":\"c\xc3\xa9\",\"metadata\":{\"a\":2,\"b\":1},"
		"\"fetched_at\":\"2023-11-14T22:13:20Z\","
		"\"created_at\":\"2023-11-14T22:13:20.000001Z\","
		"\"embedding\":[1,-0.5,0.100000001]}");
	doc.title = doc.metadata = (struct wr_str){ 0 };
	doc.created_at = 0;
	assert_string_equal(line_of(&doc, 0),
			    "{\"url\":\"https://a.org/\","
			    "\"fetched_at\":\"2023-11-14T22:13:20Z\"}");
}

static void a_key_that_a_store_would_change_is_written_beside(void **state)
{
	static const char *const keys[] = { "my own key",
					    "HTTP://A.org/",
					    "https://a.org/?utm_source=x",
					    "https://a.org/#part",
					    "https://a.org/?b=1&a=2",
					    "" };
	struct wr_document doc = WR_DOCUMENT_INIT;
	char want[200];

	(void)state;
	for (size_t i = 0; *keys[i]; i++) {
		doc.url = str_of(keys[i]);
		snprintf(want, sizeof(want), "{\"url\":\"%s\",\"key\":\"%s\"}",
			 keys[i], keys[i]);
		assert_string_equal(line_of(&doc, 0), want);
	}
}

static void numbers_have_a_point_in_every_locale(void **state)
{
	static const float vector[] = { 0.5f };
	struct wr_document doc = WR_DOCUMENT_INIT;
	const char *found = setlocale(LC_ALL, "de_DE.UTF-8");

	(void)state;
	if (!found)
		print_message("no German locale here\n");
	doc.url = str_of("https://a.org/");
	doc.embedding = vector;
	doc.embedding_dim = 1;
	assert_string_equal(line_of(&doc, WR_PART_EMBEDDING),
			    "{\"url\":\"https://a.org/\",\"embedding\":[0.5]}");
	setlocale(LC_ALL, "C");
}

/* Documents with every part, each drawn from the seed. */
struct made {
	struct wr_document doc;
	struct buf url, title, content, metadata;
	float vector[64];
};

static void make_text(struct buf *b, struct rand_state *rnd, size_t most)
{
	static const char *const pieces[] = {
		"word ", "\n",		 "\t",
		"\"",	 "\\",		 "\x01",
		"\x7f",	 "\xc3\xa9",	 "\xf0\x9f\x98\x80",
		"</a>",	 "\xe2\x80\xa8", "\r\n"
	};

	for (uint64_t n = rand_below(rnd, most); n; n--)
		buf_puts(b, pieces[rand_below(rnd, 12)]);
}

static void make(struct made *m, struct rand_state *rnd, size_t i)
{
	*m = (struct made){ .doc = WR_DOCUMENT_INIT };
	buf_printf(&m->url, i % 3 ? "https://a.org/%zu" : "own key %zu", i);
	make_text(&m->title, rnd, 9);
	make_text(&m->content, rnd, 1 + (i % 7 ? 50 : 20000));
	buf_printf(&m->metadata, "{\"a\":[%d,1.5,null],\"b\":{\"c\":\"%zu\"}}",
		   (int)rand_below(rnd, 1000) - 500, i);
	m->doc.url = buf_str(&m->url);
	if (i % 5)
		m->doc.title = m->title.len ? buf_str(&m->title) : str_of("");
	m->doc.content = m->content.len ? buf_str(&m->content) : str_of("");
	if (i % 4)
		m->doc.metadata = buf_str(&m->metadata);
	m->doc.fetched_at = 1 + (int64_t)rand_below(rnd, UINT64_C(1) << 52);
	m->doc.created_at = -1 - (int64_t)rand_below(rnd, UINT64_C(1) << 52);
	m->doc.updated_at = (int64_t)rand_below(rnd, 1 << 20) * 1000000;
	for (size_t k = 0; k < 64; k++) {
		union {
			uint32_t bits;
			float f;
		} u;

		do { /* any float there is, subnormal ones too */
			u.bits = (uint32_t)rand_next(rnd);
		} while ((u.bits & 0x7f800000) == 0x7f800000);
		m->vector[k] = u.f;
	}
	if (i % 6) {
		m->doc.embedding = m->vector;
		m->doc.embedding_dim = 1 + i % 64;
	}
}

static void unmake(struct made *m)
{
	buf_release(&m->url);
	buf_release(&m->title);
	buf_release(&m->content);
	buf_release(&m->metadata);
}

static void expect_same(const struct wr_record *rec, const struct made *m)
{
	expect_str(rec->key.ptr ? rec->key : rec->url, m->doc.url);
	expect_str(rec->title, m->doc.title);
	expect_str(rec->content, m->doc.content);
	expect_str(rec->metadata, m->doc.metadata);
	assert_true(rec->fetched_at == m->doc.fetched_at);
	assert_true(rec->created_at == m->doc.created_at);
	assert_true(rec->updated_at == m->doc.updated_at);
	assert_int_equal(rec->embedding_dim, m->doc.embedding_dim);
	if (m->doc.embedding)
		assert_memory_equal(rec->embedding, m->doc.embedding,
				    rec->embedding_dim * sizeof(float));
}

static void round_trip(const char *name)
{
	struct wr_reader_options opts = WR_READER_OPTIONS_INIT;
	struct rand_state rnd = { 11 };
	struct made m;
	struct wr_record rec;
	wr_writer *w;
	wr_reader *r;

	opts.path = files_path(&files, name);
	check(wr_writer_open(&w, opts.path, &err));
	for (size_t i = 0; i < 300; i++) {
		make(&m, &rnd, i);
		check(wr_writer_put(w, &m.doc,
				    WR_PART_CONTENT | WR_PART_EMBEDDING, &err));
		unmake(&m);
	}
	check(wr_writer_close(w, &err));

	rnd.s = 11;
	check(wr_reader_open(&r, &opts, &err));
	for (size_t i = 0; i < 300; i++) {
		int n = wr_reader_next(r, &rec, &err);

		if (n != 1)
			fail_msg("%s, document %zu: %d, %s", name, i, n,
				 err.message);
		make(&m, &rnd, i);
		expect_same(&rec, &m);
		unmake(&m);
	}
	assert_int_equal(wr_reader_next(r, &rec, &err), 0);
	wr_reader_close(r);
}

static void what_is_written_is_read_again_the_same(void **state)
{
	(void)state;
	round_trip("docs.jsonl");
	round_trip("docs.jsonl.gz");
	round_trip("docs.jsonl.zst");
	assert_int_equal(files_count(&files), 3);
}

static void expect_magic(const char *name, const char *magic, size_t len)
{
	struct wr_document doc = WR_DOCUMENT_INIT;
	struct buf b = { 0 };
	wr_writer *w;

	doc.url = str_of("https://a.org/");
	check(wr_writer_open(&w, files_path(&files, name), &err));
	check(wr_writer_put(w, &doc, 0, &err));
	check(wr_writer_close(w, &err));
	files_read(files.path, &b);
	assert_memory_equal(b.ptr, magic, len);
	buf_release(&b);
}

static void the_name_says_how_it_is_packed(void **state)
{
	(void)state;
	expect_magic("a.jsonl", "{\"url", 5);
	expect_magic("a.gz", "\x1f\x8b\x08", 3);
	expect_magic("a.ZST", "\x28\xb5\x2f\xfd", 4);
}

static void a_file_appears_when_it_is_whole(void **state)
{
	const char *path = files_puts(&files, "out", "before");
	struct wr_document doc = WR_DOCUMENT_INIT;
	struct buf b = { 0 };
	struct stat st;
	wr_writer *w;

	(void)state;
	assert_int_equal(chmod(path, 0640), 0);
	doc.url = str_of("https://a.org/");
	check(wr_writer_open(&w, path, &err));
	check(wr_writer_put(w, &doc, 0, &err));
	files_read(path, &b);
	assert_string_equal(b.ptr, "before");
	wr_writer_abort(w);
	assert_int_equal(files_count(&files), 1);

	check(wr_writer_open(&w, path, &err));
	check(wr_writer_put(w, &doc, 0, &err));
	check(wr_writer_close(w, &err));
	assert_int_equal(files_count(&files), 1);
	buf_clear(&b);
	files_read(path, &b);
	assert_string_equal(b.ptr, "{\"url\":\"https://a.org/\"}\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	buf_release(&b);
}

static void a_link_stays_a_link(void **state)
{
	struct wr_document doc = WR_DOCUMENT_INIT;
	struct stat st;
	wr_writer *w;

	(void)state;
	files_puts(&files, "real", "before");
	assert_int_equal(symlink("real", files_path(&files, "link")), 0);
	doc.url = str_of("https://a.org/");
	check(wr_writer_open(&w, files.path, &err));
	check(wr_writer_put(w, &doc, 0, &err));
	check(wr_writer_close(w, &err));
	assert_int_equal(lstat(files_path(&files, "link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(files_path(&files, "real"), &st), 0);
	assert_int_equal(st.st_size, 25);
}

static void places_that_cannot_be_written_are_named(void **state)
{
	wr_writer *w;

	(void)state;
	assert_int_equal(
		wr_writer_open(&w, files_path(&files, "no/folder"), &err),
		WR_ENOENT);
	assert_non_null(strstr(err.message, "no/folder"));
	assert_int_equal(wr_writer_open(&w, files.root, &err), WR_EINVAL);
	assert_int_equal(wr_writer_open(&w, "", &err), WR_EINVAL);
	assert_null(w);
	assert_int_equal(files_count(&files), 0);
}

/* Until it fails: the status. */
static int write_much(const char *path)
{
	static char text[70000];
	struct output *o;
	int status = output_open(&o, path, &err);

	if (status)
		return status;
	memset(text, 'x', sizeof(text));
	for (int i = 0; !status && i < 100; i++)
		status = output_write(o, text, sizeof(text), &err);
	if (!status)
		return output_close(o, &err);
	/* A file with a hole in it is not finished. */
	assert_int_equal(output_write(o, "x", 1, NULL), status);
	assert_int_equal(output_close(o, NULL), status);
	return status;
}

static void a_full_disk_is_an_error(void **state)
{
	(void)state;
	if (access("/dev/full", W_OK)) {
		print_message("no /dev/full here\n");
		return;
	}
	assert_int_equal(write_much("/dev/full"), WR_EIO);
	assert_non_null(strstr(err.message, "No space left"));
}

/* SIGPIPE has its usual effect here: it would end this program. */
static void a_pipe_that_nobody_reads_is_an_error(void **state)
{
	int fds[2], saved = dup(STDOUT_FILENO), status;
	struct output *o;

	(void)state;
	assert_true(saved >= 0);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
	close(fds[1]);
	status = output_open(&o, "-", &err);
	if (!status) {
		status = output_write(o, "x", 1, &err);
		if (status)
			output_abort(o);
		else
			status = output_close(o, &err);
	}
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_int_equal(status, WR_EIO);
	assert_non_null(strstr(err.message, "standard output"));
	assert_non_null(strstr(err.message, "Broken pipe"));
}

static void documents_that_json_cannot_hold_are_refused(void **state)
{
	static const float bad[] = { 1, (float)(1e308 * 10) };
	struct wr_document doc = WR_DOCUMENT_INIT;
	struct buf b = { 0 };
	wr_writer *w;

	(void)state;
	check(wr_writer_open(&w, files_path(&files, "out"), &err));
	assert_int_equal(wr_writer_put(w, &doc, 0, &err), WR_EINVAL);
	doc.url = str_of("https://a.org/");
	doc.metadata = str_of("[1]");
	assert_int_equal(wr_writer_put(w, &doc, 0, &err), WR_EDATA);
	doc.metadata = str_of("{");
	assert_int_equal(wr_writer_put(w, &doc, 0, &err), WR_EDATA);
	doc.metadata = (struct wr_str){ 0 };
	doc.embedding = bad;
	doc.embedding_dim = 2;
	assert_int_equal(wr_writer_put(w, &doc, WR_PART_EMBEDDING, &err),
			 WR_EDATA);
	doc.embedding = NULL;
	doc.title = str_of("broken \xff");
	check(wr_writer_put(w, &doc, WR_PART_CONTENT, &err));
	check(wr_writer_close(w, &err));
	files_read(files.path, &b);
	assert_string_equal(b.ptr,
			    "{\"url\":\"https://a.org/\",\"title\":\"broken "
			    "\xef\xbf\xbd\",\"raw_content\":\"\"}\n");
	buf_release(&b);
}

static bool refuse_after(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

static int write_one(const char *path)
{
	struct wr_document doc = WR_DOCUMENT_INIT;
	wr_writer *w;
	int status = wr_writer_open(&w, path, &err);

	if (status)
		return status;
	doc.url = str_of("own key");
	doc.title = str_of("broken \xff");
	doc.metadata = str_of("{\"a\":1}");
	status = wr_writer_put(w, &doc, WR_PART_CONTENT, &err);
	if (status) {
		wr_writer_abort(w);
		return status;
	}
	return wr_writer_close(w, &err);
}

static void memory_that_runs_out_is_an_error(void **state)
{
	int status = WR_ENOMEM;

	(void)state;
	for (int n = 0; status == WR_ENOMEM; n++) {
		int left = n;

		assert_true(n < 1000);
		assert_int_equal(files_count(&files), 0);
		mem_set_gate(refuse_after, &left);
		status = write_one(files_path(&files, "out.gz"));
		mem_set_gate(NULL, NULL);
		if (status && status != WR_ENOMEM)
			fail_msg("allocation %d: %d, %s", n, status,
				 err.message);
	}
	assert_int_equal(status, 0);
	assert_int_equal(files_count(&files), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_is_one_line_of_json),
		TEST(a_key_that_a_store_would_change_is_written_beside),
		TEST(numbers_have_a_point_in_every_locale),
		TEST(what_is_written_is_read_again_the_same),
		TEST(the_name_says_how_it_is_packed),
		TEST(a_file_appears_when_it_is_whole),
		TEST(a_link_stays_a_link),
		TEST(places_that_cannot_be_written_are_named),
		TEST(a_full_disk_is_an_error),
		TEST(a_pipe_that_nobody_reads_is_an_error),
		TEST(documents_that_json_cannot_hold_are_refused),
		TEST(memory_that_runs_out_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
