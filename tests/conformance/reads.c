/* Looking up, asking what is known, and getting documents by key. */
#include "conformance.h"

#include <string.h>

static const float east[DIM] = { 1, 0, 0, 0 };

static void a_lookup_compares_content_and_meta(void **state)
{
	struct fixture *fx = *state;
	struct lookup item;

	save(fx, .key = "a", .title = "T", .content = "x",
	     .metadata = "{\"m\":1}", .fetched_at = AT(3));
	item = lookup(fx,
		      &(struct page){ .key = "a",
				      .title = "T",
				      .content = "x",
				      .metadata = "{\"m\":1}" },
		      NULL);
	assert_true(item.found && item.same_content && item.same_meta);
	assert_false(item.pending);
	assert_int_equal(item.fetched_at, AT(3));
	item = lookup(fx, &(struct page){ .key = "a", .content = "x" }, NULL);
	assert_true(item.same_content && item.same_meta);
	item = lookup(
		fx, &(struct page){ .key = "a", .title = "U", .content = "x" },
		NULL);
	assert_true(item.same_content);
	assert_false(item.same_meta);
	item = lookup(fx,
		      &(struct page){ .key = "a",
				      .content = "y",
				      .metadata = "{\"m\":1}" },
		      NULL);
	assert_false(item.same_content);
	assert_true(item.same_meta);
	item = lookup(fx, &(struct page){ .key = "b", .content = "x" }, NULL);
	assert_false(item.found || item.same_content || item.same_meta);
}

static void a_lookup_says_what_waits(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .wants_vector = true);
	assert_true(
		lookup(fx, &(struct page){ .key = "a", .content = "x" }, NULL)
			.pending);
	save_vector(fx, "a", "x", east);
	assert_false(
		lookup(fx, &(struct page){ .key = "a", .content = "x" }, NULL)
			.pending);
}

static void a_lookup_says_what_has_a_vector(void **state)
{
	struct fixture *fx = *state;
	const struct page page = { .key = "a", .content = "x" };

	assert_false(lookup(fx, &page, NULL).has_vector);
	save_page(fx, &page);
	assert_false(lookup(fx, &page, NULL).has_vector);
	save_vector(fx, "a", "x", east);
	assert_true(lookup(fx, &page, NULL).has_vector);
	/* One that is out of date is one. */
	save(fx, .key = "a", .content = "y", .wants_vector = true);
	assert_true(lookup(fx, &page, NULL).has_vector);
}

static void a_lookup_is_answered_for_each_record_of_a_batch(void **state)
{
	enum { N = 300 };
	struct fixture *fx = *state;
	struct lookup items[N] = { 0 };
	struct backend_op op = {
		.kind = BACKEND_LOOKUP,
		.u.lookup = { items, N },
	};

	for (int i = 0; i < N; i++) {
		const char *key = text_make(fx, "%03d", i);

		if (i % 3 == 0)
			save(fx, .key = key, .content = key);
		items[i].rec = record_make(
			fx, &(struct page){ .key = key,
					    .content = i % 2 ? "other" : key });
	}
	assert_int_equal(run_op(fx, &op), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(items[i].found, i % 3 == 0);
		assert_int_equal(items[i].same_content,
				 i % 3 == 0 && i % 2 == 0);
	}
}

/* ----------------------------------------------------------------- known -- */

enum { MOST_KEYS = 8 };

/* "101": which of the keys are stored; with details also "vector" bits. */
static const char *known(struct fixture *fx, const char *const *names, size_t n,
			 int64_t since, int64_t *fetched_at)
{
	struct wr_str keys[MOST_KEYS];
	uint8_t stored[MOST_KEYS];
	char *bits = arena_zalloc(&fx->arena, MOST_KEYS + 1, 1);
	struct backend_op op = {
		.kind = BACKEND_KNOWN,
		.u.known = { keys, n, fetched_at != NULL, since, stored,
			     fetched_at },
	};

	memset(stored, 0xee, sizeof(stored));
	for (size_t i = 0; i < n; i++)
		keys[i] = str_of(names[i]);
	if (run_op(fx, &op))
		fail_msg("known: %s", fx->err.message);
	for (size_t i = 0; i < n; i++)
		bits[i] = (char)('0' + stored[i]);
	return bits;
}

static void known_answers_in_the_order_asked(void **state)
{
	struct fixture *fx = *state;
	const char *const keys[] = { "c", "a", "x", "b", "a", "" };

	save(fx, .key = "a", .content = "x", .vector = east);
	save(fx, .key = "b", .content = "x");
	save(fx, .key = "c", .content = "x");
	/* Without details a vector is not told. */
	assert_string_equal(known(fx, keys, 6, 0, NULL), "110110");
	assert_string_equal(known(fx, keys, 0, 0, NULL), "");
}

static void known_with_details_tells_time_and_vector(void **state)
{
	struct fixture *fx = *state;
	const char *const keys[] = { "a", "b", "x" };
	int64_t fetched_at[] = { 7, 7, 7 };

	save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
	     .vector = east);
	save(fx, .key = "b", .content = "x", .fetched_at = AT(2));
	assert_string_equal(known(fx, keys, 3, 0, fetched_at), "310");
	assert_int_equal(fetched_at[0], AT(1));
	assert_int_equal(fetched_at[1], AT(2));
	assert_int_equal(fetched_at[2], 0);
}

static void known_since_counts_what_is_new_enough(void **state)
{
	struct fixture *fx = *state;
	const char *const keys[] = { "a", "b", "c" };
	int64_t fetched_at[3];

	save(fx, .key = "a", .content = "x", .fetched_at = AT(1));
	save(fx, .key = "b", .content = "x", .fetched_at = AT(2));
	save(fx, .key = "c", .content = "x", .fetched_at = AT(3));
	assert_string_equal(known(fx, keys, 3, AT(2), NULL), "011");
	assert_string_equal(known(fx, keys, 3, AT(2) + 1, NULL), "001");
	assert_string_equal(known(fx, keys, 3, AT(3), fetched_at), "001");
	assert_int_equal(fetched_at[2], AT(3));
}

static void known_takes_many_keys(void **state)
{
	enum { N = 5000 };
	struct fixture *fx = *state;
	struct wr_str *keys = arena_zalloc(&fx->arena, N, sizeof(*keys));
	uint8_t *stored = arena_zalloc(&fx->arena, N, 1);
	struct backend_op op = {
		.kind = BACKEND_KNOWN,
		.u.known = { keys, N, false, 0, stored, NULL },
	};

	for (int i = 0; i < N; i++) {
		keys[i] = str_of(text_make(fx, "https://a/%d", (i * 37) % N));
		if (i % 500 == 0)
			save(fx, .key = keys[i].ptr, .content = "x");
	}
	assert_int_equal(run_op(fx, &op), 0);
	for (int i = 0; i < N; i++)
		assert_int_equal(stored[i], i % 500 == 0);
}

/* Whole stretches are asked for, and others where hardly anything is. */
static void known_finds_stretches_and_single_keys(void **state)
{
	enum { N = 20000, BATCH = 1000 };
	struct fixture *fx = *state;
	struct wr_str *keys = arena_zalloc(&fx->arena, N, sizeof(*keys));
	uint8_t *stored = arena_zalloc(&fx->arena, N, 1);
	bool *saved = arena_zalloc(&fx->arena, N, 1);
	struct write items[BATCH];
	struct backend_op op = {
		.kind = BACKEND_KNOWN,
		.u.known = { keys, N, false, 0, stored, NULL },
	};
	size_t n = 0;

	for (int i = 0; i < N; i++) {
		keys[i] = str_of(text_make(fx, "https://a/%05d", i));
		/* All, every other one, hardly any; others between them. */
		saved[i] = i < 6000 || (i < 12000 && i % 2) || i % 1000 == 7;
		if (saved[i])
			items[n++] = write_make(
				fx, &(struct page){ .key = keys[i].ptr,
						    .content = "x" });
		for (int k = 0; i >= 15000 && i < 16000 && n < BATCH && k < 9;
		     k++)
			items[n++] = write_make(
				fx, &(struct page){
					    .key = text_make(fx, "%s/%d",
							     keys[i].ptr, k),
					    .content = "x" });
		if (n < BATCH && i < N - 1)
			continue;
		assert_int_equal(write_all(fx, items, n, 0), 0);
		n = 0;
	}
	assert_int_equal(run_op(fx, &op), 0);
	for (int i = 0; i < N; i++)
		if (stored[i] != saved[i])
			fail_msg("%s: %d", keys[i].ptr, stored[i]);
}

/* Of those from after to until, in pages of limit: "a,b|c". */
static const char *list_keys(struct fixture *fx, const char *after,
			     const char *until, uint32_t limit)
{
	struct result result;
	struct buf last = { 0 }, said = { 0 };
	const char *copy;
	struct backend_op op = { .kind = BACKEND_KEYS };

	buf_puts(&last, after);
	do {
		result_init(&result);
		op.u.keys.after = buf_str(&last);
		op.u.keys.until = str_of(until);
		op.u.keys.limit = limit;
		op.u.keys.result = &result;
		assert_int_equal(run_op(fx, &op), 0);
		assert_true(op.u.keys.n <= limit);
		for (size_t i = 0; i < op.u.keys.n; i++) {
			buf_puts(&said, !said.len ? "" : i ? "," : "|");
			buf_add_str(&said, op.u.keys.keys[i]);
			buf_clear(&last);
			buf_add_str(&last, op.u.keys.keys[i]);
		}
		result_release(&result);
	} while (op.u.keys.more);
	copy = text_make(fx, "%.*s", (int)said.len, said.len ? said.ptr : "");
	buf_release(&last);
	buf_release(&said);
	return copy;
}

static void keys_are_listed_in_pages(void **state)
{
	struct fixture *fx = *state;

	if (!(fx->ops->caps & BACKEND_LISTS_KEYS))
		return;
	assert_string_equal(list_keys(fx, "", "", 3), "");
	for (const char *key = "e\0\xc3\xa4\0c\0a\0B\0"; *key;
	     key += strlen(key) + 1)
		save(fx, .key = key, .content = "x");
	assert_string_equal(list_keys(fx, "", "", 9), "B,a,c,e,\xc3\xa4");
	assert_string_equal(list_keys(fx, "", "", 2), "B,a|c,e|\xc3\xa4");
	assert_string_equal(list_keys(fx, "a", "d", 1), "c");
	assert_string_equal(list_keys(fx, "a", "e", 5), "c,e");
	assert_string_equal(list_keys(fx, "\xc3\xa4", "", 5), "");
}

/* ------------------------------------------------------------------- get -- */

static void get_keeps_the_order_and_leaves_gaps(void **state)
{
	struct fixture *fx = *state;
	struct wr_str keys[] = { str_of("c"), str_of("x"), str_of("a"),
				 str_of("c") };
	struct result *result = result_make(fx);
	struct backend_op op = {
		.kind = BACKEND_GET,
		.u.get = { keys, 4, WR_PART_CONTENT, result },
	};

	save(fx, .key = "a", .content = "content of a");
	save(fx, .key = "c", .content = "content of c");
	assert_int_equal(run_op(fx, &op), 0);
	assert_int_equal(result->ndocs, 4);
	assert_true(result->docs[0].found);
	assert_false(result->docs[1].found);
	assert_text(result->docs[0].content, "content of c");
	assert_text(result->docs[2].content, "content of a");
	assert_text(result->docs[3].content, "content of c");
}

static void get_brings_only_the_parts_asked_for(void **state)
{
	struct fixture *fx = *state;
	struct wr_str key = str_of("a");
	struct result *result = result_make(fx);
	struct backend_op op = {
		.kind = BACKEND_GET,
		.u.get = { &key, 1, 0, result },
	};

	save(fx, .key = "a", .title = "T", .content = "x", .vector = east,
	     .metadata = "{}");
	assert_int_equal(run_op(fx, &op), 0);
	assert_true(result->docs[0].found);
	assert_text(result->docs[0].title, "T");
	assert_text(result->docs[0].metadata, "{}");
	assert_int_equal(result->docs[0].content.len, 0);
	assert_null(result->docs[0].embedding);
}

static void get_of_nothing_is_nothing(void **state)
{
	struct fixture *fx = *state;
	struct result *result = result_make(fx);
	struct backend_op op = {
		.kind = BACKEND_GET,
		.u.get = { NULL, 0, 0, result },
	};

	assert_int_equal(run_op(fx, &op), 0);
	assert_int_equal(result->ndocs, 0);
}

static void content_comes_back_byte_for_byte(void **state)
{
	struct fixture *fx = *state;
	const char *content = "line 1\r\n\tline \"2\" \\ ' -- ; \xc3\xa4"
			      "\xf0\x9f\x98\x80 \xe2\x80\xa8 %s \x01\x7f \n\n";

	save(fx, .key = "a", .title = content, .content = content);
	assert_text(get(fx, "a")->content, content);
	assert_text(get(fx, "a")->title, content);
}

static void huge_content_comes_back_whole(void **state)
{
	enum { SIZE = 5 << 20 };
	struct fixture *fx = *state;
	char *content = arena_zalloc(&fx->arena, SIZE + 1, 1);
	const struct document *doc;

	for (size_t i = 0; i < SIZE; i++)
		content[i] = i % 9 ? (char)('a' + (i * i / 9) % 26) : ' ';
	save(fx, .key = "a", .content = content);
	doc = get(fx, "a");
	assert_int_equal(doc->content.len, SIZE);
	assert_memory_equal(doc->content.ptr, content, SIZE);
	assert_int_equal(stat_of(fx, "content_bytes"), SIZE);
}

int test_reads(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(a_lookup_compares_content_and_meta),
		CONFORMANCE_TEST(a_lookup_says_what_waits),
		CONFORMANCE_TEST(a_lookup_says_what_has_a_vector),
		CONFORMANCE_TEST(
			a_lookup_is_answered_for_each_record_of_a_batch),
		CONFORMANCE_TEST(known_answers_in_the_order_asked),
		CONFORMANCE_TEST(known_with_details_tells_time_and_vector),
		CONFORMANCE_TEST(known_since_counts_what_is_new_enough),
		CONFORMANCE_TEST(known_takes_many_keys),
		CONFORMANCE_TEST(known_finds_stretches_and_single_keys),
		CONFORMANCE_TEST(keys_are_listed_in_pages),
		CONFORMANCE_TEST(get_keeps_the_order_and_leaves_gaps),
		CONFORMANCE_TEST(get_brings_only_the_parts_asked_for),
		CONFORMANCE_TEST(get_of_nothing_is_nothing),
		CONFORMANCE_TEST(content_comes_back_byte_for_byte),
		CONFORMANCE_TEST(huge_content_comes_back_whole),
	};

	return cmocka_run_group_tests_name("reads", tests, NULL, NULL);
}
