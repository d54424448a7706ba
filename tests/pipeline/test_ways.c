/* Small stories of the pipeline, one at a time. */
#include "rig.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define A "https://a.example/a"
#define B "https://b.example/b"

static int begin(void **state)
{
	struct rig *rig = test_malloc(sizeof(*rig));

	rig_init(rig, 7);
	*state = rig;
	return 0;
}

static int end(void **state)
{
	test_free(*state);
	return 0;
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, begin, end)

/* --------------------------------------------------------- order per key -- */

static void a_follower_settles_when_its_leader_fails(void **state)
{
	struct rig *rig = *state;
	struct sub *leader, *follower;

	rig_begin(rig);
	rig->hold_writes = true;
	leader = rig_save(rig, A, "first");
	rig_pass(rig, 100000);
	follower = rig_save(rig, A, "second");
	rig_pass(rig, 100000);
	assert_int_equal(leader->settled + follower->settled, 0);
	pipeline_cancel(rig->p, rig, leader->t->call.tag);
	rig_wait(rig, leader);
	assert_int_equal(rig_error(leader, 0), WR_ECANCELED);
	rig_release(rig);
	rig_wait(rig, follower);
	rig_check(follower, 0, WR_INSERTED, WR_SKIP_NONE);
	assert_true(str_eq(rig_get(rig, A)->content, str_of("second")));
	rig_end(rig);
}

static void submissions_of_one_key_take_effect_in_their_order(void **state)
{
	struct rig *rig = *state;
	struct sub *subs[5];

	rig_begin(rig);
	subs[0] = rig_save(rig, A, "one");
	subs[1] = rig_save(rig, A, "two");
	subs[2] = rig_delete(rig, A);
	subs[3] = rig_save(rig, A, "three");
	subs[4] = rig_save(rig, A, "three");
	rig_wait_all(rig);
	rig_check(subs[0], 0, WR_INSERTED, WR_SKIP_NONE);
	rig_check(subs[1], 0, WR_UPDATED, WR_SKIP_NONE);
	rig_check(subs[2], 0, WR_UPDATED, WR_SKIP_NONE);
	rig_check(subs[3], 0, WR_INSERTED, WR_SKIP_NONE);
	rig_check(subs[4], 0, WR_UNCHANGED, WR_SKIP_NONE);
	/* The last one settles together with the one that it repeats. */
	for (unsigned i = 1; i < 4; i++)
		assert_true(subs[i]->turn > subs[i - 1]->turn);
	rig_end(rig);
}

static void within_a_submission_the_last_of_a_key_wins(void **state)
{
	struct rig *rig = *state;
	struct wr_record recs[] = { rig_page(A, "one"), rig_page(B, "bee"),
				    rig_page(A, "two"), rig_page(A, "three") };
	struct sub *sub;

	rig_begin(rig);
	sub = rig_submit(rig, recs, 4, WR_UPDATE);
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_SKIPPED, WR_SKIP_SUPERSEDED);
	rig_check(sub, 1, WR_INSERTED, WR_SKIP_NONE);
	rig_check(sub, 2, WR_SKIPPED, WR_SKIP_SUPERSEDED);
	rig_check(sub, 3, WR_INSERTED, WR_SKIP_NONE);
	assert_int_equal(rig->texts, 2);
	rig_end(rig);
}

static void an_older_record_of_a_submission_is_stale(void **state)
{
	struct rig *rig = *state;
	struct wr_record recs[] = { rig_page(A, "newer"),
				    rig_page(A, "older") };
	struct sub *sub;

	rig_begin(rig);
	recs[0].fetched_at = 1600000000000000;
	recs[1].fetched_at = 1500000000000000;
	sub = rig_submit(rig, recs, 2, WR_UPDATE);
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_INSERTED, WR_SKIP_NONE);
	rig_check(sub, 1, WR_SKIPPED, WR_SKIP_STALE);
	assert_true(str_eq(rig_get(rig, A)->content, str_of("newer")));
	rig_end(rig);
}

static void under_skip_and_fail_the_first_of_a_key_wins(void **state)
{
	struct rig *rig = *state;
	struct wr_record recs[] = { rig_page(A, "one"), rig_page(A, "two") };
	struct sub *sub;

	rig_begin(rig);
	sub = rig_submit(rig, recs, 2, WR_SKIP);
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_INSERTED, WR_SKIP_NONE);
	rig_check(sub, 1, WR_SKIPPED, WR_SKIP_STORED);
	recs[0].url = recs[1].url = str_of(B);
	sub = rig_submit(rig, recs, 2, WR_FAIL);
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_INSERTED, WR_SKIP_NONE);
	assert_int_equal(rig_error(sub, 1), WR_EEXIST);
	rig_end(rig);
}

/* The last one cannot be written: the one before it is not lost with it. */
static void a_rider_takes_the_place_of_a_winner_that_fails(void **state)
{
	struct rig *rig = *state;
	struct wr_record recs[] = { rig_page(A, "one"), rig_page(A, "two") };
	struct sub *sub;

	rig_begin(rig);
	rig->fail[BACKEND_WRITE] = 1;
	rig->fail_status = WR_EREMOTE;
	sub = rig_submit(rig, recs, 2, WR_UPDATE);
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_INSERTED, WR_SKIP_NONE);
	assert_int_equal(rig_error(sub, 1), WR_EREMOTE);
	assert_true(str_eq(rig_get(rig, A)->content, str_of("one")));
	rig_end(rig);
}

/* ------------------------------------------------------------- embedding -- */

static void equal_content_is_embedded_once(void **state)
{
	struct rig *rig = *state;
	struct wr_record recs[5];
	char urls[5][40];
	struct sub *sub, *other;

	for (int i = 0; i < 5; i++) {
		snprintf(urls[i], sizeof(urls[i]), "https://a.example/%d", i);
		recs[i] = rig_page(urls[i], "the same text");
	}
	rig_begin(rig);
	sub = rig_submit(rig, recs, 5, WR_UPDATE);
	other = rig_save(rig, B, "the same text");
	rig_wait_all(rig);
	assert_int_equal(sub->t->counts[WR_INSERTED], 5);
	assert_int_equal(other->t->counts[WR_INSERTED], 1);
	assert_int_equal(rig->texts, 1);
	/* And later, under yet another URL, from the store. */
	rig_wait(rig, rig_save(rig, A, "the same text"));
	assert_int_equal(rig->texts, 1);
	assert_non_null(rig_get(rig, A)->embedding);
	assert_true(rig_get(rig, A)->embedding[0] == 13);
	rig_end(rig);
}

static void unchanged_content_is_not_embedded_again(void **state)
{
	struct rig *rig = *state;
	struct wr_record rec = rig_page(A, "text");
	struct sub *sub;

	rig_begin(rig);
	rig_wait(rig, rig_save(rig, A, "text"));
	sub = rig_save(rig, A, "text");
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_UNCHANGED, WR_SKIP_NONE);
	assert_int_equal(rig->ops[BACKEND_WRITE], 1);
	rec.title = str_of("A title");
	sub = rig_submit(rig, &rec, 1, WR_UPDATE);
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_UPDATED, WR_SKIP_NONE);
	assert_int_equal(rig->texts, 1);
	assert_non_null(rig_get(rig, A)->embedding);
	rig_end(rig);
}

static void an_embedding_that_fails_never_replaces_a_good_one(void **state)
{
	struct rig *rig = *state;
	struct sub *sub;

	rig_begin(rig);
	rig_wait(rig, rig_save(rig, A, "text"));
	rig->embed_fails = 1000;
	rig->embed_status = WR_EREMOTE; /* does not pass */
	sub = rig_save(rig, A, "other text");
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_UPDATED, WR_SKIP_NONE);
	assert_true(rig_get(rig, A)->pending);
	assert_true(rig_get(rig, A)->embedding[0] == 4);
	rig_end(rig);
}

static void one_refused_text_is_found_by_halving(void **state)
{
	struct rig *rig = *state;
	struct wr_record recs[16];
	char urls[16][40], texts[16][40];
	struct sub *sub;

	for (int i = 0; i < 16; i++) {
		snprintf(urls[i], sizeof(urls[i]), "https://a.example/%d", i);
		snprintf(texts[i], sizeof(texts[i]), "text %d%s", i,
			 i == 11 ? " refuse" : "");
		recs[i] = rig_page(urls[i], texts[i]);
	}
	rig_begin(rig);
	sub = rig_submit(rig, recs, 16, WR_UPDATE);
	rig_wait(rig, sub);
	assert_int_equal(sub->t->counts[WR_INSERTED], 16);
	assert_int_equal(sub->t->embedded, 15);
	/* 16, then twice 8, 4, 2, 1. */
	assert_int_equal(rig->calls, 9);
	assert_true(rig_get(rig, urls[11])->pending);
	assert_false(rig_get(rig, urls[10])->pending);
	rig_end(rig);
}

/* --------------------------------------------------------------- writing -- */

static void one_bad_row_is_found_by_halving(void **state)
{
	struct rig *rig = *state;
	struct wr_record recs[16];
	char urls[16][40];
	struct sub *sub;

	for (int i = 0; i < 16; i++) {
		snprintf(urls[i], sizeof(urls[i]), "https://a.example/%s%d",
			 i == 5 ? "poison" : "p", i);
		recs[i] = rig_page(urls[i], "");
	}
	rig_begin(rig);
	rig->poison = "poison";
	sub = rig_submit(rig, recs, 16, WR_UPDATE);
	rig_wait(rig, sub);
	assert_int_equal(sub->t->counts[WR_INSERTED], 15);
	assert_int_equal(rig_error(sub, 5), WR_EDATA);
	assert_int_equal(rig->txns, 9);
	assert_null(rig_get(rig, urls[5]));
	assert_non_null(rig_get(rig, urls[4]));
	assert_int_equal(
		counter_get(&pipeline_counters(rig->p)->write_bisections), 4);
	rig_end(rig);
}

static void small_submissions_meet_in_the_next_transaction(void **state)
{
	struct rig *rig = *state;
	char urls[20][40];

	rig_begin(rig);
	rig->hold_writes = true;
	rig_save(rig, A, "");
	rig_pass(rig, 100000);
	assert_int_equal(rig->txns, 1);
	for (int i = 0; i < 20; i++) {
		snprintf(urls[i], sizeof(urls[i]), "https://b.example/%d", i);
		rig_save(rig, urls[i], "");
	}
	rig_pass(rig, 100000);
	assert_int_equal(rig->txns, 1);
	rig_release(rig);
	rig_wait_all(rig);
	assert_int_equal(rig->txns, 2);
	assert_int_equal(rig->txn_rows[1], 20);
	rig_end(rig);
}

static void a_large_submission_is_split(void **state)
{
	struct rig *rig = *state;
	struct wr_record recs[50];
	char urls[50][40];
	size_t rows = 0;
	struct sub *sub;

	for (int i = 0; i < 50; i++) {
		snprintf(urls[i], sizeof(urls[i]), "https://a.example/%d", i);
		recs[i] = rig_page(urls[i], "");
	}
	rig->config.write_batch = 8;
	rig_begin(rig);
	sub = rig_submit(rig, recs, 50, WR_UPDATE);
	rig_wait(rig, sub);
	assert_int_equal(sub->t->counts[WR_INSERTED], 50);
	for (size_t i = 0; i < rig->txns; i++) {
		assert_in_range(rig->txn_rows[i], 1, 8);
		rows += rig->txn_rows[i];
	}
	assert_int_equal(rows, 50);
	rig_end(rig);
}

static void a_write_that_fails_in_passing_is_tried_again(void **state)
{
	struct rig *rig = *state;
	struct sub *sub;

	rig_begin(rig);
	rig->fail[BACKEND_WRITE] = rig->fail[BACKEND_LOOKUP] = 2;
	sub = rig_save(rig, A, "text");
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_INSERTED, WR_SKIP_NONE);
	assert_int_equal(rig->ops[BACKEND_WRITE], 3);
	assert_int_equal(rig->ops[BACKEND_LOOKUP], 3);
	rig_end(rig);
}

/* ------------------------------------------------------ which are stored? --
 */

struct question {
	struct request *req;
	unsigned settled;
};

static void answered(struct call *call)
{
	((struct question *)call->owner)->settled++;
}

/* Page i of n, of those with even numbers, is stored. */
static void url_of(struct arena *arena, struct wr_str *url, size_t i)
{
	char text[64];

	snprintf(text, sizeof(text), "https://a.example/%07zu",
		 i * 7919 % 1000003);
	assert_int_equal(arena_dup(arena, url, str_of(text)), 0);
}

static void store_even(struct rig *rig, size_t n)
{
	struct wr_record *recs = mem_zalloc(n, sizeof(*recs));
	struct arena arena = { 0 };
	struct sub *sub;

	assert_non_null(recs);
	for (size_t i = 0; i < n; i++) {
		recs[i].content = str_of("");
		url_of(&arena, &recs[i].url, 2 * i);
	}
	sub = rig_submit(rig, recs, n, WR_UPDATE);
	rig_wait(rig, sub);
	assert_int_equal(sub->t->counts[WR_INSERTED], n);
	arena_release(&arena);
	mem_free(recs);
}

/* The first is no URL, and the last ones repeat those at the start. */
static void ask_known(struct rig *rig, struct question *q, size_t n)
{
	q->settled = 0;
	q->req = request_new(CALL_KNOWN);
	assert_non_null(q->req);
	q->req->call.settled = answered;
	q->req->call.owner = q;
	q->req->n = n;
	q->req->urls = arena_zalloc(&q->req->arena, n, sizeof(struct wr_str));
	assert_non_null(q->req->urls);
	q->req->urls[0] = str_of("no URL");
	for (size_t i = 1; i < n; i++)
		url_of(&q->req->arena, &q->req->urls[i],
		       i < n - 5 ? i : i - (n - 5));
	pipeline_start(rig->p, &q->req->call);
}

static void check_known(const struct question *q)
{
	const struct request *req = q->req;
	size_t n = req->n;

	assert_int_equal(q->settled, 1);
	assert_int_equal(req->call.error.status, 0);
	assert_int_equal(req->stored[0], 0);
	for (size_t i = 1; i < n; i++) {
		size_t number = i < n - 5 ? i : i - (n - 5);

		if (req->stored[i] != (number % 2 ? 0 : KNOWN_STORED))
			fail_msg("URL %zu of %zu: %d", i, n, req->stored[i]);
	}
}

static void very_many_urls_are_held_against_all_that_is_stored(void **state)
{
	struct rig *rig = *state;
	struct question q;

	rig->config.known_walk = 100;
	rig_begin(rig);
	store_even(rig, 10000);
	rig->fail[BACKEND_KEYS] = 3;
	rig->fail_status = WR_EIO;
	ask_known(rig, &q, 20000);
	rig_pass(rig, INT64_C(60) * 1000000);
	check_known(&q);
	assert_int_equal(rig->ops[BACKEND_KNOWN], 0);
	request_free(q.req);
	rig_end(rig);
}

static void a_store_too_large_for_a_walk_is_asked_for_each_url(void **state)
{
	struct rig *rig = *state;
	struct question q;

	rig->config.known_walk = 100;
	rig_begin(rig);
	store_even(rig, 30000);
	ask_known(rig, &q, 2000);
	rig_pass(rig, INT64_C(60) * 1000000);
	check_known(&q);
	assert_in_range(rig->ops[BACKEND_KEYS], 1, 2);
	assert_in_range(rig->ops[BACKEND_KNOWN], 1, 3);
	request_free(q.req);
	rig_end(rig);
}

static void a_walk_that_fails_or_is_cancelled_ends(void **state)
{
	struct rig *rig = *state;
	struct question q;

	rig->config.known_walk = 100;
	rig_begin(rig);
	store_even(rig, 10000);
	rig->fail[BACKEND_KEYS] = 1;
	rig->fail_status = WR_EAUTH;
	ask_known(rig, &q, 20000);
	rig_pass(rig, INT64_C(60) * 1000000);
	assert_int_equal(q.settled, 1);
	assert_int_equal(q.req->call.error.status, WR_EAUTH);
	request_free(q.req);
	ask_known(rig, &q, 20000);
	pipeline_cancel(rig->p, &q, 0);
	rig_pass(rig, INT64_C(60) * 1000000);
	assert_int_equal(q.settled, 1);
	assert_int_equal(q.req->call.error.status, WR_ECANCELED);
	request_free(q.req);
	rig_end(rig);
}

/* --------------------------------------------------------- migrations -- */

struct migration {
	struct request *req;
	unsigned settled;
};

static void migrated(struct call *call)
{
	((struct migration *)call->owner)->settled++;
}

static void start_migration(struct rig *rig, struct migration *m)
{
	m->settled = 0;
	m->req = request_new(CALL_MIGRATE);
	assert_non_null(m->req);
	m->req->call.settled = migrated;
	m->req->call.owner = m;
	pipeline_start(rig->p, &m->req->call);
}

/* Each step has tries of its own, and no deadline holds for the whole. */
static void a_migration_goes_on_until_its_last_step(void **state)
{
	struct rig *rig = *state;
	struct migration m;

	rig_begin(rig);
	rig->migration_steps = 5;
	rig->fail[BACKEND_MIGRATE] = 2;
	start_migration(rig, &m);
	rig_pass(rig, INT64_C(3600) * 1000000);
	assert_int_equal(m.settled, 1);
	assert_int_equal(m.req->call.error.status, 0);
	assert_int_equal(rig->ops[BACKEND_MIGRATE], 2 + 5 + 1);
	request_free(m.req);
	rig_end(rig);
}

static void a_migration_that_is_cancelled_ends_after_its_step(void **state)
{
	struct rig *rig = *state;
	struct migration m;

	rig_begin(rig);
	rig->migration_steps = 1000000;
	start_migration(rig, &m);
	pipeline_cancel(rig->p, &m, 0);
	rig_pass(rig, 1000);
	assert_int_equal(m.settled, 1);
	assert_int_equal(m.req->call.error.status, WR_ECANCELED);
	request_free(m.req);
	rig_end(rig);
}

/* Nothing else is on its way: there is nobody to wait for. */
static void a_lone_record_does_not_linger(void **state)
{
	struct rig *rig = *state;
	struct sub *sub;

	rig->config.write_linger_ms = rig->config.embed_linger_ms = 60000;
	rig_begin(rig);
	sub = rig_save(rig, A, "text");
	rig_pass(rig, 1000000);
	assert_int_equal(sub->settled, 1);
	rig_end(rig);
}

static void a_record_lingers_for_those_behind_it(void **state)
{
	struct rig *rig = *state;
	struct sub *first;

	rig->config.write_linger_ms = 500;
	rig_begin(rig);
	rig->hold_embeds = true;
	rig_save(rig, B, "is at the embedder");
	rig_pass(rig, 50000);
	first = rig_save(rig, A, ""); /* needs no embedder */
	rig_pass(rig, 100000);
	assert_int_equal(rig->txns, 0);
	rig_pass(rig, 500000);
	assert_int_equal(first->settled, 1);
	assert_int_equal(rig->txn_rows[0], 1);
	rig_release(rig);
	rig_end(rig);
}

/* ----------------------------------------------------- deadline and close --
 */

static void after_the_deadline_the_outcome_says_why(void **state)
{
	struct rig *rig = *state;
	struct sub *sub;

	rig->config.op_timeout_ms = 1000;
	rig_begin(rig);
	rig->fail[BACKEND_WRITE] = 1000000;
	sub = rig_save(rig, A, "text");
	rig_pass(rig, 900000);
	assert_int_equal(sub->settled, 0);
	rig_pass(rig, 200000);
	assert_int_equal(sub->settled, 1);
	assert_int_equal(rig_error(sub, 0), WR_ETIMEOUT);
	assert_int_equal(sub->t->call.error.status, WR_ETIMEOUT);
	assert_true(*sub->t->outcomes[0].error->message);
	rig_end(rig);
}

static void aborting_settles_everything_and_comes_to_rest(void **state)
{
	struct rig *rig = *state;
	struct sub *written, *embedding, *waiting;

	rig_begin(rig);
	rig->hold_writes = true;
	written = rig_save(rig, A, "");
	rig_pass(rig, 100000);
	rig->hold_embeds = true;
	embedding = rig_save(rig, B, "text");
	rig_pass(rig, 100000);
	waiting = rig_save(rig, B, "other text");
	pipeline_abort(rig->p, WR_ECLOSED);
	rig_pass(rig, 1000000);
	assert_int_equal(rig_error(written, 0), WR_ECLOSED);
	assert_int_equal(rig_error(embedding, 0), WR_ECLOSED);
	assert_int_equal(rig_error(waiting, 0), WR_ECLOSED);
	rig_end(rig);
}

/* Whose it is nobody knows: what is newer stays. */
static void what_went_blindly_and_was_lost_is_not_put_over_newer(void **state)
{
	struct rig *rig = *state;
	struct wr_record newer = rig_page(A, "newer");
	struct sub *sub;

	rig->config.embedder = NULL;
	rig->config.blind_after = 1;
	rig_begin(rig);
	newer.fetched_at = rig->wall_us + 3600000000;
	rig_wait(rig, rig_submit(rig, &newer, 1, WR_UPDATE));
	rig->fail[BACKEND_WRITE] = 1;
	sub = rig_save(rig, A, "older");
	rig_wait(rig, sub);
	rig_check(sub, 0, WR_SKIPPED, WR_SKIP_STALE);
	assert_true(str_eq(rig_get(rig, A)->content, str_of("newer")));
	rig_end(rig);
}

static void a_drain_finishes_what_was_started(void **state)
{
	struct rig *rig = *state;
	char urls[20][40];

	rig_begin(rig);
	for (int i = 0; i < 20; i++) {
		snprintf(urls[i], sizeof(urls[i]), "https://b.example/%d", i);
		rig_save(rig, urls[i], urls[i]);
	}
	rig_end(rig);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(rig->subs[i].settled, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_follower_settles_when_its_leader_fails),
		STORY(submissions_of_one_key_take_effect_in_their_order),
		STORY(within_a_submission_the_last_of_a_key_wins),
		STORY(an_older_record_of_a_submission_is_stale),
		STORY(under_skip_and_fail_the_first_of_a_key_wins),
		STORY(a_rider_takes_the_place_of_a_winner_that_fails),
		STORY(equal_content_is_embedded_once),
		STORY(unchanged_content_is_not_embedded_again),
		STORY(an_embedding_that_fails_never_replaces_a_good_one),
		STORY(one_refused_text_is_found_by_halving),
		STORY(one_bad_row_is_found_by_halving),
		STORY(small_submissions_meet_in_the_next_transaction),
		STORY(a_large_submission_is_split),
		STORY(a_write_that_fails_in_passing_is_tried_again),
		STORY(very_many_urls_are_held_against_all_that_is_stored),
		STORY(a_store_too_large_for_a_walk_is_asked_for_each_url),
		STORY(a_walk_that_fails_or_is_cancelled_ends),
		STORY(a_migration_goes_on_until_its_last_step),
		STORY(a_migration_that_is_cancelled_ends_after_its_step),
		STORY(a_lone_record_does_not_linger),
		STORY(a_record_lingers_for_those_behind_it),
		STORY(after_the_deadline_the_outcome_says_why),
		STORY(aborting_settles_everything_and_comes_to_rest),
		STORY(a_drain_finishes_what_was_started),
		STORY(what_went_blindly_and_was_lost_is_not_put_over_newer),
	};

	return cmocka_run_group_tests_name("ways", tests, NULL, NULL);
}
