/* Each verb: what it does, and what it refuses. */
#include "stand.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------- submitting --
 */

static void outcomes_come_in_the_order_of_the_records(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[] = {
		page("https://a.example/1", "One", "first"),
		page("", NULL, "no address"),
		page("HTTPS://A.Example:443/2", NULL, "second"),
		page("https://a.example/1", "One", "first, newer"),
		page("https://a.example/3", NULL, "third"),
	};
	const struct wr_error *err;
	wr_reply *r;

	stand_open(st);
	recs[4].metadata = str("[not an object]");
	r = save(st, recs, 5, WR_UPDATE);
	assert_int_equal(wr_reply_outcome(r, 0, &err), WR_SKIPPED);
	assert_null(err);
	assert_int_equal(wr_reply_skip(r, 0), WR_SKIP_SUPERSEDED);
	assert_int_equal(wr_reply_outcome(r, 1, &err), WR_FAILED);
	assert_int_equal(err->status, WR_EDATA);
	assert_int_equal(wr_reply_outcome(r, 2, NULL), WR_INSERTED);
	assert_int_equal(wr_reply_outcome(r, 3, NULL), WR_INSERTED);
	assert_int_equal(wr_reply_outcome(r, 4, &err), WR_FAILED);
	assert_int_equal(err->status, WR_EDATA);
	assert_int_equal(wr_reply_count(r, WR_INSERTED), 2);
	assert_int_equal(wr_reply_count(r, WR_SKIPPED), 1);
	assert_int_equal(wr_reply_count(r, WR_FAILED), 2);
	assert_int_equal(wr_reply_embedded(r), 2);
	assert_int_equal(wr_reply_error(r)->status, 0);
	/* What is not there, and what this reply does not hold. */
	assert_int_equal(wr_reply_outcome(r, 5, &err), WR_FAILED);
	assert_int_equal(wr_reply_skip(r, 5), WR_SKIP_NONE);
	assert_int_equal(wr_reply_count(r, WR_NOUTCOMES), 0);
	assert_int_equal(wr_reply_documents(r), 0);
	assert_int_equal(wr_reply_total(r), 0);
	assert_int_equal(wr_reply_cursor(r).len, 0);
	wr_reply_free(r);
	assert_true(is_stored(st, "https://a.example/2"));
	assert_false(is_stored(st, "https://a.example/3"));
}

static void policies_decide_about_what_is_stored(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), "T", "new text");
	const struct wr_error *err;
	wr_reply *r;

	stand_open(st);
	assert_int_equal(put(st, url_of(1), "old text"), WR_INSERTED);
	r = save(st, &rec, 1, WR_SKIP);
	assert_int_equal(wr_reply_outcome(r, 0, NULL), WR_SKIPPED);
	assert_int_equal(wr_reply_skip(r, 0), WR_SKIP_STORED);
	wr_reply_free(r);
	r = save(st, &rec, 1, WR_FAIL);
	assert_int_equal(wr_reply_outcome(r, 0, &err), WR_FAILED);
	assert_int_equal(err->status, WR_EEXIST);
	wr_reply_free(r);
	r = save(st, &rec, 1, WR_UPDATE);
	assert_int_equal(wr_reply_outcome(r, 0, NULL), WR_UPDATED);
	wr_reply_free(r);
	r = save(st, &rec, 1, WR_UPDATE);
	assert_int_equal(wr_reply_outcome(r, 0, NULL), WR_UNCHANGED);
	assert_int_equal(wr_reply_embedded(r), 0);
	wr_reply_free(r);
	rec.fetched_at = 1000000;
	rec.content = str("much older");
	r = save(st, &rec, 1, WR_UPDATE);
	assert_int_equal(wr_reply_outcome(r, 0, NULL), WR_SKIPPED);
	assert_int_equal(wr_reply_skip(r, 0), WR_SKIP_STALE);
	wr_reply_free(r);
}

static void what_a_submission_cannot_be_is_refused(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");

	stand_open(st);
	assert_int_equal(
		wr_submit(NULL, &rec, 1, WR_UPDATE, st->q, 0, &st->err),
		WR_EINVAL);
	assert_int_equal(
		wr_submit(st->store, &rec, 1, WR_UPDATE, NULL, 0, &st->err),
		WR_EINVAL);
	assert_int_equal(
		wr_submit(st->store, NULL, 1, WR_UPDATE, st->q, 0, &st->err),
		WR_EINVAL);
	assert_int_equal(wr_submit(st->store, &rec, 1, (enum wr_policy)7, st->q,
				   0, &st->err),
			 WR_EINVAL);
	no_event(st->q);
}

static void an_empty_submission_settles(void **state)
{
	struct stand *st = *state;
	wr_reply *r;

	stand_open(st);
	r = save(st, NULL, 0, WR_UPDATE);
	for (int k = 0; k < WR_NOUTCOMES; k++)
		assert_int_equal(wr_reply_count(r, (enum wr_outcome)k), 0);
	wr_reply_free(r);
	must(wr_get_wait(st->store, NULL, 0, 0, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_documents(r), 0);
	wr_reply_free(r);
	must(wr_known_wait(st->store, NULL, 0, 0, 0, -1, &r, &st->err),
	     &st->err);
	wr_reply_free(r);
	must(wr_delete_wait(st->store, NULL, 0, 0, -1, &r, &st->err), &st->err);
	wr_reply_free(r);
}

/* A length without a pointer is left out, not read. */
static void a_text_without_a_pointer_is_left_out(void **state)
{
	struct stand *st = *state;
	const struct wr_str nothing = { NULL, 5 };
	struct wr_record recs[4];
	struct wr_query query = WR_QUERY_INIT;
	struct wr_scan scan = WR_SCAN_INIT;
	const struct wr_error *err;
	wr_reply *r;

	stand_open(st);
	recs[0] = page(url_of(1), NULL, "text");
	recs[0].title = recs[0].metadata = recs[0].key = nothing;
	recs[1] = page(url_of(2), NULL, "text");
	recs[1].content = nothing;
	recs[2] = page(url_of(3), NULL, "text");
	recs[2].url = nothing;
	recs[3] = page(url_of(4), NULL, "");
	r = save(st, recs, 4, WR_UPDATE);
	assert_int_equal(wr_reply_outcome(r, 0, NULL), WR_INSERTED);
	assert_int_equal(wr_reply_outcome(r, 1, &err), WR_FAILED);
	assert_int_equal(err->status, WR_EDATA);
	assert_int_equal(wr_reply_outcome(r, 2, &err), WR_FAILED);
	assert_int_equal(err->status, WR_EDATA);
	assert_int_equal(wr_reply_outcome(r, 3, NULL), WR_INSERTED);
	wr_reply_free(r);
	query.text = str("text");
	query.mark_start = query.mark_end = nothing;
	must(wr_search_wait(st->store, &query, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_documents(r), 1);
	wr_reply_free(r);
	query.text = nothing;
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_EINVAL);
	scan.after = nothing;
	must(wr_scan_wait(st->store, &scan, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_documents(r), 2);
	wr_reply_free(r);
	assert_int_equal(wr_get(st->store, &nothing, 1, 0, st->q, 1, &st->err),
			 WR_EINVAL);
}

/* ------------------------------------------------------- reading, knowing --
 */

static void get_answers_in_the_order_asked_for(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(2), "Title", "the content");
	struct wr_document doc = WR_DOCUMENT_INIT;
	struct wr_str urls[] = { str(url_of(9)), str(url_of(2)), str(""),
				 str(url_of(2)), str("http://[bad") };
	wr_reply *r;

	stand_open(st);
	rec.metadata = str("{\"b\":1,\"a\":\"x\"}");
	rec.fetched_at = 1600000000000000;
	wr_reply_free(save(st, &rec, 1, WR_UPDATE));
	must(wr_get_wait(st->store, urls, 5,
			 WR_PART_CONTENT | WR_PART_EMBEDDING, -1, &r, &st->err),
	     &st->err);
	assert_int_equal(wr_reply_documents(r), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(wr_reply_document(r, i, &doc),
				 i == 1 || i == 3);
	assert_int_equal(wr_reply_document(r, 5, &doc), WR_EINVAL);
	assert_int_equal(wr_reply_document(r, 3, &doc), 1);
	assert_true(str_is(doc.url, url_of(2)));
	assert_true(str_is(doc.title, "Title"));
	assert_true(str_is(doc.content, "the content"));
	assert_non_null(strstr(doc.metadata.ptr, "\"x\""));
	assert_int_equal(doc.fetched_at, 1600000000000000);
	assert_true(doc.created_at > doc.fetched_at);
	assert_int_equal(doc.embedding_dim, 32);
	assert_non_null(doc.embedding);
	assert_false(doc.pending);
	wr_reply_free(r);
	assert_int_equal(get(st, url_of(2), 0, &doc, &r), 1);
	assert_null(doc.embedding);
	assert_int_equal(doc.embedding_dim, 0);
	assert_int_equal(doc.content.len, 0);
	wr_reply_free(r);
}

static void known_says_what_is_stored_and_since_when(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[] = { page(url_of(1), NULL, "text"),
				    page(url_of(2), NULL, "") };
	struct wr_str urls[] = { str(url_of(1)), str(url_of(2)), str(url_of(3)),
				 str("") };
	struct wr_known_url k = WR_KNOWN_URL_INIT;
	wr_reply *r;

	stand_open(st);
	recs[0].fetched_at = 1600000000000000;
	recs[1].fetched_at = 1500000000000000;
	wr_reply_free(save(st, recs, 2, WR_UPDATE));
	must(wr_known_wait(st->store, urls, 4, 0, 0, -1, &r, &st->err),
	     &st->err);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(wr_reply_known(r, i, &k), 0);
		assert_int_equal(k.stored, i < 2);
		assert_int_equal(k.fetched_at, 0);
	}
	assert_int_equal(wr_reply_known(r, 4, &k), WR_EINVAL);
	wr_reply_free(r);
	must(wr_known_wait(st->store, urls, 4, 1600000000000000,
			   WR_KNOWN_DETAILS, -1, &r, &st->err),
	     &st->err);
	assert_int_equal(wr_reply_known(r, 0, &k), 0);
	assert_int_equal(k.stored, 1);
	assert_int_equal(k.has_embedding, 1);
	assert_int_equal(k.fetched_at, 1600000000000000);
	assert_int_equal(wr_reply_known(r, 1, &k), 0);
	assert_int_equal(k.stored, 0);
	wr_reply_free(r);
	must(wr_known_wait(st->store, urls, 4, 0, WR_KNOWN_DETAILS, -1, &r,
			   &st->err),
	     &st->err);
	assert_int_equal(wr_reply_known(r, 1, &k), 0);
	assert_int_equal(k.stored, 1);
	assert_int_equal(k.has_embedding, 0);
	wr_reply_free(r);
}

static void a_scan_pages_through_all_documents(void **state)
{
	enum { N = 250 };
	struct stand *st = *state;
	struct wr_record recs[N];
	char urls[N][32];
	struct wr_scan scan = WR_SCAN_INIT;
	struct wr_document doc = WR_DOCUMENT_INIT;
	wr_reply *r, *before = NULL;
	unsigned seen = 0, pages = 0;

	stand_open(st);
	for (unsigned i = 0; i < N; i++) {
		snprintf(urls[i], sizeof(urls[i]), "https://a.example/%05u", i);
		recs[i] = page(urls[i], NULL, "");
	}
	wr_reply_free(save(st, recs, N, WR_UPDATE));
	for (;;) {
		must(wr_scan_wait(st->store, &scan, -1, &r, &st->err),
		     &st->err);
		wr_reply_free(before);
		before = r;
		pages++;
		for (size_t i = 0; i < wr_reply_documents(r); i++) {
			assert_int_equal(wr_reply_document(r, i, &doc), 1);
			assert_true(str_is(doc.url, urls[seen++]));
		}
		scan.after = wr_reply_cursor(r);
		if (!scan.after.len)
			break;
	}
	assert_int_equal(seen, N);
	assert_int_equal(pages, 3);
	wr_reply_free(r);
	/* A last page that is full is followed by an empty one. */
	scan.after = str(urls[199]);
	scan.limit = 50;
	must(wr_scan_wait(st->store, &scan, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_documents(r), 50);
	scan.after = wr_reply_cursor(r);
	assert_true(str_is(scan.after, urls[249]));
	must(wr_scan_wait(st->store, &scan, -1, &before, &st->err), &st->err);
	wr_reply_free(r);
	assert_int_equal(wr_reply_documents(before), 0);
	assert_int_equal(wr_reply_cursor(before).len, 0);
	wr_reply_free(before);
	scan.limit = 10001;
	assert_int_equal(wr_scan_wait(st->store, &scan, -1, NULL, &st->err),
			 WR_EINVAL);
	scan.size = 0;
	assert_int_equal(wr_scan_wait(st->store, &scan, -1, NULL, &st->err),
			 WR_EINVAL);
	assert_int_equal(wr_scan_wait(st->store, NULL, -1, NULL, &st->err),
			 WR_EINVAL);
}

/* -------------------------------------------------------------- searching --
 */

static void fill(struct stand *st)
{
	struct wr_record recs[] = {
		page("https://a.example/cats", "Cats",
		     "A cat sleeps on the warm roof all day."),
		page("https://a.example/dogs", "Dogs",
		     "A dog runs across the cold field."),
		page("https://b.example/fish", "Fish",
		     "Silver fish swim below the warm sea."),
		page("https://b.example/empty", "Nothing", ""),
	};

	recs[0].metadata = str("{\"kind\":\"pet\"}");
	recs[1].metadata = str("{\"kind\":\"pet\"}");
	for (int i = 0; i < 4; i++)
		recs[i].fetched_at = 1600000000000000 + i;
	wr_reply_free(save(st, recs, 4, WR_UPDATE));
}

static wr_reply *search(struct stand *st, const struct wr_query *query)
{
	wr_reply *r;

	must(wr_search_wait(st->store, query, 60000, &r, &st->err), &st->err);
	return r;
}

static void text_vector_and_both_find_the_right_page(void **state)
{
	struct stand *st = *state;
	struct wr_query query = WR_QUERY_INIT;
	struct wr_document doc = WR_DOCUMENT_INIT;
	enum wr_mode modes[] = { WR_SEARCH_AUTO, WR_SEARCH_TEXT,
				 WR_SEARCH_VECTOR, WR_SEARCH_HYBRID };
	wr_reply *r;

	st->opts.dim = 0;
	stand_open(st);
	fill(st);
	query.text = str("cold field dog");
	query.mark_start = str("<b>");
	query.mark_end = str("</b>");
	for (size_t i = 0; i < 4; i++) {
		bool text = modes[i] != WR_SEARCH_VECTOR;
		bool vector = modes[i] != WR_SEARCH_TEXT;

		query.mode = modes[i];
		r = search(st, &query);
		assert_true(wr_reply_documents(r) >= 1);
		assert_int_equal(wr_reply_document(r, 0, &doc), 1);
		assert_true(str_is(doc.url, "https://a.example/dogs"));
		assert_true(str_is(doc.title, "Dogs"));
		assert_true(doc.score > 0);
		assert_int_equal(doc.rank_text, text);
		assert_int_equal(doc.rank_vector, vector);
		assert_non_null(doc.snippet.ptr);
		if (text)
			assert_non_null(strstr(doc.snippet.ptr, "<b>dog</b>"));
		assert_int_equal(doc.content.len, 0);
		for (size_t k = 1; k < wr_reply_documents(r); k++) {
			double before = doc.score;

			wr_reply_document(r, k, &doc);
			assert_true(doc.score <= before);
		}
		wr_reply_free(r);
	}
}

static void filters_narrow_a_search(void **state)
{
	struct stand *st = *state;
	struct wr_query query = WR_QUERY_INIT;
	struct wr_filter filter = WR_FILTER_INIT;
	struct wr_document doc = WR_DOCUMENT_INIT;
	wr_reply *r;

	st->opts.dim = 0;
	stand_open(st);
	fill(st);
	query.text = str("warm");
	query.filter = &filter;
	query.parts = WR_PART_CONTENT | WR_PART_EMBEDDING;
	filter.host = str("b.example");
	r = search(st, &query);
	assert_int_equal(wr_reply_documents(r), 1);
	assert_int_equal(wr_reply_document(r, 0, &doc), 1);
	assert_true(str_is(doc.url, "https://b.example/fish"));
	assert_int_equal(doc.embedding_dim, 384);
	assert_true(doc.content.len > 10);
	wr_reply_free(r);
	filter = (struct wr_filter)WR_FILTER_INIT;
	filter.metadata = str("{\"kind\":\"pet\"}");
	filter.until = 1600000000000001;
	r = search(st, &query);
	assert_int_equal(wr_reply_documents(r), 1);
	assert_int_equal(wr_reply_document(r, 0, &doc), 1);
	assert_true(str_is(doc.url, "https://a.example/cats"));
	wr_reply_free(r);
	filter.metadata = str("nonsense");
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_EINVAL);
	filter = (struct wr_filter)WR_FILTER_INIT;
	filter.size = 0;
	filter.host = str("b.example");
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_EINVAL);
}

static void a_vector_is_searched_for_as_it_is(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[3];
	struct wr_query query = WR_QUERY_INIT;
	struct wr_document doc = WR_DOCUMENT_INIT;
	float vectors[3][2] = { { 1, 0 }, { 0, 1 }, { -1, 0 } };
	float wanted[2] = { 0.1f, 1 };
	wr_reply *r;

	st->opts.embedder = "none";
	st->opts.dim = 2;
	stand_open(st);
	for (unsigned i = 0; i < 3; i++) {
		recs[i] = page(url_of(i), NULL, "text");
		recs[i].embedding = vectors[i];
	}
	wr_reply_free(save(st, recs, 3, WR_UPDATE));
	query.vector = wanted;
	query.limit = 2;
	r = search(st, &query);
	assert_int_equal(wr_reply_documents(r), 2);
	wr_reply_document(r, 0, &doc);
	assert_true(str_is(doc.url, url_of(1)));
	wr_reply_document(r, 1, &doc);
	assert_true(str_is(doc.url, url_of(0)));
	wr_reply_free(r);
	query.vector_dim = 1;
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_ESCHEMA);
	query.vector_dim = 2;
	wanted[0] = NAN;
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_EINVAL);
	/* Without an embedder a text has no vector. */
	query.vector = NULL;
	query.text = str("text");
	query.mode = WR_SEARCH_HYBRID;
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_ENOTSUP);
	query.mode = WR_SEARCH_AUTO;
	query.limit = 0;
	r = search(st, &query);
	assert_int_equal(wr_reply_documents(r), 3);
	wr_reply_free(r);
}

static void what_a_search_cannot_be_is_refused(void **state)
{
	struct stand *st = *state;
	struct wr_query query = WR_QUERY_INIT;
	wr_reply *r;

	st->opts.fulltext = WR_FULLTEXT_OFF;
	stand_open(st);
	assert_int_equal(wr_search_wait(st->store, NULL, -1, NULL, &st->err),
			 WR_EINVAL);
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_EINVAL);
	query.text = str("words");
	query.limit = 10001;
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_EINVAL);
	query.limit = 10000;
	query.mode = (enum wr_mode)9;
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_EINVAL);
	query.mode = WR_SEARCH_TEXT;
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_ENOTSUP);
	query.mode = WR_SEARCH_AUTO;
	r = search(st, &query);
	wr_reply_free(r);
	query.size = 0;
	assert_int_equal(wr_search_wait(st->store, &query, -1, NULL, &st->err),
			 WR_EINVAL);
}

/* ------------------------------------------------------ deleting, pruning --
 */

static void a_delete_takes_its_turn_with_submissions(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");
	struct wr_str urls[] = { str(url_of(1)), str(url_of(2)) };
	struct wr_event ev;

	stand_open(st);
	for (int round = 0; round < 5; round++) {
		must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, NULL),
		     NULL);
		must(wr_delete(st->store, urls, 2, 0, st->q, 2, NULL), NULL);
		must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 3, NULL),
		     NULL);
		must(wr_delete(st->store, urls, 1, 0, st->q, 4, NULL), NULL);
		for (int i = 0; i < 4; i++) {
			assert_int_equal(wr_queue_next(st->q, &ev, 1, 60000),
					 1);
			assert_int_equal(ev.status, 0);
			if (ev.tag & 1) {
				assert_int_equal(
					wr_reply_count(ev.reply, WR_INSERTED),
					1);
			} else {
				assert_int_equal(wr_reply_total(ev.reply), 1);
				assert_int_equal(
					wr_reply_skip(ev.reply, ev.tag == 2),
					ev.tag == 2 ? WR_SKIP_GONE
						    : WR_SKIP_NONE);
			}
			wr_reply_free(ev.reply);
		}
		assert_false(is_stored(st, url_of(1)));
	}
	assert_int_equal(wr_delete(st->store, NULL, 1, 0, st->q, 0, &st->err),
			 WR_EINVAL);
}

static void a_prune_deletes_what_passes_its_filter(void **state)
{
	struct stand *st = *state;
	struct wr_prune what = WR_PRUNE_INIT;
	struct wr_filter filter = WR_FILTER_INIT;
	struct wr_record rec;
	wr_reply *r;

	stand_open(st);
	for (unsigned i = 0; i < 10; i++) {
		rec = page(url_of(i), NULL, "");
		rec.fetched_at = 1000000 * (1 + (int64_t)i);
		wr_reply_free(save(st, &rec, 1, WR_UPDATE));
	}
	assert_int_equal(wr_prune_wait(st->store, &what, -1, &r, &st->err),
			 WR_EINVAL);
	what.filter = &filter;
	assert_int_equal(wr_prune_wait(st->store, &what, -1, &r, &st->err),
			 WR_EINVAL);
	assert_int_equal(wr_prune_wait(st->store, NULL, -1, &r, &st->err),
			 WR_EINVAL);
	filter.until = 8000000;
	what.dry_run = 1;
	must(wr_prune_wait(st->store, &what, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 7);
	wr_reply_free(r);
	assert_int_equal(stat_of(st, "documents"), 10);
	what.dry_run = 0;
	what.limit = 3;
	must(wr_prune_wait(st->store, &what, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 3);
	wr_reply_free(r);
	assert_int_equal(stat_of(st, "documents"), 7);
	what.limit = 0;
	must(wr_prune_wait(st->store, &what, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 4);
	wr_reply_free(r);
	assert_false(is_stored(st, url_of(6)));
	assert_true(is_stored(st, url_of(7)));
}

static void stats_check_and_migrate_answer(void **state)
{
	struct stand *st = *state;
	const char *name, *value, *what, *advice;
	enum wr_log_level level;
	bool dim = false;
	wr_reply *r;

	stand_open(st);
	fill(st);
	assert_int_equal(stat_of(st, "documents"), 4);
	assert_int_equal(stat_of(st, "documents_with_embedding"), 3);
	assert_int_equal(stat_of(st, "documents_pending"), 0);
	must(wr_stats_wait(st->store, 0, -1, &r, &st->err), &st->err);
	for (size_t i = 0; wr_reply_property(r, i, &name, &value); i++) {
		if (!strcmp(name, "embedder"))
			assert_string_equal(value, "hash");
		dim |= !strcmp(name, "dim") && !strcmp(value, "32");
	}
	assert_true(dim);
	wr_reply_free(r);
	must(wr_check_wait(st->store, WR_CHECK_DEEP, -1, &r, &st->err),
	     &st->err);
	for (size_t i = 0; wr_reply_finding(r, i, &level, &what, &advice); i++)
		assert_true(level != WR_LOG_ERROR && *what);
	wr_reply_free(r);
	must(wr_migrate_wait(st->store, -1, &r, &st->err), &st->err);
	assert_true(wr_reply_total(r) >= 1);
	wr_reply_free(r);
}

static void indexes_and_progress_answer_where_there_are_none(void **state)
{
	struct stand *st = *state;
	struct wr_index index = WR_INDEX_INIT;
	const char *name, *value;
	uint64_t number;
	wr_reply *r;

	stand_open(st);
	fill(st);
	must(wr_index_wait(st->store, &index, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 0);
	wr_reply_free(r);
	index.which = WR_INDEX_TEXT;
	index.drop = 1;
	must(wr_index_wait(st->store, &index, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 0);
	wr_reply_free(r);
	must(wr_progress_wait(st->store, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_property(r, 0, &name, &value), 0);
	assert_int_equal(wr_reply_stat(r, 0, &name, &number), 0);
	wr_reply_free(r);
	index.which = 4;
	assert_int_equal(wr_index(st->store, &index, st->q, 1, &st->err),
			 WR_EINVAL);
	assert_int_equal(wr_index(st->store, NULL, st->q, 1, &st->err),
			 WR_EINVAL);
	index.size = 0;
	assert_int_equal(wr_index(st->store, &index, st->q, 1, &st->err),
			 WR_EINVAL);
}

static void what_only_postgresql_has_is_refused(void **state)
{
	struct stand *st = *state;
	struct wr_options wishes[] = { WR_OPTIONS_INIT, WR_OPTIONS_INIT,
				       WR_OPTIONS_INIT, WR_OPTIONS_INIT,
				       WR_OPTIONS_INIT };
	wr_store *store;

	wishes[0].schema = "pages";
	wishes[1].table = "pages";
	wishes[2].vector_type = "halfvec";
	wishes[3].language = "german";
	wishes[4].distributed = 1;
	for (int i = 0; i < 5; i++) {
		wishes[i].store = st->opts.store;
		assert_int_equal(wr_open_wait(&store, &wishes[i], -1, &st->err),
				 WR_EINVAL);
		assert_non_null(strstr(st->err.message, "PostgreSQL"));
	}
}

/* ------------------------------------------------------- there and back -- */

static void export_to(struct stand *st, const char *path)
{
	struct wr_scan scan = WR_SCAN_INIT;
	struct wr_document doc = WR_DOCUMENT_INIT;
	wr_writer *w;
	wr_reply *r;

	scan.parts = WR_PART_CONTENT | WR_PART_EMBEDDING;
	must(wr_scan_wait(st->store, &scan, -1, &r, &st->err), &st->err);
	must(wr_writer_open(&w, path, &st->err), &st->err);
	for (size_t i = 0; i < wr_reply_documents(r); i++) {
		assert_int_equal(wr_reply_document(r, i, &doc), 1);
		must(wr_writer_put(w, &doc, scan.parts, &st->err), &st->err);
	}
	must(wr_writer_close(w, &st->err), &st->err);
	wr_reply_free(r);
}

static void import_from(struct stand *st, const char *path)
{
	struct wr_reader_options opts = WR_READER_OPTIONS_INIT;
	struct wr_record rec;
	wr_reader *reader;
	int more;

	opts.path = path;
	must(wr_reader_open(&reader, &opts, &st->err), &st->err);
	while ((more = wr_reader_next(reader, &rec, &st->err)) > 0)
		wr_reply_free(save(st, &rec, 1, WR_UPDATE));
	must(more, &st->err);
	wr_reader_close(reader);
}

static void what_is_exported_comes_back_the_same(void **state)
{
	struct stand *st = *state;
	struct wr_document a = WR_DOCUMENT_INIT, b = WR_DOCUMENT_INIT;
	const char *const urls[] = { "https://a.example/cats",
				     "https://b.example/empty" };
	char path[128];
	wr_reply *old[2], *new;

	snprintf(path, sizeof(path), "%s/out.jsonl.zst", st->folder);
	stand_open(st);
	fill(st);
	export_to(st, path);
	for (int i = 0; i < 2; i++)
		get(st, urls[i], 3, &a, &old[i]);
	stand_close(st);
	st->opts.store = "mem:";
	stand_open(st);
	import_from(st, path);
	assert_int_equal(metric_of(st->store, "windrow_embed_calls_total"), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(wr_reply_document(old[i], 0, &a), 1);
		assert_int_equal(get(st, urls[i], 3, &b, &new), 1);
		assert_int_equal(a.fetched_at, b.fetched_at);
		assert_int_equal(a.created_at, b.created_at);
		assert_int_equal(a.updated_at, b.updated_at);
		assert_int_equal(a.content.len, b.content.len);
		assert_memory_equal(a.content.ptr, b.content.ptr,
				    a.content.len);
		assert_int_equal(a.metadata.len, b.metadata.len);
		assert_int_equal(a.embedding_dim, b.embedding_dim);
		if (a.embedding_dim)
			assert_memory_equal(a.embedding, b.embedding,
					    a.embedding_dim * sizeof(float));
		wr_reply_free(new);
		wr_reply_free(old[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(outcomes_come_in_the_order_of_the_records),
		BOTH(policies_decide_about_what_is_stored),
		OVER_MEM(what_a_submission_cannot_be_is_refused),
		BOTH(an_empty_submission_settles),
		BOTH(a_text_without_a_pointer_is_left_out),
		BOTH(get_answers_in_the_order_asked_for),
		BOTH(known_says_what_is_stored_and_since_when),
		BOTH(a_scan_pages_through_all_documents),
		BOTH(text_vector_and_both_find_the_right_page),
		BOTH(filters_narrow_a_search),
		BOTH(a_vector_is_searched_for_as_it_is),
		BOTH(what_a_search_cannot_be_is_refused),
		BOTH(a_delete_takes_its_turn_with_submissions),
		BOTH(a_prune_deletes_what_passes_its_filter),
		BOTH(stats_check_and_migrate_answer),
		BOTH(indexes_and_progress_answer_where_there_are_none),
		BOTH(what_only_postgresql_has_is_refused),
		BOTH(what_is_exported_comes_back_the_same),
	};

	return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
