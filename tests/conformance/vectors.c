/* What becomes of embeddings: kept, replaced, waited for, used again. */
#include "conformance.h"

#include <string.h>

static const float east[DIM] = { 1, 0, 0, 0 };
static const float north[DIM] = { 0, 1, 0, 0 };
static const float up[DIM] = { 0, 0, 1, 0.5f };

static void a_vector_is_stored_with_its_page(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .vector = up,
	     .wants_vector = true);
	assert_vector(get(fx, "a"), up);
	assert_false(get(fx, "a")->pending);
	assert_string_equal(pending_keys(fx), "");
}

static void a_page_that_wants_a_vector_and_has_none_waits(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .wants_vector = true);
	save(fx, .key = "b", .content = "x");
	assert_true(get(fx, "a")->pending);
	assert_vector(get(fx, "a"), NULL);
	assert_false(get(fx, "b")->pending);
	assert_string_equal(pending_keys(fx), "a");
}

static void a_page_without_text_never_waits(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "", .wants_vector = true);
	save(fx, .key = "b", .content = "x", .vector = east,
	     .wants_vector = true);
	assert_false(get(fx, "a")->pending);
	assert_vector(get(fx, "a"), NULL);
	/* Nor does it keep the vector of a text before. */
	assert_saved(save(fx, .key = "b", .content = "", .wants_vector = true),
		     WR_UPDATED);
	assert_false(get(fx, "b")->pending);
	assert_vector(get(fx, "b"), NULL);
	assert_string_equal(pending_keys(fx), "");
	assert_string_equal(search_vector(fx, east), "");
}

static void a_changed_content_brings_its_vector(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .vector = east);
	assert_saved(save(fx, .key = "a", .content = "y", .vector = north,
			  .wants_vector = true),
		     WR_UPDATED);
	assert_vector(get(fx, "a"), north);
	assert_false(get(fx, "a")->pending);
}

static void a_failed_embedding_leaves_the_vector_and_waits(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .vector = east);
	assert_saved(save(fx, .key = "a", .content = "y", .wants_vector = true),
		     WR_UPDATED);
	assert_vector(get(fx, "a"), east);
	assert_true(get(fx, "a")->pending);
	assert_string_equal(pending_keys(fx), "a");
	/* It is found by what it was, until it is embedded again. */
	assert_string_equal(search_vector(fx, east), "a");
}

static void an_unchanged_page_that_waits_takes_a_vector(void **state)
{
	struct fixture *fx = *state;
	int64_t updated_at;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
	     .wants_vector = true);
	updated_at = get(fx, "a")->updated_at;
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
			  .vector = east, .wants_vector = true),
		     WR_UNCHANGED);
	assert_vector(get(fx, "a"), east);
	assert_false(get(fx, "a")->pending);
	assert_int_equal(get(fx, "a")->updated_at, updated_at);
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(1)),
		     WR_UNCHANGED);
}

static void a_vector_of_the_content_before_is_replaced_when_one_comes(
	void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .vector = east);
	save(fx, .key = "a", .content = "y", .wants_vector = true);
	assert_saved(save(fx, .key = "a", .content = "y", .vector = north,
			  .wants_vector = true),
		     WR_UNCHANGED);
	assert_vector(get(fx, "a"), north);
	assert_false(get(fx, "a")->pending);
}

static void an_unchanged_page_without_a_vector_takes_one(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(1));
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
			  .own = east),
		     WR_UNCHANGED);
	assert_vector(get(fx, "a"), east);
}

static void an_unchanged_page_keeps_the_vector_it_has(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
	     .vector = east);
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
			  .vector = north),
		     WR_UNCHANGED);
	assert_vector(get(fx, "a"), east);
	assert_saved(save(fx, .key = "a", .content = "x", .fetched_at = AT(1),
			  .wants_vector = true),
		     WR_UNCHANGED);
	assert_vector(get(fx, "a"), east);
	assert_false(get(fx, "a")->pending);
}

static void another_title_leaves_the_vector_alone(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .title = "T", .content = "x", .vector = east);
	assert_saved(save(fx, .key = "a", .title = "U", .content = "x",
			  .wants_vector = true),
		     WR_UPDATED);
	assert_vector(get(fx, "a"), east);
	assert_false(get(fx, "a")->pending);
	/* One that waits goes on waiting. */
	save(fx, .key = "b", .title = "T", .content = "x",
	     .wants_vector = true);
	assert_saved(save(fx, .key = "b", .title = "U", .content = "x",
			  .wants_vector = true),
		     WR_UPDATED);
	assert_true(get(fx, "b")->pending);
}

static void a_vector_of_the_records_own_replaces_with_another_title(
	void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .title = "T", .content = "x", .vector = east);
	assert_saved(save(fx, .key = "a", .title = "U", .content = "x",
			  .own = north),
		     WR_UPDATED);
	assert_vector(get(fx, "a"), north);
}

static void a_vector_written_later_ends_the_wait(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .title = "T", .content = "x", .fetched_at = AT(4),
	     .wants_vector = true);
	assert_saved(save_vector(fx, "a", "x", up), WR_UPDATED);
	assert_vector(get(fx, "a"), up);
	assert_false(get(fx, "a")->pending);
	assert_text(get(fx, "a")->title, "T");
	assert_int_equal(get(fx, "a")->fetched_at, AT(4));
	assert_saved(save(fx, .key = "a", .title = "T", .content = "x",
			  .fetched_at = AT(4)),
		     WR_UNCHANGED);
	/* Once more replaces it. */
	assert_saved(save_vector(fx, "a", "x", east), WR_UPDATED);
	assert_vector(get(fx, "a"), east);
}

static void a_vector_of_another_content_or_page_is_gone(void **state)
{
	struct fixture *fx = *state;
	struct saved saved;

	save(fx, .key = "a", .content = "new", .wants_vector = true);
	saved = save_vector(fx, "a", "old", east);
	assert_saved(saved, WR_SKIPPED);
	assert_int_equal(saved.skip, WR_SKIP_GONE);
	assert_true(get(fx, "a")->pending);
	assert_vector(get(fx, "a"), NULL);
	saved = save_vector(fx, "nowhere", "new", east);
	assert_saved(saved, WR_SKIPPED);
	assert_int_equal(saved.skip, WR_SKIP_GONE);
	assert_false(get(fx, "nowhere")->found);
}

static void a_skipped_or_stale_page_brings_no_vector(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .fetched_at = AT(5),
	     .wants_vector = true);
	save(fx, .key = "a", .content = "x", .fetched_at = AT(4), .own = east);
	assert_vector(get(fx, "a"), NULL);
	save(fx, .key = "a", .content = "x", .fetched_at = AT(6), .own = east,
	     .policy = WR_SKIP);
	assert_vector(get(fx, "a"), NULL);
	assert_true(get(fx, "a")->pending);
}

static void deleting_a_page_deletes_its_vector(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .vector = east);
	delete_key(fx, "a");
	assert_string_equal(search_vector(fx, east), "");
	save(fx, .key = "a", .content = "x", .wants_vector = true);
	assert_vector(get(fx, "a"), NULL);
	assert_true(get(fx, "a")->pending);
}

/* ------------------------------------------------------------ used again -- */

static void equal_content_under_another_key_lends_its_vector(void **state)
{
	struct fixture *fx = *state;
	float vector[DIM] = { 0 };
	struct lookup item;

	save(fx, .key = "a", .content = "x", .vector = up);
	item = lookup(fx, &(struct page){ .key = "b", .content = "x" }, vector);
	assert_false(item.found);
	assert_true(item.reused);
	assert_memory_equal(vector, up, sizeof(vector));
	/* A page that has another content so far gets it too. */
	save(fx, .key = "c", .content = "y", .vector = east);
	memset(vector, 0, sizeof(vector));
	item = lookup(fx, &(struct page){ .key = "c", .content = "x" }, vector);
	assert_true(item.found);
	assert_false(item.same_content);
	assert_true(item.reused);
	assert_memory_equal(vector, up, sizeof(vector));
}

static void a_page_does_not_borrow_from_itself(void **state)
{
	struct fixture *fx = *state;
	float vector[DIM] = { 7, 7, 7, 7 };
	struct lookup item;

	save(fx, .key = "a", .content = "x", .vector = up);
	item = lookup(fx, &(struct page){ .key = "a", .content = "x" }, vector);
	assert_true(item.same_content);
	assert_false(item.reused);
	assert_true(vector[0] == 7);
}

static void a_vector_of_an_earlier_content_is_not_lent(void **state)
{
	struct fixture *fx = *state;
	float vector[DIM];

	save(fx, .key = "a", .content = "old", .vector = up);
	save(fx, .key = "a", .content = "new", .wants_vector = true);
	assert_false(lookup(fx, &(struct page){ .key = "b", .content = "new" },
			    vector)
			     .reused);
	assert_false(lookup(fx, &(struct page){ .key = "b", .content = "old" },
			    vector)
			     .reused);
	save_vector(fx, "a", "new", north);
	assert_true(lookup(fx, &(struct page){ .key = "b", .content = "new" },
			   vector)
			    .reused);
	assert_memory_equal(vector, north, sizeof(vector));
}

static void nothing_is_lent_where_it_is_not_wanted_or_there_is_none(
	void **state)
{
	struct fixture *fx = *state;
	float vector[DIM];

	save(fx, .key = "a", .content = "x", .vector = up);
	save(fx, .key = "b", .content = "y");
	assert_false(
		lookup(fx, &(struct page){ .key = "c", .content = "x" }, NULL)
			.reused);
	assert_false(
		lookup(fx, &(struct page){ .key = "c", .content = "y" }, vector)
			.reused);
	assert_false(
		lookup(fx, &(struct page){ .key = "c", .content = "z" }, vector)
			.reused);
	delete_key(fx, "a");
	assert_false(
		lookup(fx, &(struct page){ .key = "c", .content = "x" }, vector)
			.reused);
}

static void many_pages_of_one_content_lend_one_by_one(void **state)
{
	struct fixture *fx = *state;
	float vector[DIM];

	save(fx, .key = "a", .content = "x", .vector = up);
	save(fx, .key = "b", .content = "x", .vector = up);
	save(fx, .key = "c", .content = "x", .wants_vector = true);
	delete_key(fx, "a");
	assert_true(
		lookup(fx, &(struct page){ .key = "d", .content = "x" }, vector)
			.reused);
	/* The one that waits may have it as well. */
	assert_true(
		lookup(fx, &(struct page){ .key = "c", .content = "x" }, vector)
			.reused);
	delete_key(fx, "b");
	assert_false(
		lookup(fx, &(struct page){ .key = "d", .content = "x" }, vector)
			.reused);
}

int test_vectors(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(a_vector_is_stored_with_its_page),
		CONFORMANCE_TEST(a_page_that_wants_a_vector_and_has_none_waits),
		CONFORMANCE_TEST(a_page_without_text_never_waits),
		CONFORMANCE_TEST(a_changed_content_brings_its_vector),
		CONFORMANCE_TEST(
			a_failed_embedding_leaves_the_vector_and_waits),
		CONFORMANCE_TEST(an_unchanged_page_that_waits_takes_a_vector),
		CONFORMANCE_TEST(
			a_vector_of_the_content_before_is_replaced_when_one_comes),
		CONFORMANCE_TEST(an_unchanged_page_without_a_vector_takes_one),
		CONFORMANCE_TEST(an_unchanged_page_keeps_the_vector_it_has),
		CONFORMANCE_TEST(another_title_leaves_the_vector_alone),
		CONFORMANCE_TEST(
			a_vector_of_the_records_own_replaces_with_another_title),
		CONFORMANCE_TEST(a_vector_written_later_ends_the_wait),
		CONFORMANCE_TEST(a_vector_of_another_content_or_page_is_gone),
		CONFORMANCE_TEST(a_skipped_or_stale_page_brings_no_vector),
		CONFORMANCE_TEST(deleting_a_page_deletes_its_vector),
		CONFORMANCE_TEST(
			equal_content_under_another_key_lends_its_vector),
		CONFORMANCE_TEST(a_page_does_not_borrow_from_itself),
		CONFORMANCE_TEST(a_vector_of_an_earlier_content_is_not_lent),
		CONFORMANCE_TEST(
			nothing_is_lent_where_it_is_not_wanted_or_there_is_none),
		CONFORMANCE_TEST(many_pages_of_one_content_lend_one_by_one),
	};

	return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
