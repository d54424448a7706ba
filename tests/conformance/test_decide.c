/*
 * Decisions that the conformance suite cannot bring about through a backend:
 * rows that somebody else has changed, and the edges of numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/decide.h"
#include "backend/settings.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include <string.h>

static const float vector[] = { 1 };

static struct record record_of(const char *title, const char *content,
			       const char *metadata)
{
	struct record rec = {
		.key = str_of("k"),
		.title = str_of(title),
		.content = str_of(content),
		.metadata = str_of(metadata),
		.fetched_at = 100,
		.timed = true,
	};

	digest_of(rec.content, rec.content_hash);
	record_meta_hash(rec.meta_hash, rec.title, rec.metadata);
	return rec;
}

static struct stored_row row_of(const struct record *rec)
{
	return (struct stored_row){
		.found = true,
		.digests_count = true,
		.fetched_at = rec->fetched_at,
		.content_hash = rec->content_hash,
		.meta_hash = rec->meta_hash,
	};
}

static struct decision decide(const struct write *w,
			      const struct stored_row *row)
{
	struct decision d;

	decide_write(&d, w, row, 50, 1000);
	return d;
}

static void a_row_whose_digests_do_not_count_is_rewritten(void **state)
{
	struct record rec = record_of("t", "c", "{}");
	struct stored_row row = row_of(&rec);
	struct write w = { .rec = &rec };
	struct lookup item = { .rec = &rec };
	struct decision d;

	(void)state;
	row.digests_count = false;
	row.content_hash = row.meta_hash = NULL;
	d = decide(&w, &row);
	assert_int_equal(d.outcome, WR_UPDATED);
	assert_int_equal(d.row, ROW_UPDATE);
	assert_true(d.content_changes);
	assert_false(d.rehash);
	assert_int_equal(d.updated_at, 1000);
	assert_memory_equal(d.meta_hash, rec.meta_hash, META_SIZE);
	decide_lookup(&item, &row);
	assert_true(item.found);
	assert_false(item.same_content || item.same_meta);
	/* Nor does a retry take it for its own. */
	w.retried = true;
	w.predicted = WR_INSERTED;
	assert_int_equal(decide(&w, &row).outcome, WR_UPDATED);
}

static void a_half_that_is_unknown_is_hashed_again(void **state)
{
	struct record whole = record_of("t", "c", "{}");
	struct record rec = record_of(NULL, "c", "{}");
	struct stored_row row = row_of(&whole);
	struct write w = { .rec = &rec };
	struct decision d;

	(void)state;
	row.digests_count = false;
	d = decide(&w, &row);
	assert_int_equal(d.outcome, WR_UPDATED);
	assert_true(d.rehash);
}

static void halves_left_out_keep_their_digests(void **state)
{
	struct record whole = record_of("t", "c", "{\"a\":1}");
	struct record rec = record_of(NULL, "d", NULL);
	struct stored_row row = row_of(&whole);
	struct write w = { .rec = &rec };
	struct decision d = decide(&w, &row);

	(void)state;
	assert_int_equal(d.outcome, WR_UPDATED);
	assert_false(d.rehash);
	assert_memory_equal(d.meta_hash, whole.meta_hash, META_SIZE);
	rec = record_of("u", "d", NULL);
	d = decide(&w, &row);
	assert_memory_equal(d.meta_hash, rec.meta_hash, META_HALF);
	assert_memory_equal(d.meta_hash + META_HALF,
			    whole.meta_hash + META_HALF, META_HALF);
}

static void a_vector_is_not_written_onto_a_row_changed_by_others(void **state)
{
	struct record rec = record_of("t", "c", "{}");
	struct stored_row row = row_of(&rec);
	struct write w = { .kind = WRITE_VECTOR,
			   .rec = &rec,
			   .vector = vector };

	(void)state;
	row.pending = true;
	assert_int_equal(decide(&w, &row).outcome, WR_UPDATED);
	row.digests_count = false;
	assert_int_equal(decide(&w, &row).skip, WR_SKIP_GONE);
}

static void times_at_the_edge_do_not_overflow(void **state)
{
	struct record rec = record_of("t", "c", "{}");
	struct stored_row row = row_of(&rec);
	struct write w = { .rec = &rec };
	struct decision d;

	(void)state;
	rec.fetched_at = INT64_MAX;
	row.fetched_at = INT64_MAX - 10;
	assert_int_equal(decide(&w, &row).row, ROW_KEEP);
	row.fetched_at = INT64_MIN;
	assert_int_equal(decide(&w, &row).row, ROW_TOUCH);
	row.fetched_at = INT64_MAX;
	rec.fetched_at = INT64_MIN;
	d = decide(&w, &row);
	assert_int_equal(d.skip, WR_SKIP_STALE);
}

static void content_that_loses_its_vector_waits_even_unasked(void **state)
{
	struct record old = record_of("t", "c", "{}");
	struct record rec = record_of("t", "d", "{}");
	struct stored_row row = row_of(&old);
	struct write w = { .rec = &rec };
	struct decision d;

	(void)state;
	d = decide(&w, &row);
	assert_false(d.pending);
	row.has_vector = true;
	d = decide(&w, &row);
	assert_int_equal(d.vector, VECTOR_KEEP);
	assert_true(d.pending && d.pending_changes);
}

static void a_delete_that_was_predicted_is_done_when_retried(void **state)
{
	struct record rec = record_of("t", "c", "{}");
	struct stored_row row = { 0 };
	struct write w = { .kind = WRITE_DELETE,
			   .rec = &rec,
			   .retried = true,
			   .predicted = WR_UPDATED };

	(void)state;
	assert_int_equal(decide(&w, &row).outcome, WR_UPDATED);
	assert_int_equal(decide(&w, &row).row, ROW_KEEP);
	w.predicted = WR_INSERTED;
	assert_int_equal(decide(&w, &row).skip, WR_SKIP_GONE);
}

/* ------------------------------------------------------------- settings -- */

static void wishes_are_held_against_what_is_recorded(void **state)
{
	const struct settings recorded = { .urls = WR_URLS_AS_GIVEN,
					   .fulltext = WR_FULLTEXT_OFF,
					   .embedder = "hash",
					   .model = "m",
					   .dim = 384,
					   .version = 3 };
	struct settings wishes = { .embedder = "host", .dim = 7 };
	struct wr_error err = { 0 };

	(void)state;
	assert_int_equal(settings_agree(&wishes, &recorded, "test", &err), 0);
	assert_int_equal(wishes.urls, WR_URLS_AS_GIVEN);
	assert_int_equal(wishes.fulltext, WR_FULLTEXT_OFF);
	assert_string_equal(wishes.embedder, "hash");
	assert_int_equal(wishes.dim, 384);
	assert_int_equal(wishes.version, 3);
	wishes = (struct settings){ .fulltext = WR_FULLTEXT_ON };
	assert_int_equal(settings_agree(&wishes, &recorded, "test", &err),
			 WR_ESCHEMA);
	assert_string_equal(err.where, "test");
	assert_non_null(strstr(err.message, "full text off, not on"));
	wishes = (struct settings){ .urls = WR_URLS_AGGRESSIVE };
	assert_int_equal(settings_agree(&wishes, &recorded, "test", &err),
			 WR_ESCHEMA);
	assert_non_null(strstr(err.message, "as-given"));
	assert_non_null(strstr(err.message, "aggressive"));
}

/* -------------------------------------------------------------- results -- */

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void a_result_grows_and_survives_a_lack_of_memory(void **state)
{
	struct result r;

	(void)state;
	result_init(&r);
	for (int i = 0; i < 1000; i++) {
		struct document *doc = result_add(&r);

		assert_non_null(doc);
		assert_false(doc->found);
		doc->fetched_at = i;
		assert_int_equal(result_add_stat(&r, "n", (uint64_t)i), 0);
		assert_int_equal(result_add_property(&r, "p", "value"), 0);
		assert_int_equal(result_add_finding(&r, WR_LOG_WARN, "advice",
						    "finding %d", i),
				 0);
	}
	mem_set_gate(never, NULL);
	while (result_add(&r))
		;
	assert_int_equal(result_add_finding(&r, WR_LOG_WARN, "a", "b"),
			 WR_ENOMEM);
	mem_set_gate(NULL, NULL);
	assert_int_equal(r.docs[999].fetched_at, 999);
	assert_int_equal(r.stats[999].value, 999);
	assert_string_equal(r.properties[999].value, "value");
	assert_int_equal(r.nfindings, 1000);
	assert_string_equal(r.findings[999].what, "finding 999");
	assert_string_equal(r.findings[999].advice, "advice");
	result_release(&r);
	assert_int_equal(r.ndocs, 0);
	result_release(&r);
	result_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_whose_digests_do_not_count_is_rewritten),
		cmocka_unit_test(a_half_that_is_unknown_is_hashed_again),
		cmocka_unit_test(halves_left_out_keep_their_digests),
		cmocka_unit_test(
			a_vector_is_not_written_onto_a_row_changed_by_others),
		cmocka_unit_test(times_at_the_edge_do_not_overflow),
		cmocka_unit_test(
			content_that_loses_its_vector_waits_even_unasked),
		cmocka_unit_test(
			a_delete_that_was_predicted_is_done_when_retried),
		cmocka_unit_test(wishes_are_held_against_what_is_recorded),
		cmocka_unit_test(a_result_grows_and_survives_a_lack_of_memory),
	};

	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
