/* The store as a whole: statistics, settings, opening and closing, size. */
#include "conformance.h"

#include <stdlib.h>
#include <string.h>

static const float east[DIM] = { 1, 0, 0, 0 };

static void statistics_count_what_is_stored(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(stat_of(fx, "documents"), 0);
	assert_int_equal(stat_of(fx, "content_bytes"), 0);
	save(fx, .key = "a", .content = "12345", .fetched_at = AT(5),
	     .vector = east);
	save(fx, .key = "b", .content = "123", .fetched_at = AT(3),
	     .wants_vector = true);
	save(fx, .key = "c", .content = "", .fetched_at = AT(4));
	assert_int_equal(stat_of(fx, "documents"), 3);
	assert_int_equal(stat_of(fx, "documents_with_embedding"), 1);
	assert_int_equal(stat_of(fx, "documents_pending"), 1);
	assert_int_equal(stat_of(fx, "content_bytes"), 8);
	assert_int_equal(stat_of(fx, "oldest_fetched_at"), AT(3));
	assert_int_equal(stat_of(fx, "newest_fetched_at"), AT(5));
	delete_key(fx, "a");
	assert_int_equal(stat_of(fx, "documents"), 2);
	assert_int_equal(stat_of(fx, "documents_with_embedding"), 0);
	assert_int_equal(stat_of(fx, "content_bytes"), 3);
	assert_int_equal(stat_of(fx, "newest_fetched_at"), AT(4));
}

static void content_is_counted_in_bytes(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "\xc3\xa4\xf0\x9f\x98\x80");
	assert_int_equal(stat_of(fx, "content_bytes"), 6);
}

static void properties_say_what_the_store_is(void **state)
{
	struct fixture *fx = *state;

	assert_string_equal(property_of(fx, "backend"), driver.backend->scheme);
	assert_string_equal(property_of(fx, "embedder"), "test");
	assert_string_equal(property_of(fx, "model"), "small");
	assert_string_equal(property_of(fx, "dim"), "4");
	assert_string_equal(property_of(fx, "urls"), "conservative");
	assert_string_equal(property_of(fx, "fulltext"), "on");
	assert_true(strtol(property_of(fx, "schema_version"), NULL, 10) > 0);
}

static void migrating_a_store_of_today_changes_nothing(void **state)
{
	struct fixture *fx = *state;
	struct backend_op op = { .kind = BACKEND_MIGRATE };

	save(fx, .key = "a", .content = "x");
	assert_int_equal(run_op(fx, &op), 0);
	assert_int_equal(op.u.migrate.version,
			 strtol(property_of(fx, "schema_version"), NULL, 10));
	assert_int_equal(op.u.migrate.version, fx->settings.version);
	assert_true(get(fx, "a")->found);
}

static void a_sound_store_has_no_errors(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "x", .vector = east);
	save(fx, .key = "b", .content = "y", .wants_vector = true);
	for (unsigned flags = 0; flags <= WR_CHECK_DEEP; flags++) {
		struct result *result = result_make(fx);
		struct backend_op op = {
			.kind = BACKEND_CHECK,
			.u.check = { flags, result },
		};

		if (run_op(fx, &op))
			fail_msg("check: %s", fx->err.message);
		for (size_t i = 0; i < result->nfindings; i++)
			if (result->findings[i].level == WR_LOG_ERROR)
				fail_msg("%s", result->findings[i].what);
	}
}

/* ------------------------------------------------------------- settings -- */

static void a_new_store_takes_the_wishes_or_the_defaults(void **state)
{
	struct fixture *fx = *state;
	struct settings settings = { .urls = WR_URLS_AGGRESSIVE,
				     .fulltext = WR_FULLTEXT_OFF };
	char location[512];

	assert_int_equal(fx->settings.urls, WR_URLS_CONSERVATIVE);
	assert_int_equal(fx->settings.fulltext, WR_FULLTEXT_ON);
	store_close(fx);
	driver.place(location, sizeof(location));
	assert_int_equal(store_open(fx, location, WR_CREATE_NEW, &settings), 0);
	assert_int_equal(settings.urls, WR_URLS_AGGRESSIVE);
	assert_int_equal(settings.fulltext, WR_FULLTEXT_OFF);
	assert_true(settings.version > 0);
	assert_string_equal(property_of(fx, "urls"), "aggressive");
	assert_string_equal(property_of(fx, "fulltext"), "off");
	store_close(fx);
	if (driver.clear)
		driver.clear(location);
}

static void without_full_text_a_text_search_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct settings settings = { .fulltext = WR_FULLTEXT_OFF };
	struct text_query query;
	char location[512];
	struct backend_op op = {
		.kind = BACKEND_SEARCH,
		.u.search = { .mode = WR_SEARCH_TEXT,
			      .text = &query,
			      .filter = filter_make(fx, NULL),
			      .limit = 10,
			      .result = result_make(fx) },
	};

	assert_int_equal(query_parse(&query, str_of("x"), &fx->arena), 0);
	store_close(fx);
	driver.place(location, sizeof(location));
	assert_int_equal(store_open(fx, location, WR_CREATE_NEW, &settings), 0);
	assert_saved(save(fx, .key = "a", .content = "x"), WR_INSERTED);
	assert_saved(save(fx, .key = "a", .content = "y"), WR_UPDATED);
	assert_saved(delete_key(fx, "a"), WR_UPDATED);
	assert_int_equal(run_op(fx, &op), WR_ENOTSUP);
	assert_true(fx->err.message[0]);
	store_close(fx);
	if (driver.clear)
		driver.clear(location);
}

static void without_a_dimension_a_vector_fails_its_batch(void **state)
{
	struct fixture *fx = *state;
	struct settings settings = { 0 };
	struct write items[3];
	char location[512];

	store_close(fx);
	driver.place(location, sizeof(location));
	assert_int_equal(store_open(fx, location, WR_CREATE_NEW, &settings), 0);
	assert_int_equal(settings.dim, 0);
	assert_string_equal(settings.embedder, "");
	for (int i = 0; i < 3; i++)
		items[i] = write_make(
			fx, &(struct page){ .key = text_make(fx, "%d", i),
					    .content = "x",
					    .own = i == 1 ? east : NULL });
	assert_int_equal(write_all(fx, items, 3, 0), WR_EDATA);
	assert_true(fx->err.message[0]);
	assert_string_equal(scan_keys(fx, NULL, 10), "");
	assert_string_equal(search_vector(fx, east), "");
	items[1].vector = NULL;
	assert_int_equal(write_all(fx, items, 3, 0), 0);
	assert_string_equal(scan_keys(fx, NULL, 10), "0 1 2");
	store_close(fx);
	if (driver.clear)
		driver.clear(location);
}

static void a_store_that_is_not_there_is_not_made_unasked(void **state)
{
	struct fixture *fx = *state;
	struct settings settings = { 0 };
	char location[512];

	store_close(fx);
	driver.place(location, sizeof(location));
	assert_int_equal(store_open(fx, location, WR_CREATE_NEVER, &settings),
			 WR_ENOENT);
	assert_int_equal(fx->err.status, WR_ENOENT);
	assert_true(fx->err.message[0]);
	if (driver.clear)
		driver.clear(location);
}

static void settings_and_documents_survive_reopening(void **state)
{
	struct fixture *fx = *state;
	struct settings settings = { 0 };

	if (!driver.persists)
		skip();
	save(fx, .key = "a", .title = "T", .content = "sea text",
	     .metadata = "{\"m\":1}", .fetched_at = AT(1), .vector = east);
	save(fx, .key = "b", .content = "other text", .wants_vector = true);
	store_close(fx);
	assert_int_equal(
		store_open(fx, fx->location, WR_CREATE_NEVER, &settings), 0);
	assert_int_equal(settings.urls, WR_URLS_CONSERVATIVE);
	assert_int_equal(settings.fulltext, WR_FULLTEXT_ON);
	assert_string_equal(settings.embedder, "test");
	assert_string_equal(settings.model, "small");
	assert_int_equal(settings.dim, DIM);
	assert_text(get(fx, "a")->title, "T");
	assert_text(get(fx, "a")->content, "sea text");
	assert_vector(get(fx, "a"), east);
	assert_saved(save(fx, .key = "a", .content = "sea text",
			  .fetched_at = AT(1)),
		     WR_UNCHANGED);
	assert_string_equal(pending_keys(fx), "b");
	assert_string_equal(search_text(fx, "sea"), "a");
	assert_string_equal(search_vector(fx, east), "a");
}

static void a_wish_that_differs_names_both(void **state)
{
	struct fixture *fx = *state;
	struct settings settings = { .urls = WR_URLS_AGGRESSIVE };

	if (!driver.persists)
		skip();
	store_close(fx);
	assert_int_equal(
		store_open(fx, fx->location, WR_CREATE_IF_MISSING, &settings),
		WR_ESCHEMA);
	assert_non_null(strstr(fx->err.message, "aggressive"));
	assert_non_null(strstr(fx->err.message, "conservative"));
	settings = (struct settings){ .fulltext = WR_FULLTEXT_OFF };
	assert_int_equal(
		store_open(fx, fx->location, WR_CREATE_IF_MISSING, &settings),
		WR_ESCHEMA);
	settings = (struct settings){ .urls = WR_URLS_CONSERVATIVE,
				      .fulltext = WR_FULLTEXT_ON };
	assert_int_equal(
		store_open(fx, fx->location, WR_CREATE_IF_MISSING, &settings),
		0);
}

static void a_new_store_is_refused_where_there_is_one(void **state)
{
	struct fixture *fx = *state;
	struct settings settings = { 0 };

	if (!driver.persists)
		skip();
	store_close(fx);
	assert_int_equal(store_open(fx, fx->location, WR_CREATE_NEW, &settings),
			 WR_EEXIST);
}

static void the_backend_of_a_store_is_found_by_its_url(void **state)
{
	struct fixture *fx = *state;
	const struct backend_ops *found;
	struct wr_error err = { 0 };

	assert_int_equal(backend_find(&found, fx->location, &err), 0);
	assert_ptr_equal(found, driver.backend);
	assert_int_equal(
		backend_find(&found, "nosuch://user:secret@host", &err),
		WR_EINVAL);
	assert_non_null(strstr(err.message, "mem:"));
	assert_null(strstr(err.message, "secret"));
	assert_int_equal(backend_find(&found, "windrow.db", &err), WR_EINVAL);
	assert_int_equal(backend_find(&found, "", &err), WR_EINVAL);
}

/* ------------------------------------------------------------------ size -- */

static void a_batch_may_have_five_thousand_rows(void **state)
{
	enum { N = 5000 };
	struct fixture *fx = *state;
	struct write *items = arena_zalloc(&fx->arena, N, sizeof(*items));
	const float vector[DIM] = { 1, 2, 3, 4 };

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			items[i] = write_make(
				fx,
				&(struct page){
					.key = text_make(fx, "https://a/%d",
							 i * 7 % N),
					.title = "T",
					.content = text_make(fx, "page %d", i),
					.fetched_at = AT(round && i % 2),
					.vector = vector });
		assert_int_equal(write_all(fx, items, N, 0), 0);
		for (int i = 0; i < N; i++)
			assert_int_equal(items[i].outcome,
					 round ? WR_UNCHANGED : WR_INSERTED);
	}
	assert_int_equal(stat_of(fx, "documents"), N);
	assert_int_equal(stat_of(fx, "documents_with_embedding"), N);
}

int test_stores(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(statistics_count_what_is_stored),
		CONFORMANCE_TEST(content_is_counted_in_bytes),
		CONFORMANCE_TEST(properties_say_what_the_store_is),
		CONFORMANCE_TEST(migrating_a_store_of_today_changes_nothing),
		CONFORMANCE_TEST(a_sound_store_has_no_errors),
		CONFORMANCE_TEST(a_new_store_takes_the_wishes_or_the_defaults),
		CONFORMANCE_TEST(without_full_text_a_text_search_is_refused),
		CONFORMANCE_TEST(without_a_dimension_a_vector_fails_its_batch),
		CONFORMANCE_TEST(a_store_that_is_not_there_is_not_made_unasked),
		CONFORMANCE_TEST(settings_and_documents_survive_reopening),
		CONFORMANCE_TEST(a_wish_that_differs_names_both),
		CONFORMANCE_TEST(a_new_store_is_refused_where_there_is_one),
		CONFORMANCE_TEST(the_backend_of_a_store_is_found_by_its_url),
		CONFORMANCE_TEST(a_batch_may_have_five_thousand_rows),
	};

	return cmocka_run_group_tests_name("stores", tests, NULL, NULL);
}
