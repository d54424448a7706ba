/* Whose embeddings a store has: what it records, and what it refuses. */
#include "stand.h"

#include <string.h>

static int embed(const struct wr_str *texts, size_t n, float *vectors,
		 size_t dim, void *arg)
{
	(void)texts;
	(void)arg;
	for (size_t i = 0; i < n * dim; i++)
		vectors[i] = 1;
	return 0;
}

/* The embedder of the next opening. */
static void use(struct stand *st, const char *embedder, const char *model,
		uint32_t dim)
{
	st->opts.embedder = embedder;
	st->opts.model = model;
	st->opts.dim = dim;
	st->opts.embed_fn = embed;
}

static void check_property(struct stand *st, const char *name,
			   const char *expected)
{
	const char *is, *value;
	wr_reply *r;

	must(wr_stats_wait(st->store, 0, -1, &r, &st->err), &st->err);
	for (size_t i = 0; wr_reply_property(r, i, &is, &value); i++)
		if (!strcmp(is, name))
			assert_string_equal(value, expected);
	wr_reply_free(r);
}

static void the_recorded_embedder_is_used_when_none_is_named(void **state)
{
	struct stand *st = *state;

	use(st, "hash", NULL, 64);
	stand_open(st);
	stand_close(st);
	use(st, NULL, NULL, 0);
	stand_open(st);
	assert_int_equal(wr_store_dim(st->store), 64);
	check_property(st, "embedder", "hash");
	assert_int_equal(put(st, url_of(1), "text"), WR_INSERTED);
	assert_false(is_pending(st, url_of(1)));
	stand_close(st);
	/* Named again, its dimension need not be. */
	use(st, "hash", NULL, 0);
	stand_open(st);
	assert_int_equal(wr_store_dim(st->store), 64);
}

static void another_embedder_is_refused_and_both_are_named(void **state)
{
	struct stand *st = *state;

	use(st, "fn", "mini-lm", 8);
	stand_open(st);
	stand_close(st);
	use(st, "hash", NULL, 8);
	assert_int_equal(stand_open_fails(st), WR_ESCHEMA);
	assert_non_null(strstr(st->err.message, "hash"));
	assert_non_null(strstr(st->err.message, "mini-lm"));
	use(st, "fn", "maxi-lm", 8);
	assert_int_equal(stand_open_fails(st), WR_ESCHEMA);
	assert_non_null(strstr(st->err.message, "mini-lm"));
	assert_non_null(strstr(st->err.message, "maxi-lm"));
	use(st, "fn", "mini-lm", 9);
	assert_int_equal(stand_open_fails(st), WR_ESCHEMA);
	assert_non_null(strstr(st->err.message, "8"));
	assert_non_null(strstr(st->err.message, "9"));
	use(st, "fn", "mini-lm", 0);
	stand_open(st);
	assert_int_equal(wr_store_dim(st->store), 8);
	stand_close(st);
	/* A function or messages: the same model is the same embedder. */
	use(st, "queue", "mini-lm", 8);
	st->opts.embed_queue = st->q;
	stand_open(st);
}

static void without_an_embedder_it_always_opens_and_pages_wait(void **state)
{
	struct stand *st = *state;
	wr_reply *r;

	use(st, "fn", "mini-lm", 8);
	stand_open(st);
	assert_int_equal(put(st, url_of(1), "one"), WR_INSERTED);
	stand_close(st);
	use(st, "none", NULL, 0);
	stand_open(st);
	assert_int_equal(wr_store_dim(st->store), 8);
	assert_int_equal(put(st, url_of(1), "one"), WR_UNCHANGED);
	assert_int_equal(put(st, url_of(2), "two"), WR_INSERTED);
	assert_true(is_pending(st, url_of(2)));
	assert_int_equal(wr_embed_pending_wait(st->store, 0, -1, &r, &st->err),
			 WR_ENOTSUP);
	wr_reply_free(r);
	stand_close(st);
	/* None named, and the recorded one is not to be had: likewise. */
	use(st, NULL, NULL, 0);
	stand_open(st);
	assert_int_equal(put(st, url_of(3), "three"), WR_INSERTED);
	assert_true(is_pending(st, url_of(3)));
	check_property(st, "model", "mini-lm");
	stand_close(st);
	use(st, "fn", "mini-lm", 0);
	stand_open(st);
	must(wr_embed_pending_wait(st->store, 0, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 2);
	wr_reply_free(r);
	assert_false(is_pending(st, url_of(2)));
}

static void a_store_made_without_an_embedder_gets_one_later(void **state)
{
	struct stand *st = *state;
	wr_reply *r;

	use(st, "none", NULL, 0);
	stand_open(st);
	assert_int_equal(wr_store_dim(st->store), 0);
	assert_int_equal(put(st, url_of(1), "one"), WR_INSERTED);
	stand_close(st);
	use(st, "hash", NULL, 16);
	stand_open(st);
	must(wr_embed_pending_wait(st->store, 0, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 1);
	wr_reply_free(r);
	stand_close(st);
	use(st, NULL, NULL, 0);
	stand_open(st);
	check_property(st, "embedder", "hash");
	assert_int_equal(wr_store_dim(st->store), 16);
}

static void vectors_of_records_fix_the_dimension(void **state)
{
	struct stand *st = *state;
	float vector[5] = { 1, 2, 3, 4, 5 };
	struct wr_record recs[3];
	const struct wr_error *err;
	struct wr_document doc;
	wr_reply *r;

	use(st, "none", "from-outside", 0);
	stand_open(st);
	for (unsigned i = 0; i < 3; i++) {
		recs[i] = page(url_of(i), NULL, "text");
		recs[i].embedding = vector;
		recs[i].embedding_dim = i == 1 ? 4 : 5;
	}
	r = save(st, recs, 3, WR_UPDATE);
	assert_int_equal(wr_reply_count(r, WR_INSERTED), 2);
	assert_int_equal(wr_reply_outcome(r, 1, &err), WR_FAILED);
	assert_int_equal(err->status, WR_EDATA);
	wr_reply_free(r);
	assert_int_equal(wr_store_dim(st->store), 5);
	stand_close(st);
	if (!st->sqlite)
		return;
	use(st, NULL, NULL, 0);
	stand_open(st);
	assert_int_equal(wr_store_dim(st->store), 5);
	check_property(st, "model", "from-outside");
	recs[1].embedding_dim = 0;
	r = save(st, &recs[1], 1, WR_UPDATE);
	assert_int_equal(wr_reply_count(r, WR_INSERTED), 1);
	wr_reply_free(r);
	assert_int_equal(get(st, url_of(1), WR_PART_EMBEDDING, &doc, &r), 1);
	assert_int_equal(doc.embedding_dim, 5);
	assert_memory_equal(doc.embedding, vector, sizeof(vector));
	wr_reply_free(r);
	stand_close(st);
	use(st, "none", NULL, 6);
	assert_int_equal(stand_open_fails(st), WR_ESCHEMA);
	use(st, "none", "another", 5);
	assert_int_equal(stand_open_fails(st), WR_ESCHEMA);
}

static void a_vector_that_cannot_be_fails_its_record(void **state)
{
	struct stand *st = *state;
	float vector[32] = { 0 };
	struct wr_record recs[2] = { page(url_of(1), NULL, "one"),
				     page(url_of(2), NULL, "two") };
	const struct wr_error *err;
	wr_reply *r;

	stand_open(st);
	recs[0].embedding = vector; /* all zero */
	r = save(st, recs, 2, WR_UPDATE);
	assert_int_equal(wr_reply_outcome(r, 0, &err), WR_FAILED);
	assert_int_equal(err->status, WR_EDATA);
	assert_int_equal(wr_reply_outcome(r, 1, NULL), WR_INSERTED);
	wr_reply_free(r);
	recs[0].embedding_dim = 31;
	r = save(st, recs, 1, WR_UPDATE);
	assert_int_equal(wr_reply_outcome(r, 0, &err), WR_FAILED);
	assert_int_equal(err->status, WR_EDATA);
	wr_reply_free(r);
}

static void how_a_store_was_made_is_held_to(void **state)
{
	struct stand *st = *state;

	st->opts.create = WR_CREATE_NEW;
	st->opts.urls = WR_URLS_AS_GIVEN;
	st->opts.fulltext = WR_FULLTEXT_OFF;
	stand_open(st);
	assert_int_equal(put(st, "HTTP://A/#x", "text"), WR_INSERTED);
	stand_close(st);
	assert_int_equal(stand_open_fails(st), WR_EEXIST);
	st->opts.create = WR_CREATE_NEVER;
	st->opts.urls = WR_URLS_CONSERVATIVE;
	assert_int_equal(stand_open_fails(st), WR_ESCHEMA);
	st->opts.urls = WR_URLS_DEFAULT;
	st->opts.fulltext = WR_FULLTEXT_ON;
	assert_int_equal(stand_open_fails(st), WR_ESCHEMA);
	st->opts.fulltext = WR_FULLTEXT_DEFAULT;
	stand_open(st);
	assert_true(is_stored(st, "HTTP://A/#x"));
	check_property(st, "urls", "as-given");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_SQLITE(the_recorded_embedder_is_used_when_none_is_named),
		OVER_SQLITE(another_embedder_is_refused_and_both_are_named),
		OVER_SQLITE(without_an_embedder_it_always_opens_and_pages_wait),
		OVER_SQLITE(a_store_made_without_an_embedder_gets_one_later),
		BOTH(vectors_of_records_fix_the_dimension),
		BOTH(a_vector_that_cannot_be_fails_its_record),
		OVER_SQLITE(how_a_store_was_made_is_held_to),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
