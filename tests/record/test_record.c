#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "record/record.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NOW ((int64_t)1800000000 * 1000000)
#define DAY ((int64_t)86400 * 1000000)

struct fixture {
	struct arena arena;
	struct wr_record in;
	struct record_rules rules;
	struct record_repairs repairs;
	struct wr_error err;
	struct record out;
};

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	arena_init(&f.arena);
	f.rules = (struct record_rules){ WR_URLS_CONSERVATIVE, 1000, 4, NOW };
	f.in.url = str_of("http://example.org/");
	f.in.content = str_of("text");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&f.arena);
	return 0;
}

static void prepare(void)
{
	int status = record_prepare(&f.out, &f.in, &f.rules, &f.arena,
				    &f.repairs, &f.err);

	if (status)
		print_error("%s\n", f.err.message);
	assert_int_equal(status, 0);
}

/* It is refused with these words. */
static void refuse(const char *words)
{
	assert_int_equal(record_prepare(&f.out, &f.in, &f.rules, &f.arena,
					&f.repairs, &f.err),
			 WR_EDATA);
	assert_int_equal(f.err.status, WR_EDATA);
	if (!strstr(f.err.message, words))
		print_error("message: %s\n", f.err.message);
	assert_non_null(strstr(f.err.message, words));
}

static void is_text(struct wr_str got, const char *want)
{
	assert_non_null(got.ptr);
	if (!str_eq(got, str_of(want)))
		print_error("\"%.*s\", not \"%s\"\n", (int)got.len, got.ptr,
			    want ? want : "");
	assert_true(str_eq(got, str_of(want)));
}

static void a_clean_record_is_not_copied(void **state)
{
	(void)state;
	f.in.title = str_of("Title");
	prepare();
	assert_ptr_equal(f.out.key.ptr, f.in.url.ptr);
	assert_ptr_equal(f.out.title.ptr, f.in.title.ptr);
	assert_ptr_equal(f.out.content.ptr, f.in.content.ptr);
	assert_null(f.out.metadata.ptr);
	assert_null(f.out.embedding);
	assert_int_equal(f.arena.total, 0);
	assert_int_equal(f.repairs.utf8 + f.repairs.nul, 0);
	assert_true(f.out.key_hash == digest_hash(f.in.url));
}

static void nul_bytes_and_broken_utf8_are_repaired_and_counted(void **state)
{
	(void)state;
	f.in.content = (struct wr_str){ "a\0b\xff", 4 };
	f.in.title = (struct wr_str){ "\0", 1 };
	prepare();
	is_text(f.out.content, "ab\xef\xbf\xbd");
	is_text(f.out.title, "");
	assert_int_equal(f.repairs.utf8, 1);
	assert_int_equal(f.repairs.nul, 2);
	/* The digest is of the cleaned content. */
	uint8_t want[DIGEST_SIZE];
	digest_of(str_of("ab\xef\xbf\xbd"), want);
	assert_memory_equal(f.out.content_hash, want, DIGEST_SIZE);
}

static void a_url_is_cleaned_too(void **state)
{
	(void)state;
	f.in.url = (struct wr_str){ "http://a/x\0y\xe9", 13 };
	prepare();
	is_text(f.out.key, "http://a/xy%E9");
	assert_int_equal(f.repairs.nul, 1);
	f.rules.urls = WR_URLS_AS_GIVEN;
	prepare();
	is_text(f.out.key, "http://a/xy\xef\xbf\xbd");
	assert_int_equal(f.repairs.nul, 2);
	assert_int_equal(f.repairs.utf8, 1);
}

static void what_is_missing_or_too_large_is_refused_with_its_reason(
	void **state)
{
	char big[3000];

	(void)state;
	memset(big, 'x', sizeof(big));
	f.in.content = (struct wr_str){ 0 };
	refuse("\"http://example.org/\" has no content; give raw_content");
	f.in.content = (struct wr_str){ big, 1000 };
	prepare();
	f.in.content = (struct wr_str){ big, 1001 };
	refuse("has 1001 bytes, the limit is 1000");
	refuse("max_content_bytes");
	f.in.content = str_of("");
	f.in.title = (struct wr_str){ big, 1001 };
	refuse("title of \"http://example.org/\" has 1001 bytes");
	f.in.title = (struct wr_str){ 0 };
	f.in.url = (struct wr_str){ big, 3000 };
	f.rules.urls = WR_URLS_AS_GIVEN;
	refuse("URL of 3000 bytes is over the limit of 2048");
	f.in.url = str_of("");
	refuse("URL is empty");
	f.in.url = (struct wr_str){ "\0", 1 };
	refuse("empty");
	f.in.key = str_of("");
	refuse("key is empty");
	f.in.key = (struct wr_str){ big, 2049 };
	refuse("key of 2049 bytes");
	memset(big, 0xff, sizeof(big));
	f.in.key = (struct wr_str){ big, 2000 };
	refuse("over the limit of 2048");
}

static void a_key_of_its_own_is_never_changed(void **state)
{
	(void)state;
	f.in.key = str_of("HTTP://Doc/#1");
	prepare();
	assert_ptr_equal(f.out.key.ptr, f.in.key.ptr);
	is_text(f.out.metadata, "{\"url\":\"http://example.org/\"}");
	f.in.metadata = str_of(" {\"z\": 1, \"a\": [1.0]} ");
	prepare();
	is_text(f.out.metadata,
		"{\"a\":[1],\"url\":\"http://example.org/\",\"z\":1}");
	f.in.url = f.in.key;
	prepare();
	is_text(f.out.metadata, "{\"a\":[1],\"z\":1}");
	f.in.metadata = (struct wr_str){ 0 };
	f.in.url = (struct wr_str){ 0 };
	prepare();
	assert_null(f.out.metadata.ptr);
}

static void metadata_must_be_a_json_object(void **state)
{
	static const char *const bad[] = { "",	    "[1]", "1",	       "null",
					   "\"x\"", "{",   "{\"a\":}", "{}x" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		f.in.metadata = str_of(bad[i]);
		refuse("metadata of \"http://example.org/\" is no JSON object");
	}
	f.in.metadata = str_of("{}");
	prepare();
	is_text(f.out.metadata, "{}");
	f.in.metadata = str_of("{\"b\":\"\\u0000x\",\"a\":true}");
	prepare();
	is_text(f.out.metadata, "{\"a\":true,\"b\":\"x\"}");
	assert_int_equal(f.repairs.nul, 1);
}

static void times_are_kept_unless_they_are_ahead(void **state)
{
	static const int64_t pairs[][2] = {
		{ NOW - DAY, NOW - DAY }, { NOW + DAY, NOW + DAY },
		{ NOW + DAY + 1, NOW },	  { INT64_MAX, NOW },
		{ -DAY, -DAY },		  { INT64_MIN, INT64_MIN },
	};

	(void)state;
	prepare();
	assert_true(f.out.fetched_at == NOW);
	assert_false(f.out.timed);
	assert_true(f.out.created_at == 0 && f.out.updated_at == 0);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		f.in.fetched_at = f.in.created_at = pairs[i][0];
		prepare();
		assert_true(f.out.timed);
		assert_true(f.out.fetched_at == pairs[i][1]);
		assert_true(f.out.created_at == pairs[i][1]);
	}
}

static void an_embedding_must_fit_and_be_sound(void **state)
{
	float v[5] = { 1, 2, 3, 4, 5 };

	(void)state;
	f.in.embedding = v;
	prepare();
	assert_ptr_equal(f.out.embedding, v);
	f.in.embedding_dim = 4;
	prepare();
	f.in.embedding_dim = 5;
	refuse("has 5 dimensions, those of the store have 4");
	f.rules.dim = 0;
	prepare();
	f.in.embedding_dim = 0;
	refuse("embedding_dim");
	f.in.embedding_dim = VECTOR_DIM_MAX + 1;
	refuse("has 16385 dimensions, the limit is 16384");
	f.rules.dim = 4;
	f.in.embedding_dim = 0;
	v[3] = NAN;
	refuse("NaN");
	v[3] = INFINITY;
	refuse("Inf");
	memset(v, 0, sizeof(v));
	refuse("all zero");
}

static void a_half_left_out_is_zero_and_equal_to_anything(void **state)
{
	static const uint8_t zero[META_SIZE];
	uint8_t stored[META_SIZE], other[META_SIZE];
	struct wr_str none = { NULL, 0 };

	(void)state;
	record_meta_hash(stored, none, none);
	assert_memory_equal(stored, zero, META_SIZE);
	record_meta_hash(stored, str_of(""), none);
	assert_memory_not_equal(stored, zero, META_HALF);
	assert_memory_equal(stored + META_HALF, zero, META_HALF);

	record_meta_hash(stored, str_of("Title"), str_of("{\"a\":1}"));
	record_meta_hash(other, str_of("Other"), str_of("{\"a\":1}"));
	prepare();
	assert_true(record_meta_same(&f.out, stored));
	f.in.title = str_of("Title");
	prepare();
	assert_true(record_meta_same(&f.out, stored));
	assert_false(record_meta_same(&f.out, other));
	f.in.metadata = str_of("{ \"a\" : 1 }");
	prepare();
	assert_true(record_meta_same(&f.out, stored));
	assert_memory_equal(f.out.meta_hash, stored, META_SIZE);
	f.in.title = (struct wr_str){ 0 };
	prepare();
	assert_true(record_meta_same(&f.out, other));
	f.in.metadata = str_of("{\"a\":2}");
	prepare();
	assert_false(record_meta_same(&f.out, stored));
}

static void white_space_and_marks_are_no_text(void **state)
{
	static const char *const blank[] = { "",
					     " \t\r\n",
					     "\xc2\xa0",
					     "\xe3\x80\x80 \xef\xbb\xbf",
					     "\xe2\x80\x8b\xe2\x80\xa8",
					     " . ",
					     "\xe2\x80\x94",
					     "!?" };
	static const char *const text[] = { "a", " .a", "\xc3\xa9", "7",
					    "\xe6\x9d\xb1" };

	(void)state;
	for (size_t i = 0; i < sizeof(blank) / sizeof(*blank); i++) {
		f.out.content = str_of(blank[i]);
		assert_false(record_has_text(&f.out));
	}
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		f.out.content = str_of(text[i]);
		assert_true(record_has_text(&f.out));
	}
}

static void the_key_of_a_url_is_the_one_it_was_stored_under(void **state)
{
	static const char *const pairs[][2] = {
		{ "HTTP://A/%7e#x", "http://a/~" },
		{ "doc-123", "doc-123" },
		{ "http://[bad", "http://[bad" },
		{ "mailto:x", "mailto:x" },
	};
	struct wr_str key;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		f.err.status = WR_EBUG;
		assert_int_equal(record_key(&key, str_of(pairs[i][0]),
					    WR_URLS_CONSERVATIVE, &f.arena,
					    &f.err),
				 0);
		is_text(key, pairs[i][1]);
		assert_int_equal(f.err.status, 0);
	}
	assert_int_equal(record_key(&key, str_of("HTTP://A"), WR_URLS_AS_GIVEN,
				    &f.arena, &f.err),
			 0);
	is_text(key, "HTTP://A");
	assert_int_equal(
		record_key(&key, str_of(""), WR_URLS_DEFAULT, &f.arena, &f.err),
		WR_EDATA);
}

static bool allow_some(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

static void every_allocation_may_fail(void **state)
{
	int n, left, status = WR_ENOMEM;

	(void)state;
	f.in.url = str_of("HTTP://a/\x01");
	f.in.key = str_of("key\xff");
	f.in.title = str_of("title\xff");
	f.in.content = str_of("content\xff");
	f.in.metadata = str_of("{\"b\":[1,2,{\"c\":\"d\"}],\"a\":\"\\u00e9\"}");
	for (n = 0; status == WR_ENOMEM; n++) {
		left = n;
		mem_set_gate(allow_some, &left);
		status = record_prepare(&f.out, &f.in, &f.rules, &f.arena,
					&f.repairs, &f.err);
		mem_set_gate(NULL, NULL);
		if (status)
			assert_int_equal(f.err.status, status);
		arena_release(&f.arena);
	}
	assert_int_equal(status, 0);
	assert_true(n > 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_clean_record_is_not_copied),
		TEST(nul_bytes_and_broken_utf8_are_repaired_and_counted),
		TEST(a_url_is_cleaned_too),
		TEST(what_is_missing_or_too_large_is_refused_with_its_reason),
		TEST(a_key_of_its_own_is_never_changed),
		TEST(metadata_must_be_a_json_object),
		TEST(times_are_kept_unless_they_are_ahead),
		TEST(an_embedding_must_fit_and_be_sound),
		TEST(a_half_left_out_is_zero_and_equal_to_anything),
		TEST(white_space_and_marks_are_no_text),
		TEST(the_key_of_a_url_is_the_one_it_was_stored_under),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
