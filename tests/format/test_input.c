#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "files.h"
#include "format/input.h"
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct files files;

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

/* Everything up to the end or an error, which is returned. */
static int read_all(struct input *in, struct buf *to, size_t step,
		    struct wr_error *err)
{
	char *chunk = mem_alloc(step);
	ssize_t n;

	assert_non_null(chunk);
	while ((n = input_read(in, chunk, step, err)) > 0)
		buf_add(to, chunk, (size_t)n);
	assert_int_equal(buf_status(to), 0);
	mem_free(chunk);
	return (int)n;
}

static int read_file(const char *path, struct buf *to, size_t step,
		     struct wr_error *err)
{
	struct input *in;
	int status = input_open(&in, path, err);

	assert_int_equal(status, 0);
	status = read_all(in, to, step, err);
	/* What is final stays final. */
	if (status)
		assert_int_equal(read_all(in, to, step, NULL), status);
	input_close(in);
	return status;
}

static void expect(const char *path, struct wr_str want)
{
	static const size_t steps[] = { 1, 7, 4096, 1 << 20 };
	struct wr_error err = { 0 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct buf got = { 0 };

		if (steps[i] == 1 && want.len > 100000)
			continue;
		if (read_file(path, &got, steps[i], &err))
			fail_msg("%s: %s", path, err.message);
		if (!str_eq(buf_str(&got), want))
			fail_msg("%s in steps of %zu: %zu bytes, not %zu", path,
				 steps[i], got.len, want.len);
		buf_release(&got);
	}
}

/* Text that packs to about half, so that packed files have many blocks. */
static struct wr_str make_text(struct buf *b, size_t len)
{
	struct rand_state rnd = { 42 };

	while (b->len < len)
		buf_putc(b, "abcdefghijklmno\n"[rand_below(&rnd, 16)]);
	assert_int_equal(buf_status(b), 0);
	return buf_str(b);
}

static void a_file_is_read_as_it_is(void **state)
{
	struct buf big = { 0 };

	(void)state;
	expect(files_puts(&files, "empty", ""), str_of(""));
	expect(files_puts(&files, "one", "x"), str_of("x"));
	expect(files_puts(&files, "plain.gz", "no gzip\n"),
	       str_of("no gzip\n"));
	make_text(&big, 300000);
	expect(files_write(&files, "big", buf_str(&big)), buf_str(&big));
	buf_release(&big);
}

static void gzip_is_told_by_its_bytes(void **state)
{
	struct buf big = { 0 };

	(void)state;
	make_text(&big, 1000000);
	files_gzip(&files, buf_str(&big));
	expect(files_write(&files, "any.name", buf_str(&files.packed)),
	       buf_str(&big));
	buf_release(&big);
}

static void zstd_is_told_by_its_bytes(void **state)
{
	struct buf big = { 0 };

	(void)state;
	make_text(&big, 1000000);
	files_zstd(&files, buf_str(&big));
	expect(files_write(&files, "any.name", buf_str(&files.packed)),
	       buf_str(&big));
	buf_release(&big);
}

static void members_and_frames_follow_each_other(void **state)
{
	struct buf gz = { 0 }, zst = { 0 };
	static const char skippable[] = "\x50\x2a\x4d\x18\x03\0\0\0abc";

	(void)state;
	buf_add_str(&gz, files_gzip(&files, str_of("one ")));
	buf_add_str(&gz, files_gzip(&files, str_of("")));
	buf_add_str(&gz, files_gzip(&files, str_of("two")));
	expect(files_write(&files, "gz", buf_str(&gz)), str_of("one two"));
	buf_add(&gz, "\0\0\0\0\0", 5); /* as tapes leave them */
	expect(files_write(&files, "gz0", buf_str(&gz)), str_of("one two"));

	buf_add(&zst, skippable, sizeof(skippable) - 1);
	buf_add_str(&zst, files_zstd(&files, str_of("one ")));
	buf_add_str(&zst, files_zstd(&files, str_of("")));
	buf_add(&zst, skippable, sizeof(skippable) - 1);
	buf_add_str(&zst, files_zstd(&files, str_of("two")));
	expect(files_write(&files, "zst", buf_str(&zst)), str_of("one two"));
	buf_release(&gz);
	buf_release(&zst);
}

static void expect_cut(struct wr_str packed, struct wr_str whole, size_t len)
{
	struct buf got = { 0 };
	struct wr_error err = { 0 };
	const char *path;
	int status;

	packed.len = len;
	path = files_write(&files, "cut", packed);
	status = read_file(path, &got, 5000, &err);
	if (status != WR_ECORRUPT)
		fail_msg("cut at %zu: status %d", len, status);
	assert_non_null(strstr(err.message, "cut"));
	assert_non_null(strstr(err.message, "byte"));
	if (!str_starts(whole, buf_str(&got)))
		fail_msg("cut at %zu: other bytes came out", len);
	/* Most of what the file still holds has come out. */
	if (len > 400000)
		assert_true(got.len > 400000);
	buf_release(&got);
}

static void a_file_that_is_cut_gives_what_it_holds_and_an_error(void **state)
{
	static const size_t cuts[] = { 5, 11, 20, 1000, 200000, 450000 };
	struct buf big = { 0 }, gz = { 0 }, zst = { 0 };
	struct wr_str whole = make_text(&big, 1000000);

	(void)state;
	buf_add_str(&gz, files_gzip(&files, whole));
	buf_add_str(&zst, files_zstd(&files, whole));
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		expect_cut(buf_str(&gz), whole, cuts[i]);
		expect_cut(buf_str(&zst), whole, cuts[i]);
	}
	expect_cut(buf_str(&gz), whole, gz.len - 1);
	expect_cut(buf_str(&zst), whole, zst.len - 1);
	buf_release(&big);
	buf_release(&gz);
	buf_release(&zst);
}

static void damage_is_an_error_that_says_where(void **state)
{
	struct buf big = { 0 }, gz = { 0 }, zst = { 0 };
	struct wr_str whole = make_text(&big, 1000000);
	struct buf *packed[2] = { &gz, &zst };

	(void)state;
	buf_add_str(&gz, files_gzip(&files, whole));
	buf_add_str(&zst, files_zstd(&files, whole));
	for (size_t i = 0; i < 2; i++) {
		struct buf got = { 0 };
		struct wr_error err = { 0 };

		memset(packed[i]->ptr + packed[i]->len / 2, 0x55, 2000);
		assert_int_equal(read_file(files_write(&files, "bad",
						       buf_str(packed[i])),
					   &got, 4096, &err),
				 WR_ECORRUPT);
		assert_non_null(strstr(err.message, "damaged"));
		assert_true(got.len > 100000);
		buf_release(&got);
	}
	buf_release(&big);
	buf_release(&gz);
	buf_release(&zst);
}

static void rubbish_behind_gzip_is_an_error(void **state)
{
	struct buf gz = { 0 }, got = { 0 };
	struct wr_error err = { 0 };

	(void)state;
	buf_add_str(&gz, files_gzip(&files, str_of("text")));
	buf_puts(&gz, "rubbish");
	assert_int_equal(read_file(files_write(&files, "gz", buf_str(&gz)),
				   &got, 100, &err),
			 WR_ECORRUPT);
	assert_true(str_eq(buf_str(&got), str_of("text")));
	buf_release(&gz);
	buf_release(&got);
}

static void progress_counts_the_bytes_of_the_file(void **state)
{
	struct buf big = { 0 }, got = { 0 };
	struct wr_error err = { 0 };
	uint64_t done = 1, total = 0;
	struct input *in;
	size_t packed;

	(void)state;
	make_text(&big, 500000);
	packed = files_gzip(&files, buf_str(&big)).len;
	files_write(&files, "gz", buf_str(&files.packed));
	assert_int_equal(input_open(&in, files.path, &err), 0);
	input_progress(in, &done, &total);
	assert_int_equal(done, 0);
	assert_int_equal(total, packed);
	assert_int_equal(read_all(in, &got, 1000, &err), 0);
	input_progress(in, &done, &total);
	assert_int_equal(done, packed);
	input_close(in);
	buf_release(&big);
	buf_release(&got);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct wr_error err = { 0 };
	struct input *in;

	(void)state;
	assert_int_equal(input_open(&in, files_path(&files, "none"), &err),
			 WR_ENOENT);
	assert_non_null(strstr(err.message, "none"));
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A writer that hands bytes over one at a time, and signals in between. */
struct dripper {
	pthread_t reader;
	int fd;
	struct wr_str bytes;
};

static void *drip(void *arg)
{
	struct dripper *d = arg;

	for (size_t i = 0; i < d->bytes.len; i++) {
		pthread_kill(d->reader, SIGALRM);
		if (write(d->fd, d->bytes.ptr + i, 1) != 1)
			abort();
	}
	close(d->fd);
	return NULL;
}

static void a_pipe_is_read_through_signals(void **state)
{
	struct sigaction quiet = { .sa_handler = on_alarm }, before;
	struct dripper d = { .reader = pthread_self() };
	struct wr_error err = { 0 };
	struct buf got = { 0 };
	struct input *in;
	pthread_t thread;
	int fds[2];

	(void)state;
	sigaction(SIGALRM, &quiet, &before);
	assert_int_equal(pipe(fds), 0);
	d.fd = fds[1];
	d.bytes = files_gzip(&files, str_of("drop by drop\n"));
	assert_int_equal(pthread_create(&thread, NULL, drip, &d), 0);
	assert_int_equal(input_open_fd(&in, fds[0], "a pipe", &err), 0);
	assert_int_equal(read_all(in, &got, 100, &err), 0);
	assert_true(str_eq(buf_str(&got), str_of("drop by drop\n")));
	input_close(in);
	pthread_join(thread, NULL);
	close(fds[0]);
	sigaction(SIGALRM, &before, NULL);
	buf_release(&got);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_read_as_it_is),
		TEST(gzip_is_told_by_its_bytes),
		TEST(zstd_is_told_by_its_bytes),
		TEST(members_and_frames_follow_each_other),
		TEST(a_file_that_is_cut_gives_what_it_holds_and_an_error),
		TEST(damage_is_an_error_that_says_where),
		TEST(rubbish_behind_gzip_is_an_error),
		TEST(progress_counts_the_bytes_of_the_file),
		TEST(a_file_that_is_not_there_is_named),
		TEST(a_pipe_is_read_through_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
