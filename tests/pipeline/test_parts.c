/* The parts that stand alone: the gate, fusing two rankings, tickets. */
#include "base/str.h"
#include "pipeline/fuse.h"
#include "pipeline/gate.h"
#include "pipeline/ticket.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---------------------------------------------------------------- the gate --
 */

static void tell(void *owner, void *arg)
{
	(void)arg;
	++*(unsigned *)owner;
}

static int enter(struct gate *g, uint64_t records, uint64_t bytes,
		 unsigned *owner, bool *waits)
{
	return gate_enter(g, records, bytes, owner, waits);
}

static void each_owner_that_was_refused_is_told_once(void **state)
{
	struct gate g;
	unsigned a = 0, b = 0, c = 0;
	uint64_t records, bytes, refused;
	bool waits;

	(void)state;
	gate_init(&g, 10, 1000);
	g.room = tell;
	assert_int_equal(enter(&g, 8, 80, &a, &waits), 0);
	assert_false(waits);
	assert_int_equal(enter(&g, 3, 1, &a, &waits), WR_EFULL);
	assert_true(waits);
	assert_int_equal(enter(&g, 3, 1, &a, &waits), WR_EFULL);
	assert_false(waits);
	assert_int_equal(enter(&g, 1, 921, &b, &waits), WR_EFULL);
	assert_true(waits);
	assert_int_equal(enter(&g, 2, 920, &c, &waits), 0);
	gate_usage(&g, &records, &bytes, &refused);
	assert_int_equal(records, 10);
	assert_int_equal(bytes, 1000);
	assert_int_equal(refused, 3);
	/* Too little room for it to be worth while. */
	gate_leave(&g, 1, 1);
	assert_int_equal(a + b + c, 0);
	gate_leave(&g, 7, 900);
	assert_int_equal(a, 1);
	assert_int_equal(b, 1);
	gate_leave(&g, 2, 99);
	assert_int_equal(a + b + c, 2);
	gate_usage(&g, &records, &bytes, &refused);
	assert_int_equal(records + bytes, 0);
	gate_release(&g);
}

static void what_is_alone_is_always_let_in(void **state)
{
	struct gate g;
	unsigned a = 0;
	bool waits;

	(void)state;
	gate_init(&g, 2, 10);
	g.room = tell;
	assert_int_equal(enter(&g, 100, 5000, &a, &waits), 0);
	assert_int_equal(enter(&g, 1, 1, &a, &waits), WR_EFULL);
	gate_leave(&g, 100, 5000);
	assert_int_equal(a, 1);
	assert_int_equal(enter(&g, 1, 1, &a, &waits), 0);
	/* Who still waits at the end is told too. */
	assert_int_equal(enter(&g, 9, 1, &a, &waits), WR_EFULL);
	gate_release(&g);
	assert_int_equal(a, 2);
}

/* -------------------------------------------------------------- fusing -- */

static void rank(struct result *r, const char *const *keys, size_t n)
{
	result_init(r);
	for (size_t i = 0; i < n; i++) {
		struct document *doc = result_add(r);

		assert_non_null(doc);
		doc->found = true;
		doc->key = str_of(keys[i]);
		doc->snippet = str_of(keys[i]);
	}
}

static void ranks_are_fused_as_the_paper_says(void **state)
{
	static const char *const by_text[] = { "a", "b", "c" };
	static const char *const by_vector[] = { "c", "d", "b" };
	/* 1/(60 + rank), summed, by hand. */
	static const struct {
		const char *key;
		double score;
		uint32_t text, vector;
	} expected[] = {
		{ "c", 1.0 / 63 + 1.0 / 61, 3, 1 },
		{ "b", 1.0 / 62 + 1.0 / 63, 2, 3 },
		{ "a", 1.0 / 61, 1, 0 },
		{ "d", 1.0 / 62, 0, 2 },
	};
	struct result text, vector;

	(void)state;
	rank(&text, by_text, 3);
	rank(&vector, by_vector, 3);
	assert_int_equal(fuse(&text, &vector, 10), 0);
	assert_int_equal(text.ndocs, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct document *doc = &text.docs[i];

		assert_true(str_eq(doc->key, str_of(expected[i].key)));
		if (fabs(doc->score - expected[i].score) > 1e-12)
			fail_msg("%s scores %.15f instead of %.15f",
				 expected[i].key, doc->score,
				 expected[i].score);
		assert_int_equal(doc->rank_text, expected[i].text);
		assert_int_equal(doc->rank_vector, expected[i].vector);
	}
	result_release(&text);
	result_release(&vector);
}

static void ties_go_by_key_and_the_limit_holds(void **state)
{
	static const char *const by_text[] = { "z", "m" };
	static const char *const by_vector[] = { "a", "n" };
	struct result text, vector;

	(void)state;
	rank(&text, by_text, 2);
	rank(&vector, by_vector, 2);
	assert_int_equal(fuse(&text, &vector, 3), 0);
	assert_int_equal(text.ndocs, 3);
	assert_true(str_eq(text.docs[0].key, str_of("a")));
	assert_true(str_eq(text.docs[1].key, str_of("z")));
	assert_true(str_eq(text.docs[2].key, str_of("m")));
	result_release(&text);
	result_release(&vector);
	rank(&text, NULL, 0);
	rank(&vector, NULL, 0);
	assert_int_equal(fuse(&text, &vector, 3), 0);
	assert_int_equal(text.ndocs, 0);
	result_release(&text);
	result_release(&vector);
}

/* ------------------------------------------------------------- tickets -- */

static void a_ticket_keeps_nothing_of_its_callers_memory(void **state)
{
	char url[] = "https://a.example/", key[] = "k", title[] = "",
	     content[] = "con\0tent", metadata[] = "{}";
	float vector[] = { 1, 2, 3 };
	struct wr_record recs[2] = {
		{ .url = { url, sizeof(url) - 1 },
		  .key = { key, 1 },
		  .title = { title, 0 },
		  .content = { content, sizeof(content) - 1 },
		  .metadata = { metadata, 2 },
		  .embedding = vector,
		  .fetched_at = 5 },
		{ .content = { NULL, 7 },
		  .embedding = vector,
		  .embedding_dim = 2 },
	};
	const struct wr_record *copy;
	struct ticket *t = ticket_new(NULL, recs, 2, 3, WR_SKIP);

	(void)state;
	assert_non_null(t);
	memset(url, 'x', sizeof(url));
	memset(key, 'x', sizeof(key));
	memset(content, 'x', sizeof(content));
	memset(metadata, 'x', sizeof(metadata));
	memset(vector, 0, sizeof(vector));
	copy = t->input->recs;
	memset(recs, 0, sizeof(recs));
	assert_true(str_eq(copy[0].url, str_of("https://a.example/")));
	assert_true(str_eq(copy[0].key, str_of("k")));
	assert_non_null(copy[0].title.ptr); /* "" is not left out */
	assert_int_equal(copy[0].title.len, 0);
	assert_int_equal(copy[0].content.len, 8);
	assert_memory_equal(copy[0].content.ptr, "con\0tent", 8);
	assert_true(str_eq(copy[0].metadata, str_of("{}")));
	assert_int_equal(copy[0].embedding_dim, 3);
	assert_true(copy[0].embedding[2] == 3);
	assert_int_equal(copy[0].fetched_at, 5);
	assert_null(copy[1].url.ptr);
	assert_null(copy[1].content.ptr);
	assert_int_equal(copy[1].embedding_dim, 2);
	assert_true(copy[1].embedding[1] == 2);
	assert_int_equal(t->policy, WR_SKIP);
	ticket_free(t);
}

static void sizes_that_overflow_are_refused(void **state)
{
	struct wr_record recs[2] = {
		{ .content = { "x", SIZE_MAX / 2 } },
		{ .content = { "x", SIZE_MAX / 2 + 2 } },
	};
	struct wr_str urls[2] = { { "x", SIZE_MAX / 2 },
				  { "x", SIZE_MAX / 2 + 2 } };
	float vector = 1;

	(void)state;
	assert_null(ticket_new(NULL, recs, 2, 0, WR_UPDATE));
	assert_null(ticket_new_delete(urls, 2, false));
	recs[0] = (struct wr_record){ .embedding = &vector,
				      .embedding_dim = SIZE_MAX / 3 };
	assert_null(ticket_new(NULL, recs, 1, 0, WR_UPDATE));
}

static void a_refused_ticket_has_an_outcome_for_each_record(void **state)
{
	struct wr_record recs[3] = { 0 };
	struct wr_error err = { .status = WR_EIO, .message = "why" };
	struct gate g;
	unsigned owner = 0;
	bool waits;
	struct ticket *t = ticket_new(NULL, recs, 3, 0, WR_UPDATE);

	(void)state;
	gate_init(&g, 3, 100);
	g.room = tell;
	assert_int_equal(enter(&g, 3, 9, &owner, &waits), 0);
	t->input->gate = &g;
	t->input->charged_records = 3;
	t->input->charged_bytes = 9;
	ticket_refuse(t, &err);
	assert_int_equal(g.records + g.bytes, 0);
	assert_int_equal(t->counts[WR_FAILED], 3);
	assert_int_equal(t->call.error.status, WR_EIO);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(t->outcomes[i].outcome, WR_FAILED);
		assert_string_equal(t->outcomes[i].error->message, "why");
	}
	ticket_free(t);
	gate_release(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_owner_that_was_refused_is_told_once),
		cmocka_unit_test(what_is_alone_is_always_let_in),
		cmocka_unit_test(ranks_are_fused_as_the_paper_says),
		cmocka_unit_test(ties_go_by_key_and_the_limit_holds),
		cmocka_unit_test(a_ticket_keeps_nothing_of_its_callers_memory),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(
			a_refused_ticket_has_an_outcome_for_each_record),
	};

	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
