/* What a write of texts does to what is stored: outcomes and policies. */
#include "conformance.h"

#include "backend/faulty.h"
#include "base/clock.h"
#include <string.h>

#define DAY INT64_C(86400000000)

static void a_new_page_is_inserted_with_all_its_parts(void **state)
{
	struct fixture *fx = *state;
	const struct document *doc;
	int64_t before = clock_now_us();

	assert_saved(save(fx, .key = "https://a/", .title = "Title",
			  .content = "Some content", .metadata = "{\"n\":1}",
			  .fetched_at = AT(5)),
		     WR_INSERTED);
	doc = get(fx, "https://a/");
	assert_true(doc->found);
	assert_text(doc->key, "https://a/");
	assert_text(doc->title, "Title");
	assert_text(doc->content, "Some content");
	assert_text(doc->metadata, "{\"n\":1}");
	assert_int_equal(doc->fetched_at, AT(5));
	assert_in_range(doc->created_at, before, clock_now_us());
	assert_in_range(doc->updated_at, before, clock_now_us());
	assert_false(doc->pending);
	assert_null(doc->embedding);
}

static void title_and_metadata_may_be_left_out_of_a_new_page(void **state)
{
	struct fixture *fx = *state;

	assert_saved(save(fx, .key = "a", .content = "x"), WR_INSERTED);
	assert_int_equal(get(fx, "a")->title.len, 0);
	assert_int_equal(get(fx, "a")->metadata.len, 0);
}

static void an_insert_honours_created_at_and_updated_at(void **state)
{
	struct fixture *fx = *state;
	const struct document *doc;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(9),
	     .created_at = AT(1), .updated_at = AT(2));
	doc = get(fx, "a");
	assert_int_equal(doc->created_at, AT(1));
	assert_int_equal(doc->updated_at, AT(2));
	/* The digests count all the same. */
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(9)),
		     WR_UNCHANGED);
}

static void an_update_keeps_created_at_and_sets_updated_at_to_now(void **state)
{
	struct fixture *fx = *state;
	int64_t before = clock_now_us();
	const struct document *doc;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
	     .created_at = AT(1), .updated_at = AT(1));
	assert_saved(save(fx, .key = "a", .content = "y", .fetched_at = AT(2),
			  .created_at = AT(7), .updated_at = AT(7)),
		     WR_UPDATED);
	doc = get(fx, "a");
	assert_text(doc->content, "y");
	assert_int_equal(doc->fetched_at, AT(2));
	assert_int_equal(doc->created_at, AT(1));
	assert_in_range(doc->updated_at, before, clock_now_us());
}

static void the_same_page_again_is_unchanged(void **state)
{
	struct fixture *fx = *state;
	const struct page page = { .key = "a",
				   .title = "T",
				   .content = "x",
				   .metadata = "{\"a\":[1,2]}",
				   .touch_after_us = DAY };
	int64_t updated_at;

	assert_saved(save_page(fx, &page), WR_INSERTED);
	updated_at = get(fx, "a")->updated_at;
	assert_saved(save_page(fx, &page), WR_UNCHANGED);
	assert_saved(save_page(fx, &page), WR_UNCHANGED);
	assert_int_equal(get(fx, "a")->updated_at, updated_at);
}

static void another_title_alone_is_an_update(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .title = "T", .content = "x");
	assert_saved(save(fx, .key = "a", .title = "U", .content = "x"),
		     WR_UPDATED);
	assert_text(get(fx, "a")->title, "U");
	/* The digests count after an update of the title alone. */
	assert_saved(save(fx, .key = "a", .title = "U", .content = "x"),
		     WR_UNCHANGED);
}

static void other_metadata_alone_is_an_update(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .metadata = "{\"a\":1}");
	assert_saved(
		save(fx, .key = "a", .content = "x", .metadata = "{\"a\":2}"),
		WR_UPDATED);
	assert_text(get(fx, "a")->metadata, "{\"a\":2}");
}

static void title_and_metadata_left_out_stay(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .title = "T", .content = "x",
	     .metadata = "{\"a\":1}");
	assert_saved(save(fx, .key = "a", .content = "x"), WR_UNCHANGED);
	assert_saved(save(fx, .key = "a", .content = "y"), WR_UPDATED);
	assert_text(get(fx, "a")->title, "T");
	assert_text(get(fx, "a")->metadata, "{\"a\":1}");
	/* What stayed is in the digest still. */
	assert_saved(save(fx, .key = "a", .title = "T", .content = "y",
			  .metadata = "{\"a\":1}"),
		     WR_UNCHANGED);
	assert_saved(save(fx, .key = "a", .title = "U", .content = "y"),
		     WR_UPDATED);
	assert_text(get(fx, "a")->title, "U");
	assert_text(get(fx, "a")->metadata, "{\"a\":1}");
	assert_saved(save(fx, .key = "a", .title = "U", .content = "y",
			  .metadata = "{\"a\":1}"),
		     WR_UNCHANGED);
}

static void an_empty_title_is_not_one_left_out(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .title = "T", .content = "x");
	assert_saved(save(fx, .key = "a", .title = "", .content = "x"),
		     WR_UPDATED);
	assert_int_equal(get(fx, "a")->title.len, 0);
}

static void skip_leaves_a_stored_page_alone(void **state)
{
	struct fixture *fx = *state;
	struct saved saved;

	assert_saved(save(fx, .key = "a", .content = "x", .policy = WR_SKIP),
		     WR_INSERTED);
	saved = save(fx, .key = "a", .content = "y", .policy = WR_SKIP);
	assert_saved(saved, WR_SKIPPED);
	assert_int_equal(saved.skip, WR_SKIP_STORED);
	/* Even the same page. */
	saved = save(fx, .key = "a", .content = "x", .policy = WR_SKIP);
	assert_saved(saved, WR_SKIPPED);
	assert_int_equal(saved.skip, WR_SKIP_STORED);
	assert_text(get(fx, "a")->content, "x");
}

static void fail_fails_a_stored_page_and_not_its_batch(void **state)
{
	struct fixture *fx = *state;
	struct write items[3];

	save(fx, .key = "b", .content = "old");
	for (size_t i = 0; i < 3; i++)
		items[i] = write_make(
			fx, &(struct page){
				    .key = text_make(fx, "%c", 'a' + (int)i),
				    .content = "new",
				    .policy = WR_FAIL });
	assert_int_equal(write_all(fx, items, 3, 0), 0);
	assert_int_equal(items[0].outcome, WR_INSERTED);
	assert_int_equal(items[1].outcome, WR_FAILED);
	assert_int_equal(items[2].outcome, WR_INSERTED);
	assert_text(get(fx, "b")->content, "old");
	assert_text(get(fx, "c")->content, "new");
}

static void an_older_timed_record_is_stale(void **state)
{
	struct fixture *fx = *state;
	struct saved saved;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(10));
	saved = save(fx, .key = "a", .content = "y", .fetched_at = AT(9));
	assert_saved(saved, WR_SKIPPED);
	assert_int_equal(saved.skip, WR_SKIP_STALE);
	/* Also where it says the same. */
	saved = save(fx, .key = "a", .content = "x", .fetched_at = AT(9));
	assert_saved(saved, WR_SKIPPED);
	assert_int_equal(saved.skip, WR_SKIP_STALE);
	assert_text(get(fx, "a")->content, "x");
	assert_int_equal(get(fx, "a")->fetched_at, AT(10));
}

static void an_untimed_record_is_never_stale(void **state)
{
	struct fixture *fx = *state;
	int64_t future = clock_now_us() + DAY / 2;

	save(fx, .key = "a", .content = "x", .fetched_at = future);
	assert_saved(save(fx, .key = "a", .content = "y"), WR_UPDATED);
	assert_text(get(fx, "a")->content, "y");
}

static void a_retried_record_never_replaces_a_newer_page(void **state)
{
	struct fixture *fx = *state;
	int64_t now = clock_now_us(), second = 1000000;
	struct page page = { .key = "a",
			     .content = "older",
			     .retried = true,
			     .predicted = WR_UPDATED };
	struct record *rec = record_make(fx, &page);
	struct write w = write_make(fx, &page);

	store_set_faults(fx, &(struct faults){ 0 });
	rec->fetched_at = now - 10 * second;
	w.rec = rec;
	save(fx, .key = "a", .content = "newer", .fetched_at = now - second);
	assert_int_equal(write_all(fx, &w, 1, DAY), 0);
	assert_int_equal(w.outcome, WR_SKIPPED);
	assert_int_equal(w.skip, WR_SKIP_STALE);
	assert_text(get(fx, "a")->content, "newer");
	/* That page was there before the first try: it is not newer. */
	w.seen_at = now - second;
	assert_int_equal(write_all(fx, &w, 1, DAY), 0);
	assert_int_equal(w.outcome, WR_UPDATED);
	assert_text(get(fx, "a")->content, "older");
}

static void on_a_tie_the_later_record_wins(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(10));
	assert_saved(save(fx, .key = "a", .content = "y", .fetched_at = AT(10)),
		     WR_UPDATED);
	assert_text(get(fx, "a")->content, "y");
}

static void unchanged_pages_are_touched_after_a_while(void **state)
{
	struct fixture *fx = *state;
	int64_t updated_at;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(0));
	updated_at = get(fx, "a")->updated_at;
	/* Newer by exactly touch_after: not yet. */
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(60),
			  .touch_after_us = 60000000),
		     WR_UNCHANGED);
	assert_int_equal(get(fx, "a")->fetched_at, AT(0));
	assert_saved(save(fx, .key = "a", .content = "x",
			  .fetched_at = AT(60) + 1, .touch_after_us = 60000000),
		     WR_UNCHANGED);
	assert_int_equal(get(fx, "a")->fetched_at, AT(60) + 1);
	assert_int_equal(get(fx, "a")->updated_at, updated_at);
	/* The digests count still. */
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(61)),
		     WR_UNCHANGED);
}

static void a_touch_after_of_zero_touches_every_newer_page(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(0));
	assert_saved(
		save(fx, .key = "a", .content = "x", .fetched_at = AT(0) + 1),
		WR_UNCHANGED);
	assert_int_equal(get(fx, "a")->fetched_at, AT(0) + 1);
}

static void the_hint_known_absent_may_be_wrong(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(1));
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
			  .known_absent = true),
		     WR_UNCHANGED);
	assert_saved(save(fx, .key = "a", .content = "y", .fetched_at = AT(1),
			  .known_absent = true),
		     WR_UPDATED);
	assert_saved(save(fx, .key = "b", .content = "y", .fetched_at = AT(1),
			  .known_absent = true),
		     WR_INSERTED);
	assert_text(get(fx, "a")->content, "y");
	assert_text(get(fx, "b")->content, "y");
}

static void a_retry_that_finds_its_own_row_reports_its_prediction(void **state)
{
	struct fixture *fx = *state;
	struct page page = { .key = "a",
			     .title = "T",
			     .content = "x",
			     .fetched_at = AT(3),
			     .predicted = WR_INSERTED };

	store_set_faults(fx, &(struct faults){ 0 });
	save_page(fx, &page);
	page.retried = true;
	assert_saved(save_page(fx, &page), WR_INSERTED);
	page.predicted = WR_UPDATED;
	assert_saved(save_page(fx, &page), WR_UPDATED);
	page.policy = WR_FAIL;
	page.predicted = WR_INSERTED;
	assert_saved(save_page(fx, &page), WR_INSERTED);
	page.policy = WR_SKIP;
	assert_saved(save_page(fx, &page), WR_INSERTED);
}

static void a_retry_that_finds_another_row_goes_by_the_rules(void **state)
{
	struct fixture *fx = *state;
	struct page page = { .key = "a",
			     .content = "x",
			     .fetched_at = AT(3),
			     .retried = true,
			     .predicted = WR_UPDATED };
	struct saved saved;

	store_set_faults(fx, &(struct faults){ 0 });
	assert_saved(save_page(fx, &page), WR_INSERTED);
	/* Another time: it was not the attempt before. */
	save(fx, .key = "b", .content = "x", .fetched_at = AT(2));
	page.key = "b";
	assert_saved(save_page(fx, &page), WR_UNCHANGED);
	/* That time, but another content or title. */
	save(fx, .key = "d", .content = "z", .fetched_at = AT(3));
	page.key = "d";
	page.predicted = WR_INSERTED;
	assert_saved(save_page(fx, &page), WR_UPDATED);
	assert_text(get(fx, "d")->content, "x");
	save(fx, .key = "e", .title = "z", .content = "x", .fetched_at = AT(3));
	page.key = "e";
	page.title = "T";
	assert_saved(save_page(fx, &page), WR_UPDATED);
	assert_text(get(fx, "e")->title, "T");
	page.title = NULL;
	/* Another content, and newer. */
	save(fx, .key = "c", .content = "z", .fetched_at = AT(4));
	page.key = "c";
	saved = save_page(fx, &page);
	assert_saved(saved, WR_SKIPPED);
	assert_int_equal(saved.skip, WR_SKIP_STALE);
}

static void a_delete_says_whether_there_was_one(void **state)
{
	struct fixture *fx = *state;
	struct saved saved;

	save(fx, .key = "a", .content = "x");
	save(fx, .key = "b", .content = "x");
	assert_saved(delete_key(fx, "a"), WR_UPDATED);
	saved = delete_key(fx, "a");
	assert_saved(saved, WR_SKIPPED);
	assert_int_equal(saved.skip, WR_SKIP_GONE);
	assert_false(get(fx, "a")->found);
	assert_true(get(fx, "b")->found);
	/* It can be stored again, as a new one. */
	assert_saved(save(fx, .key = "a", .content = "x"), WR_INSERTED);
}

static void a_batch_mixes_kinds_of_writes(void **state)
{
	struct fixture *fx = *state;
	const float vector[DIM] = { 1, 0, 0, 0 };
	struct write items[4];

	save(fx, .key = "gone", .content = "x");
	save(fx, .key = "old", .content = "x");
	save(fx, .key = "wait", .content = "w", .wants_vector = true);
	items[0] =
		write_make(fx, &(struct page){ .key = "new", .content = "n" });
	items[1] =
		write_make(fx, &(struct page){ .key = "old", .content = "y" });
	items[2] = write_make(fx, &(struct page){ .key = "gone" });
	items[2].kind = WRITE_DELETE;
	items[3] = write_make(fx, &(struct page){ .key = "wait",
						  .content = "w",
						  .vector = vector });
	items[3].kind = WRITE_VECTOR;
	assert_int_equal(write_all(fx, items, 4, 0), 0);
	assert_string_equal(scan_keys(fx, NULL, 10), "new old wait");
	assert_text(get(fx, "old")->content, "y");
	assert_vector(get(fx, "wait"), vector);
	assert_int_equal(items[0].outcome, WR_UPDATED);	 /* gone */
	assert_int_equal(items[1].outcome, WR_INSERTED); /* new */
	assert_int_equal(items[2].outcome, WR_UPDATED);	 /* old */
	assert_int_equal(items[3].outcome, WR_UPDATED);	 /* wait */
}

static void an_empty_batch_is_written(void **state)
{
	struct fixture *fx = *state;
	struct write none;

	assert_int_equal(write_all(fx, &none, 0, 0), 0);
}

static void keys_are_bytes(void **state)
{
	struct fixture *fx = *state;
	static const char *const odd[] = {
		"a b",
		"a%20b",
		"A",
		"a",
		"a'b\"c",
		"a\\b%_*?",
		"\xc3\xa4",
		"a\xcc\x88",
		"\xf0\x9f\x98\x80",
		"https://a/?q=1&r=2",
		"\x01\x7f",
		"NULL",
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_saved(save(fx, .key = odd[i], .content = odd[i]),
			     WR_INSERTED);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		assert_true(get(fx, odd[i])->found);
		assert_text(get(fx, odd[i])->content, odd[i]);
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_saved(delete_key(fx, odd[i]), WR_UPDATED);
	assert_string_equal(scan_keys(fx, NULL, 10), "");
}

static void a_key_may_be_2048_bytes_long(void **state)
{
	struct fixture *fx = *state;
	char key[2049];

	memset(key, 'k', 2048);
	key[2048] = '\0';
	assert_saved(save(fx, .key = key, .content = "x"), WR_INSERTED);
	assert_saved(save(fx, .key = key, .content = "x"), WR_UNCHANGED);
	assert_true(get(fx, key)->found);
	key[2047] = 'l';
	assert_false(get(fx, key)->found);
}

int test_writes(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(a_new_page_is_inserted_with_all_its_parts),
		CONFORMANCE_TEST(
			title_and_metadata_may_be_left_out_of_a_new_page),
		CONFORMANCE_TEST(an_insert_honours_created_at_and_updated_at),
		CONFORMANCE_TEST(
			an_update_keeps_created_at_and_sets_updated_at_to_now),
		CONFORMANCE_TEST(the_same_page_again_is_unchanged),
		CONFORMANCE_TEST(another_title_alone_is_an_update),
		CONFORMANCE_TEST(other_metadata_alone_is_an_update),
		CONFORMANCE_TEST(title_and_metadata_left_out_stay),
		CONFORMANCE_TEST(an_empty_title_is_not_one_left_out),
		CONFORMANCE_TEST(skip_leaves_a_stored_page_alone),
		CONFORMANCE_TEST(fail_fails_a_stored_page_and_not_its_batch),
		CONFORMANCE_TEST(an_older_timed_record_is_stale),
		CONFORMANCE_TEST(an_untimed_record_is_never_stale),
		CONFORMANCE_TEST(a_retried_record_never_replaces_a_newer_page),
		CONFORMANCE_TEST(on_a_tie_the_later_record_wins),
		CONFORMANCE_TEST(unchanged_pages_are_touched_after_a_while),
		CONFORMANCE_TEST(
			a_touch_after_of_zero_touches_every_newer_page),
		CONFORMANCE_TEST(the_hint_known_absent_may_be_wrong),
		CONFORMANCE_TEST(
			a_retry_that_finds_its_own_row_reports_its_prediction),
		CONFORMANCE_TEST(
			a_retry_that_finds_another_row_goes_by_the_rules),
		CONFORMANCE_TEST(a_delete_says_whether_there_was_one),
		CONFORMANCE_TEST(a_batch_mixes_kinds_of_writes),
		CONFORMANCE_TEST(an_empty_batch_is_written),
		CONFORMANCE_TEST(keys_are_bytes),
		CONFORMANCE_TEST(a_key_may_be_2048_bytes_long),
	};

	return cmocka_run_group_tests_name("writes", tests, NULL, NULL);
}
