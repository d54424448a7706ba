/* Searching by text and by vector: what is found, in which order. */
#include "conformance.h"

#include <math.h>
#include <string.h>

static const float east[DIM] = { 1, 0, 0, 0 };
static const float near_east[DIM] = { 0.9f, 0.1f, 0, 0 };
static const float north[DIM] = { 0, 2, 0, 0 };
static const float west[DIM] = { -3, 0, 0, 0 };

static void save_library(struct fixture *fx)
{
	save(fx, .key = "btree", .title = "B-tree indexes",
	     .content = "A tree of sorted pages. Each page points to others.",
	     .fetched_at = AT(1), .metadata = "{\"kind\":\"tree\"}");
	save(fx, .key = "hash", .title = "Hash maps",
	     .content = "Buckets of keys. A key is found by its hash value.",
	     .fetched_at = AT(2), .metadata = "{\"kind\":\"table\"}");
	save(fx, .key = "vacuum", .title = "Vacuum",
	     .content = "Dead rows are removed from a page, so that the page "
			"can be used again. Full vacuum rewrites the table.",
	     .fetched_at = AT(3), .metadata = "{\"kind\":\"chore\"}");
	save(fx, .key = "wal", .title = "Write-ahead log",
	     .content = "The log is written before the sorted pages are. A "
			"crash is repaired from the log.",
	     .fetched_at = AT(4));
}

/* -------------------------------------------------------------- by text -- */

static void a_word_finds_the_pages_that_have_it(void **state)
{
	struct fixture *fx = *state;

	save_library(fx);
	assert_string_equal(search_text(fx, "buckets"), "hash");
	assert_string_equal(search_text(fx, "BUCKETS"), "hash");
	assert_string_equal(search_text(fx, "crash"), "wal");
	assert_string_equal(search_text(fx, "nowhere"), "");
}

static void a_word_of_the_title_finds_its_page(void **state)
{
	struct fixture *fx = *state;

	save_library(fx);
	assert_string_equal(search_text(fx, "maps"), "hash");
	assert_string_equal(search_text(fx, "ahead"), "wal");
}

static void any_of_the_words_is_enough_and_more_are_better(void **state)
{
	struct fixture *fx = *state;
	struct result *result;

	save_library(fx);
	result = search_run(fx, WR_SEARCH_TEXT, "crash repaired buckets", NULL,
			    NULL, 10, 0);
	assert_string_equal(result_keys(fx, result), "wal hash");
	assert_true(result->docs[0].score > result->docs[1].score);
	assert_int_equal(result->docs[0].rank_text, 1);
	assert_int_equal(result->docs[1].rank_text, 2);
	assert_int_equal(result->docs[0].rank_vector, 0);
}

static void the_title_weighs_more_than_the_content(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .title = "about mice and men",
	     .content = "here we speak of a rare gazelle today");
	save(fx, .key = "b", .title = "about a rare gazelle",
	     .content = "here we speak of mice and men today");
	save(fx, .key = "c", .title = "nothing", .content = "to see here");
	save(fx, .key = "d", .title = "more", .content = "of that");
	save(fx, .key = "e", .title = "and", .content = "again");
	assert_string_equal(search_text(fx, "gazelle"), "b a");
	assert_string_equal(search_text(fx, "mice"), "a b");
}

static void a_rare_word_weighs_more_than_a_common_one(void **state)
{
	struct fixture *fx = *state;

	for (int i = 0; i < 10; i++)
		save(fx, .key = text_make(fx, "common%d", i),
		     .content = "common words of every day");
	save(fx, .key = "rare", .content = "uncommon words of every day");
	assert_string_equal(result_keys(fx, search_run(fx, WR_SEARCH_TEXT,
						       "common uncommon", NULL,
						       NULL, 1, 0)),
			    "rare");
}

static void equal_scores_are_ordered_by_key(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "c", .content = "equal words here");
	save(fx, .key = "a", .content = "equal words here");
	save(fx, .key = "b", .content = "equal words here");
	save(fx, .key = "z", .content = "something else altogether");
	assert_string_equal(search_text(fx, "equal"), "a b c");
	assert_string_equal(
		result_keys(fx, search_run(fx, WR_SEARCH_TEXT, "equal", NULL,
					   NULL, 2, 0)),
		"a b");
}

static void a_phrase_must_stand_together(void **state)
{
	struct fixture *fx = *state;

	save_library(fx);
	assert_string_equal(search_text(fx, "\"hash value\""), "hash");
	assert_string_equal(search_text(fx, "\"value hash\""), "");
	assert_string_equal(search_text(fx, "\"dead rows\" crash nothing"),
			    search_text(fx, "nothing \"dead rows\" crash"));
	/* A title and a content do not make a phrase. */
	assert_string_equal(search_text(fx, "\"maps buckets\""), "");
}

static void a_negated_word_or_phrase_excludes(void **state)
{
	struct fixture *fx = *state;

	save_library(fx);
	assert_string_equal(search_text(fx, "sorted"), "btree wal");
	assert_string_equal(search_text(fx, "sorted -crash"), "btree");
	assert_string_equal(search_text(fx, "-crash sorted"), "btree");
	assert_string_equal(search_text(fx, "sorted -\"sorted pages\""), "");
	assert_string_equal(search_text(fx, "sorted -\"pages sorted\""),
			    "btree wal");
	/* Also by a word of the title. */
	assert_string_equal(search_text(fx, "sorted -ahead"), "btree");
}

static void only_negated_words_find_nothing(void **state)
{
	struct fixture *fx = *state;

	save_library(fx);
	assert_string_equal(search_text(fx, "-crash"), "");
	assert_string_equal(search_text(fx, "-\"sorted pages\" -crash"), "");
	assert_string_equal(search_text(fx, ""), "");
	assert_string_equal(search_text(fx, "   \t "), "");
}

static void case_and_accents_do_not_matter(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a",
	     .content = "Caf\xc3\xa9 M\xc3\xbcnchen na\xc3\xafve");
	save(fx, .key = "b", .content = "CAFE MUNCHEN");
	save(fx, .key = "c", .content = "tea");
	assert_string_equal(search_text(fx, "cafe -naive"), "b");
	assert_string_equal(search_text(fx, "m\xc3\xbcnchen -naive"), "b");
	assert_string_equal(search_text(fx, "NA\xc3\x8fVE"), "a");
}

static void other_forms_of_a_word_are_found_where_declared(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "indexing pages");
	save(fx, .key = "b", .content = "the indexes of a page");
	save(fx, .key = "c", .content = "industry");
	assert_string_equal(search_text(fx, "indexing -indexes"),
			    driver.stems ? "" : "a");
	assert_int_equal(
		search_run(fx, WR_SEARCH_TEXT, "indexed", NULL, NULL, 10, 0)
			->ndocs,
		driver.stems ? 2 : 0);
}

static void a_snippet_shows_the_words_found(void **state)
{
	struct fixture *fx = *state;
	struct result *result;

	save(fx, .key = "a",
	     .content = "One two three four five six seven eight nine ten "
			"eleven twelve needle thirteen fourteen fifteen "
			"sixteen seventeen eighteen nineteen twenty");
	result = search_run(fx, WR_SEARCH_TEXT, "needle", NULL, NULL, 10, 0);
	assert_int_equal(result->ndocs, 1);
	if (!memmem(result->docs[0].snippet.ptr, result->docs[0].snippet.len,
		    "[needle]", 8))
		fail_msg("snippet: %.*s", (int)result->docs[0].snippet.len,
			 result->docs[0].snippet.ptr);
	assert_in_range(result->docs[0].snippet.len, 8, 120);
	assert_int_equal(result->docs[0].content.len, 0);
}

static void a_search_brings_the_parts_asked_for(void **state)
{
	struct fixture *fx = *state;
	struct result *result;

	save(fx, .key = "a", .title = "T", .content = "needle",
	     .metadata = "{\"m\":1}", .fetched_at = AT(4), .vector = east);
	result = search_run(fx, WR_SEARCH_TEXT, "needle", NULL, NULL, 10,
			    WR_PART_CONTENT | WR_PART_EMBEDDING);
	assert_int_equal(result->ndocs, 1);
	assert_true(result->docs[0].found);
	assert_text(result->docs[0].content, "needle");
	assert_text(result->docs[0].title, "T");
	assert_text(result->docs[0].metadata, "{\"m\":1}");
	assert_int_equal(result->docs[0].fetched_at, AT(4));
	assert_vector(&result->docs[0], east);
	result = search_run(fx, WR_SEARCH_VECTOR, NULL, east, NULL, 10, 0);
	assert_text(result->docs[0].title, "T");
	assert_null(result->docs[0].embedding);
	assert_int_equal(result->docs[0].content.len, 0);
}

static void a_search_finds_what_was_written_just_before(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .title = "first", .content = "old words");
	assert_string_equal(search_text(fx, "old"), "a");
	save(fx, .key = "a", .content = "new words");
	assert_string_equal(search_text(fx, "old"), "");
	assert_string_equal(search_text(fx, "new"), "a");
	assert_string_equal(search_text(fx, "first"), "a");
	save(fx, .key = "a", .title = "second", .content = "new words");
	assert_string_equal(search_text(fx, "first"), "");
	assert_string_equal(search_text(fx, "second"), "a");
	assert_string_equal(search_text(fx, "words"), "a");
	delete_key(fx, "a");
	assert_string_equal(search_text(fx, "new"), "");
}

static void a_text_search_is_filtered_before_it_is_limited(void **state)
{
	struct fixture *fx = *state;
	const struct wr_filter filter = { .since = AT(30) };

	for (int i = 0; i < 40; i++)
		save(fx, .key = text_make(fx, "%02d", i),
		     .content = i < 30 ? "needle" : "needle in much hay today",
		     .fetched_at = AT(i));
	save(fx, .key = "x", .content = "hay", .fetched_at = AT(99));
	assert_string_equal(
		result_keys(fx, search_run(fx, WR_SEARCH_TEXT, "needle", NULL,
					   &filter, 3, 0)),
		"30 31 32");
}

static void a_text_search_is_filtered_by_metadata(void **state)
{
	struct fixture *fx = *state;
	const struct wr_filter filter = { .metadata = str_of(
						  "{\"kind\":\"table\"}") };

	save_library(fx);
	assert_string_equal(
		result_keys(fx, search_run(fx, WR_SEARCH_TEXT, "a page key log",
					   NULL, &filter, 10, 0)),
		"hash");
}

/* ------------------------------------------------------------- by vector -- */

static void save_compass(struct fixture *fx)
{
	save(fx, .key = "e", .content = "east", .vector = east,
	     .fetched_at = AT(1));
	save(fx, .key = "ne", .content = "nearly", .vector = near_east,
	     .fetched_at = AT(2));
	save(fx, .key = "n", .content = "north", .vector = north,
	     .fetched_at = AT(3));
	save(fx, .key = "w", .content = "west", .vector = west,
	     .fetched_at = AT(4));
	save(fx, .key = "none", .content = "no vector", .fetched_at = AT(5));
	save(fx, .key = "wait", .content = "waits", .wants_vector = true,
	     .fetched_at = AT(6));
}

static void vectors_are_ordered_by_their_cosine(void **state)
{
	struct fixture *fx = *state;
	struct result *result;

	save_compass(fx);
	result = search_run(fx, WR_SEARCH_VECTOR, NULL, east, NULL, 10, 0);
	assert_string_equal(result_keys(fx, result), "e ne n w");
	assert_true(fabs(result->docs[0].score - 1) < 1e-5);
	assert_true(fabs(result->docs[1].score - 0.99388) < 1e-4);
	assert_true(fabs(result->docs[2].score) < 1e-5);
	assert_true(fabs(result->docs[3].score + 1) < 1e-5);
	assert_int_equal(result->docs[0].rank_vector, 1);
	assert_int_equal(result->docs[3].rank_vector, 4);
	assert_int_equal(result->docs[0].rank_text, 0);
}

static void the_length_of_a_vector_does_not_matter(void **state)
{
	struct fixture *fx = *state;
	const float far_east[DIM] = { 1000, 0, 0, 0 };

	save_compass(fx);
	assert_string_equal(search_vector(fx, far_east), "e ne n w");
}

static void a_vector_search_is_limited_and_ties_go_by_key(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "c", .content = "1", .vector = east);
	save(fx, .key = "a", .content = "2", .vector = east);
	save(fx, .key = "b", .content = "3", .vector = east);
	save(fx, .key = "d", .content = "4", .vector = north);
	assert_string_equal(result_keys(fx, search_run(fx, WR_SEARCH_VECTOR,
						       NULL, east, NULL, 2, 0)),
			    "a b");
	assert_string_equal(search_vector(fx, east), "a b c d");
}

static void a_vector_search_is_filtered_before_it_is_limited(void **state)
{
	struct fixture *fx = *state;
	const struct wr_filter late = { .since = AT(3) };

	save_compass(fx);
	assert_string_equal(
		result_keys(fx, search_run(fx, WR_SEARCH_VECTOR, NULL, east,
					   &late, 1, 0)),
		"n");
}

static void a_vector_search_has_snippets_too(void **state)
{
	struct fixture *fx = *state;
	struct result *result;

	save_compass(fx);
	result = search_run(fx, WR_SEARCH_VECTOR, NULL, east, NULL, 1, 0);
	assert_text(result->docs[0].snippet, "east");
	result = search_run(fx, WR_SEARCH_VECTOR, "east", east, NULL, 1, 0);
	assert_text(result->docs[0].snippet, "[east]");
}

static void a_search_of_an_empty_store_is_empty(void **state)
{
	struct fixture *fx = *state;

	assert_string_equal(search_text(fx, "anything"), "");
	assert_string_equal(search_vector(fx, east), "");
}

int test_searches(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(a_word_finds_the_pages_that_have_it),
		CONFORMANCE_TEST(a_word_of_the_title_finds_its_page),
		CONFORMANCE_TEST(
			any_of_the_words_is_enough_and_more_are_better),
		CONFORMANCE_TEST(the_title_weighs_more_than_the_content),
		CONFORMANCE_TEST(a_rare_word_weighs_more_than_a_common_one),
		CONFORMANCE_TEST(equal_scores_are_ordered_by_key),
		CONFORMANCE_TEST(a_phrase_must_stand_together),
		CONFORMANCE_TEST(a_negated_word_or_phrase_excludes),
		CONFORMANCE_TEST(only_negated_words_find_nothing),
		CONFORMANCE_TEST(case_and_accents_do_not_matter),
		CONFORMANCE_TEST(
			other_forms_of_a_word_are_found_where_declared),
		CONFORMANCE_TEST(a_snippet_shows_the_words_found),
		CONFORMANCE_TEST(a_search_brings_the_parts_asked_for),
		CONFORMANCE_TEST(a_search_finds_what_was_written_just_before),
		CONFORMANCE_TEST(
			a_text_search_is_filtered_before_it_is_limited),
		CONFORMANCE_TEST(a_text_search_is_filtered_by_metadata),
		CONFORMANCE_TEST(vectors_are_ordered_by_their_cosine),
		CONFORMANCE_TEST(the_length_of_a_vector_does_not_matter),
		CONFORMANCE_TEST(a_vector_search_is_limited_and_ties_go_by_key),
		CONFORMANCE_TEST(
			a_vector_search_is_filtered_before_it_is_limited),
		CONFORMANCE_TEST(a_vector_search_has_snippets_too),
		CONFORMANCE_TEST(a_search_of_an_empty_store_is_empty),
	};

	return cmocka_run_group_tests_name("searches", tests, NULL, NULL);
}
