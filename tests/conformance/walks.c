/* Going through a store in key order: scan, filters, pending, prune. */
#include "conformance.h"

static const float east[DIM] = { 1, 0, 0, 0 };

/* ------------------------------------------------------------------ scan -- */

static void a_scan_is_sorted_and_pages_by_cursor(void **state)
{
	struct fixture *fx = *state;
	static const char *const keys[] = { "b",	"ab", "a",  "B", "c",
					    "\xc3\xa4", "aa", "10", "9" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		save(fx, .key = keys[i], .content = "x");
	for (uint32_t size = 1; size < 12; size++)
		assert_string_equal(scan_keys(fx, NULL, size),
				    "10 9 B a aa ab b c \xc3\xa4");
}

static void a_scan_of_an_empty_store_is_empty(void **state)
{
	struct fixture *fx = *state;

	assert_string_equal(scan_keys(fx, NULL, 10), "");
	assert_string_equal(
		scan_keys(fx, &(struct wr_filter){ .url_prefix = str_of("a") },
			  10),
		"");
}

static void a_scan_goes_on_behind_a_key_that_is_gone(void **state)
{
	struct fixture *fx = *state;
	struct result *result = result_make(fx);
	struct backend_op op = {
		.kind = BACKEND_SCAN,
		.u.scan = { filter_make(fx, NULL), str_of("bb"), 10,
			    WR_PART_CONTENT | WR_PART_EMBEDDING, result },
	};

	save(fx, .key = "a", .content = "1");
	save(fx, .key = "b", .content = "2");
	save(fx, .key = "c", .title = "T", .content = "3", .vector = east);
	assert_int_equal(run_op(fx, &op), 0);
	assert_string_equal(result_keys(fx, result), "c");
	assert_true(result->docs[0].found);
	assert_text(result->docs[0].title, "T");
	assert_text(result->docs[0].content, "3");
	assert_vector(&result->docs[0], east);
}

/* --------------------------------------------------------------- filters -- */

static void save_sites(struct fixture *fx)
{
	save(fx, .key = "http://www.example.org/a", .content = "one",
	     .fetched_at = AT(1), .metadata = "{\"lang\":\"de\",\"n\":1}");
	save(fx, .key = "https://example.org/", .content = "two",
	     .fetched_at = AT(2), .metadata = "{\"lang\":\"en\",\"n\":2}");
	save(fx, .key = "https://www.example.org/a/b", .content = "three",
	     .fetched_at = AT(3),
	     .metadata = "{\"lang\":\"de\",\"n\":1.0,\"tags\":[\"x\",{\"y\":1}]"
			 "}");
	save(fx, .key = "https://www.example.org:8080/a", .content = "four",
	     .fetched_at = AT(4), .metadata = "{\"lang\":null}");
	save(fx, .key = "https://www.example.orgs/a_b", .content = "five",
	     .fetched_at = AT(5));
	save(fx, .key = "no url", .content = "six", .fetched_at = AT(6),
	     .metadata = "{}");
}

#define filtered(fx, ...)                                                \
	scan_keys(fx,                                                    \
		  &(struct wr_filter){ .size = sizeof(struct wr_filter), \
				       __VA_ARGS__ },                    \
		  2)

static void a_filter_by_prefix_goes_by_bytes(void **state)
{
	struct fixture *fx = *state;

	save_sites(fx);
	save(fx, .key = "100%", .content = "x");
	save(fx, .key = "100a", .content = "x");
	assert_string_equal(
		filtered(fx, .url_prefix = str_of("https://www.example.org/")),
		"https://www.example.org/a/b");
	assert_string_equal(
		filtered(fx, .url_prefix = str_of("https://WWW.example.org/")),
		"");
	assert_string_equal(filtered(fx, .url_prefix = str_of("100%")), "100%");
	assert_string_equal(filtered(fx, .url_prefix = str_of("n")), "no url");
	assert_string_equal(filtered(fx, .url_prefix = str_of("no url!")), "");
	/* _ and * stand for themselves. */
	assert_string_equal(filtered(fx, .url_prefix = str_of("100_")), "");
	assert_string_equal(filtered(fx, .url_prefix = str_of("*")), "");
}

static void a_prefix_may_end_in_the_greatest_byte(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a\xf4\x8f\xbf\xbf", .content = "x");
	save(fx, .key = "a\xf4\x8f\xbf\xbf/1", .content = "x");
	save(fx, .key = "b", .content = "x");
	assert_string_equal(
		filtered(fx, .url_prefix = str_of("a\xf4\x8f\xbf\xbf")),
		"a\xf4\x8f\xbf\xbf a\xf4\x8f\xbf\xbf/1");
}

static void a_filter_by_host_ignores_scheme_and_port(void **state)
{
	struct fixture *fx = *state;

	save_sites(fx);
	assert_string_equal(filtered(fx, .host = str_of("www.example.org")),
			    "http://www.example.org/a "
			    "https://www.example.org/a/b "
			    "https://www.example.org:8080/a");
	assert_string_equal(filtered(fx, .host = str_of("WWW.Example.ORG")),
			    "http://www.example.org/a "
			    "https://www.example.org/a/b "
			    "https://www.example.org:8080/a");
	assert_string_equal(filtered(fx, .host = str_of("example.org")),
			    "https://example.org/");
	assert_string_equal(filtered(fx, .host = str_of("org")), "");
}

static void a_filter_by_time_is_half_open(void **state)
{
	struct fixture *fx = *state;

	save_sites(fx);
	assert_string_equal(filtered(fx, .since = AT(5)),
			    "https://www.example.orgs/a_b no url");
	assert_string_equal(filtered(fx, .until = AT(2)),
			    "http://www.example.org/a");
	assert_string_equal(filtered(fx, .since = AT(2), .until = AT(4)),
			    "https://example.org/ https://www.example.org/a/b");
	assert_string_equal(filtered(fx, .since = AT(7)), "");
}

static void a_filter_by_metadata_compares_values(void **state)
{
	struct fixture *fx = *state;

	save_sites(fx);
	assert_string_equal(
		filtered(fx, .metadata = str_of("{\"lang\":\"de\"}")),
		"http://www.example.org/a https://www.example.org/a/b");
	/* 1 and 1.0 are the same value, "1" is another one. */
	assert_string_equal(
		filtered(fx, .metadata = str_of("{\"n\":1}")),
		"http://www.example.org/a https://www.example.org/a/b");
	assert_string_equal(filtered(fx, .metadata = str_of("{\"n\":\"1\"}")),
			    "");
	assert_string_equal(
		filtered(fx, .metadata = str_of("{\"n\":2,\"lang\":\"en\"}")),
		"https://example.org/");
	assert_string_equal(
		filtered(fx, .metadata = str_of("{\"n\":2,\"lang\":\"de\"}")),
		"");
	/* null is a value; a member that is not there is not null. */
	assert_string_equal(filtered(fx, .metadata = str_of("{\"lang\":null}")),
			    "https://www.example.org:8080/a");
}

static void a_filter_by_metadata_compares_nested_values(void **state)
{
	struct fixture *fx = *state;

	save_sites(fx);
	assert_string_equal(
		filtered(fx,
			 .metadata = str_of("{\"tags\":[\"x\",{\"y\":1}]}")),
		"https://www.example.org/a/b");
	assert_string_equal(
		filtered(fx,
			 .metadata = str_of("{\"tags\":[{\"y\":1},\"x\"]}")),
		"");
	assert_string_equal(
		filtered(fx, .metadata = str_of("{\"tags\":\"x\"}")), "");
	save(fx, .key = "nest", .content = "x",
	     .metadata = "{\"a.b\":1,\"o\":{\"p\":{\"q\":true,\"r\":null}},"
			 "\"$\":\"'\"}");
	assert_string_equal(
		filtered(fx, .metadata = str_of("{\"o\":{\"p\":{\"r\":null,"
						"\"q\":true}}}")),
		"nest");
	assert_string_equal(
		filtered(fx, .metadata = str_of("{\"o\":{\"p\":{\"q\":1}}}")),
		"");
	assert_string_equal(filtered(fx, .metadata = str_of("{\"a.b\":1}")),
			    "nest");
	assert_string_equal(filtered(fx, .metadata = str_of("{\"$\":\"'\"}")),
			    "nest");
	assert_string_equal(
		filtered(fx, .metadata = str_of("{\"a\":{\"b\":1}}")), "");
}

static void filters_are_combined(void **state)
{
	struct fixture *fx = *state;

	save_sites(fx);
	assert_string_equal(filtered(fx, .url_prefix = str_of("https:"),
				     .host = str_of("www.example.org"),
				     .since = AT(3), .until = AT(4),
				     .metadata = str_of("{\"lang\":\"de\"}")),
			    "https://www.example.org/a/b");
	assert_string_equal(filtered(fx, .url_prefix = str_of("https:"),
				     .host = str_of("www.example.org"),
				     .since = AT(3), .until = AT(4),
				     .metadata = str_of("{\"lang\":\"en\"}")),
			    "");
}

/* --------------------------------------------------------------- pending -- */

static void pending_gives_key_content_and_digest_page_by_page(void **state)
{
	struct fixture *fx = *state;
	struct wr_str after = { 0 };
	uint64_t remaining;

	for (int i = 0; i < 7; i++)
		save(fx, .key = text_make(fx, "%d", i),
		     .content = text_make(fx, "content %d", i),
		     .wants_vector = i != 3);
	for (int i = 0; i < 7; i += 2) {
		struct result *result = result_make(fx);
		struct backend_op op = {
			.kind = BACKEND_PENDING,
			.u.pending = { after, 2, result, &remaining },
		};
		struct record *rec;

		remaining = 99;
		assert_int_equal(run_op(fx, &op), 0);
		assert_int_equal(remaining, 6);
		if (i == 6) {
			assert_int_equal(result->ndocs, 0);
			break;
		}
		assert_int_equal(result->ndocs, 2);
		rec = record_make(
			fx, &(struct page){ .key = result->docs[1].key.ptr,
					    .content = text_make(
						    fx, "content %s",
						    result->docs[1].key.ptr) });
		assert_text(result->docs[1].content, rec->content.ptr);
		assert_memory_equal(result->docs[1].content_hash,
				    rec->content_hash, DIGEST_SIZE);
		after = result->docs[1].key;
	}
	assert_string_equal(pending_keys(fx), "0 1 2 4 5 6");
}

/* ----------------------------------------------------------------- prune -- */

/* Prune to the end, limit rows at a time: how many were removed. */
static uint64_t prune(struct fixture *fx, const struct wr_filter *from,
		      uint32_t limit, bool dry_run)
{
	struct filter *filter = filter_make(fx, from);
	struct buf last = { 0 };
	struct wr_str after = { 0 };
	uint64_t removed = 0;
	bool more;
	int turns = 0;

	do {
		struct backend_op op = {
			.kind = BACKEND_PRUNE,
			.u.prune = { .filter = filter,
				     .after = after,
				     .limit = limit,
				     .dry_run = dry_run,
				     .last = &last },
		};

		if (run_op(fx, &op))
			fail_msg("prune: %s", fx->err.message);
		if (!dry_run)
			assert_in_range(op.u.prune.removed, 0, limit);
		removed += op.u.prune.removed;
		more = op.u.prune.more;
		after = str_of(text_make(fx, "%.*s", (int)last.len,
					 last.ptr ? last.ptr : ""));
		if (++turns > 1000)
			fail_msg("prune does not come to an end");
	} while (more);
	buf_release(&last);
	filter_release(filter);
	return removed;
}

static void prune_removes_what_passes_in_bounded_steps(void **state)
{
	struct fixture *fx = *state;

	for (int i = 0; i < 50; i++)
		save(fx, .key = text_make(fx, "%02d", i),
		     .content = "some text", .fetched_at = AT(i),
		     .vector = i % 2 ? east : NULL);
	assert_int_equal(
		prune(fx, &(struct wr_filter){ .until = AT(45) }, 7, false),
		45);
	assert_string_equal(scan_keys(fx, NULL, 10), "45 46 47 48 49");
	assert_int_equal(stat_of(fx, "documents"), 5);
	/* Vectors and texts are gone as well. */
	assert_string_equal(search_vector(fx, east), "45 47 49");
	assert_int_equal(
		search_run(fx, WR_SEARCH_TEXT, "text", NULL, NULL, 100, 0)
			->ndocs,
		5);
	assert_int_equal(
		prune(fx, &(struct wr_filter){ .until = AT(45) }, 7, false), 0);
	assert_int_equal(prune(fx,
			       &(struct wr_filter){ .url_prefix = str_of("4") },
			       5, false),
			 5);
	assert_string_equal(scan_keys(fx, NULL, 10), "");
}

static void a_dry_prune_counts_and_removes_nothing(void **state)
{
	struct fixture *fx = *state;

	for (int i = 0; i < 20; i++)
		save(fx, .key = text_make(fx, "%02d", i), .content = "x",
		     .fetched_at = AT(i));
	for (uint32_t limit = 1; limit < 30; limit += 6)
		assert_int_equal(prune(fx,
				       &(struct wr_filter){ .since = AT(8) },
				       limit, true),
				 12);
	assert_int_equal(stat_of(fx, "documents"), 20);
}

static void prune_goes_by_metadata_too(void **state)
{
	struct fixture *fx = *state;

	save_sites(fx);
	assert_int_equal(
		prune(fx,
		      &(struct wr_filter){
			      .metadata = str_of("{\"lang\":\"de\"}") },
		      1, false),
		2);
	assert_int_equal(stat_of(fx, "documents"), 4);
	assert_false(get(fx, "http://www.example.org/a")->found);
}

int test_walks(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(a_scan_is_sorted_and_pages_by_cursor),
		CONFORMANCE_TEST(a_scan_of_an_empty_store_is_empty),
		CONFORMANCE_TEST(a_scan_goes_on_behind_a_key_that_is_gone),
		CONFORMANCE_TEST(a_filter_by_prefix_goes_by_bytes),
		CONFORMANCE_TEST(a_prefix_may_end_in_the_greatest_byte),
		CONFORMANCE_TEST(a_filter_by_host_ignores_scheme_and_port),
		CONFORMANCE_TEST(a_filter_by_time_is_half_open),
		CONFORMANCE_TEST(a_filter_by_metadata_compares_values),
		CONFORMANCE_TEST(a_filter_by_metadata_compares_nested_values),
		CONFORMANCE_TEST(filters_are_combined),
		CONFORMANCE_TEST(
			pending_gives_key_content_and_digest_page_by_page),
		CONFORMANCE_TEST(prune_removes_what_passes_in_bounded_steps),
		CONFORMANCE_TEST(a_dry_prune_counts_and_removes_nothing),
		CONFORMANCE_TEST(prune_goes_by_metadata_too),
	};

	return cmocka_run_group_tests_name("walks", tests, NULL, NULL);
}
