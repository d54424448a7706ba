/*
 * Random ops on a model (mem) and on the store under test: both must say the
 * same.
 */
#include "conformance.h"

#include "base/rand.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 4, STEPS = 60, MOST_ROWS = 8 };

static void place_model(char *location, size_t room)
{
	snprintf(location, room, "mem:");
}

static const struct driver model_driver = {
	.name = "model",
	.backend = &mem_backend,
	.place = place_model,
};

static const char *const keys[] = {
	"a",
	"https://b.example/1",
	"https://b.example/2",
	"https://c.example/",
	"d",
	"e",
	"f",
	"g",
	"h",
	"i",
	"j",
	"k",
};
static const char *const contents[] = {
	"",
	"one thing",
	"two words ashore",
	"three words are ashore",
	"FOUR-five",
	"six \"seven\" six",
	"one two three four five six seven",
};
static const char *const titles[] = { NULL, NULL, "", "one", "Two words" };
static const char *const metadatas[] = {
	NULL, NULL, "{}", "{\"n\":1}", "{\"n\":2,\"o\":{\"p\":[1,2]}}",
};

#define PICK(rand, array) \
	((array)[rand_below(rand, sizeof(array) / sizeof((array)[0]))])

/* One vector for each content, so that it does not matter which is lent. */
static const float vectors[][DIM] = {
	{ 1, 2, 3, 4 },	    { 1, 0, 0, 0 },  { 0.5f, 1, 0, 0 },
	{ 0, 1, 1, 0 },	    { 0, 0, 1, -1 }, { -1, 0.25f, 0, 3 },
	{ -1, -1, -1, -1 },
};

static struct write random_write(struct fixture *fx, struct rand_state *rand,
				 const char *key)
{
	size_t i = rand_below(rand, sizeof(contents) / sizeof(contents[0]));
	struct page page = {
		.key = key,
		.content = contents[i],
		.title = PICK(rand, titles),
		.metadata = PICK(rand, metadatas),
		.fetched_at =
			rand_below(rand, 4) ? AT(rand_below(rand, 12)) : 0,
		.wants_vector = rand_below(rand, 3) != 0,
		.policy = rand_below(rand, 4)
				  ? WR_UPDATE
				  : (enum wr_policy)rand_below(rand, 3),
		.known_absent = rand_below(rand, 4) == 0,
	};
	struct write w;

	if (rand_below(rand, 2))
		page.vector = vectors[i];
	if (i && rand_below(rand, 8) == 0)
		page.own = vectors[i];
	w = write_make(fx, &page);
	if (i && rand_below(rand, 8) == 0) {
		w.kind = WRITE_VECTOR;
		w.vector = vectors[i];
	} else if (rand_below(rand, 10) == 0) {
		w.kind = WRITE_DELETE;
	}
	return w;
}

static void write_both(struct fixture *fx, struct fixture *model,
		       struct rand_state *rand)
{
	struct write ours[MOST_ROWS], theirs[MOST_ROWS];
	int64_t touch_after = (int64_t)rand_below(rand, 5) * 1000000;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (n < MOST_ROWS && rand_below(rand, 4) == 0)
			ours[n++] = random_write(fx, rand, keys[i]);
	memcpy(theirs, ours, n * sizeof(*ours));
	assert_int_equal(write_all(fx, ours, n, touch_after), 0);
	assert_int_equal(write_all(model, theirs, n, touch_after), 0);
	for (size_t i = 0; i < n; i++) {
		if (ours[i].outcome != theirs[i].outcome ||
		    ours[i].skip != theirs[i].skip)
			fail_msg("write of kind %d to %s: outcome %d (%d), "
				 "the model's is %d (%d)",
				 (int)ours[i].kind, ours[i].rec->key.ptr,
				 (int)ours[i].outcome, (int)ours[i].skip,
				 (int)theirs[i].outcome, (int)theirs[i].skip);
	}
}

static struct result *scan_all(struct fixture *fx)
{
	struct backend_op op = {
		.kind = BACKEND_SCAN,
		.u.scan = { filter_make(fx, NULL),
			    { 0 },
			    1000,
			    WR_PART_CONTENT | WR_PART_EMBEDDING,
			    result_make(fx) },
	};

	assert_int_equal(run_op(fx, &op), 0);
	return op.u.scan.result;
}

static void compare_documents(const struct document *a,
			      const struct document *b)
{
	assert_text(a->key, b->key.ptr);
	assert_text(a->title, b->title.ptr);
	assert_text(a->content, b->content.ptr);
	assert_text(a->metadata, b->metadata.ptr);
	if (a->fetched_at != b->fetched_at || a->pending != b->pending)
		fail_msg("%s: fetched_at %lld, pending %d; the model: %lld, %d",
			 a->key.ptr, (long long)a->fetched_at, a->pending,
			 (long long)b->fetched_at, b->pending);
	assert_vector(a, b->embedding);
}

static void compare_all(struct fixture *fx, struct fixture *model)
{
	const struct result *ours = scan_all(fx), *theirs = scan_all(model);

	assert_string_equal(result_keys(fx, ours), result_keys(model, theirs));
	for (size_t i = 0; i < ours->ndocs; i++)
		compare_documents(&ours->docs[i], &theirs->docs[i]);
	assert_string_equal(pending_keys(fx), pending_keys(model));
}

static void compare_lookup(struct fixture *fx, struct fixture *model,
			   struct rand_state *rand)
{
	struct page page = {
		.key = PICK(rand, keys),
		.content = PICK(rand, contents),
		.title = PICK(rand, titles),
		.metadata = PICK(rand, metadatas),
	};
	float vector[DIM] = { 0 }, model_vector[DIM] = { 0 };
	struct lookup a = lookup(fx, &page, vector);
	struct lookup b = lookup(model, &page, model_vector);

	assert_int_equal(a.found, b.found);
	assert_int_equal(a.same_content, b.same_content);
	assert_int_equal(a.same_meta, b.same_meta);
	assert_int_equal(a.pending, b.pending);
	assert_int_equal(a.reused, b.reused);
	assert_int_equal(a.fetched_at, b.fetched_at);
	assert_memory_equal(vector, model_vector, sizeof(vector));
}

static int key_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct document *)a)->key,
		       ((const struct document *)b)->key);
}

/* Backends may weigh words differently, but find the same pages. */
static void compare_text_search(struct fixture *fx, struct fixture *model,
				struct rand_state *rand)
{
	static const char *const queries[] = {
		"one",	     "words -three",	      "\"two words\"",
		"four-five", "\"six six\"",	      "seven OR three",
		"-one",	     "ashore -\"two words\"",
	};
	const char *query = PICK(rand, queries);
	struct wr_filter filter = { .since = AT(rand_below(rand, 6)) };
	struct result *a, *b;

	if (rand_below(rand, 2))
		filter.metadata = str_of("{\"n\":1}");
	a = search_run(fx, WR_SEARCH_TEXT, query, NULL, &filter, 100, 0);
	b = search_run(model, WR_SEARCH_TEXT, query, NULL, &filter, 100, 0);
	if (a->ndocs)
		qsort(a->docs, a->ndocs, sizeof(*a->docs), key_cmp);
	if (b->ndocs)
		qsort(b->docs, b->ndocs, sizeof(*b->docs), key_cmp);
	if (strcmp(result_keys(fx, a), result_keys(model, b)))
		fail_msg("%s: found %s, the model: %s", query,
			 result_keys(fx, a), result_keys(model, b));
}

static void compare_vector_search(struct fixture *fx, struct fixture *model,
				  struct rand_state *rand)
{
	const float *vector = PICK(rand, vectors);
	struct wr_filter filter = { .until = AT(3 + rand_below(rand, 20)) };
	struct result *a =
		search_run(fx, WR_SEARCH_VECTOR, NULL, vector, &filter, 100, 0);
	struct result *b = search_run(model, WR_SEARCH_VECTOR, NULL, vector,
				      &filter, 100, 0);

	assert_int_equal(a->ndocs, b->ndocs);
	for (size_t i = 0; i < a->ndocs; i++)
		if (fabs(a->docs[i].score - b->docs[i].score) >
		    1e-5 + (double)fx->driver->rounding)
			fail_msg("hit %zu: score %g of %s, the model's is %g "
				 "of %s",
				 i, a->docs[i].score, a->docs[i].key.ptr,
				 b->docs[i].score, b->docs[i].key.ptr);
}

static void compare_filters(struct fixture *fx, struct fixture *model,
			    struct rand_state *rand)
{
	struct wr_filter filter = { .size = sizeof(filter) };
	uint32_t page = 1 + (uint32_t)rand_below(rand, 5);

	if (rand_below(rand, 2))
		filter.url_prefix = str_of("https://");
	if (rand_below(rand, 3) == 0)
		filter.host = str_of("b.example");
	if (rand_below(rand, 2))
		filter.since = AT(rand_below(rand, 12));
	if (rand_below(rand, 3) == 0)
		filter.metadata = str_of("{\"o\":{\"p\":[1,2]}}");
	assert_string_equal(scan_keys(fx, &filter, page),
			    scan_keys(model, &filter, page));
}

static void compare_stats(struct fixture *fx, struct fixture *model)
{
	static const char *const names[] = {
		"documents",	     "documents_with_embedding",
		"documents_pending", "content_bytes",
		"oldest_fetched_at", "newest_fetched_at",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(stat_of(fx, names[i]),
				 stat_of(model, names[i]));
}

static void random_ops_agree_with_the_model(void **state)
{
	struct fixture *fx = *state;
	struct fixture *model = fixture_new(&model_driver);
	struct rand_state rand = { fx->seed };

	for (int step = 0; step < STEPS; step++) {
		write_both(fx, model, &rand);
		compare_lookup(fx, model, &rand);
		compare_text_search(fx, model, &rand);
		compare_vector_search(fx, model, &rand);
		compare_filters(fx, model, &rand);
		if (step % 5 == 0) {
			compare_all(fx, model);
			compare_stats(fx, model);
		}
	}
	compare_all(fx, model);
	fixture_free(model);
}

int test_random(void)
{
	struct CMUnitTest tests[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		tests[i] = (struct CMUnitTest)CONFORMANCE_TEST(
			random_ops_agree_with_the_model);
	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
