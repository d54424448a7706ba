#include "record/record.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/text.h"
#include <string.h>

#define WHERE "record"
#define DAY_US ((int64_t)86400 * 1000000)

enum { QUOTED = 80 /* bytes of a key that a message shows */ };

/* A record in the making. */
struct maker {
	struct record *rec;
	const struct wr_record *in;
	const struct record_rules *rules;
	struct arena *arena;
	struct record_repairs *repairs;
	struct wr_error *err;
};

/* s, or a clean copy in arena. */
static int clean(struct wr_str *out, struct wr_str s, struct arena *arena,
		 struct record_repairs *repairs)
{
	struct buf buf = { 0 };
	int status;

	*out = s;
	if (!s.ptr || text_is_clean(s))
		return 0;
	text_clean(&buf, s, &repairs->utf8, &repairs->nul);
	status = buf_status(&buf);
	if (!status) {
		/* Nothing but NULs leaves a text that is empty, not left out.
		 */
		out->ptr = buf.len ? buf.ptr : "";
		out->len = buf.len;
		status = arena_dup(arena, out, *out);
	}
	buf_release(&buf);
	return status;
}

static int refuse_size(struct maker *m, const char *what, size_t len)
{
	struct wr_str key = str_clip(m->rec->key, QUOTED);

	return error_set(m->err, WR_EDATA, 0, WHERE,
			 "%s of \"%.*s\" has %zu bytes, the limit is %llu; "
			 "shorten it or raise max_content_bytes",
			 what, (int)key.len, key.ptr, len,
			 (unsigned long long)m->rules->max_content);
}

/* --------------------------------------------------------------- the key -- */

static int key_of_own(struct wr_str *out, struct wr_str key,
		      struct arena *arena, struct record_repairs *repairs,
		      struct wr_error *err)
{
	struct wr_str head;

	if (key.len > URL_MAX) {
		head = str_clip(key, QUOTED);
		return error_set(err, WR_EDATA, 0, WHERE,
				 "key of %zu bytes is over the limit of %d; "
				 "give a shorter one: \"%.*s...\"",
				 key.len, URL_MAX, (int)head.len, head.ptr);
	}
	if (clean(out, key, arena, repairs))
		return error_nomem(err, WHERE);
	if (!out->len)
		return error_set(err, WR_EDATA, 0, WHERE,
				 "key is empty; a record needs one, or a URL");
	if (out->len <= URL_MAX)
		return 0;
	head = str_clip(*out, QUOTED);
	return error_set(err, WR_EDATA, 0, WHERE,
			 "key is over the limit of %d bytes when its broken "
			 "characters are replaced: \"%.*s...\"",
			 URL_MAX, (int)head.len, head.ptr);
}

static int key_of_url(struct wr_str *out, struct wr_str url, enum wr_urls mode,
		      struct arena *arena, struct record_repairs *repairs,
		      struct wr_error *err)
{
	int status = url_canonical(out, url, mode, arena, err);

	if (status)
		return status;
	if (mode == WR_URLS_AS_GIVEN)
		return key_of_own(out, url, arena, repairs, err);
	/* A canonical URL is ASCII: what was broken is percent-encoded. */
	if (out->ptr != url.ptr)
		for (size_t i = 0; i < url.len; i++)
			repairs->nul += !url.ptr[i];
	return 0;
}

int record_key(struct wr_str *out, struct wr_str url, enum wr_urls mode,
	       struct arena *arena, struct wr_error *err)
{
	struct record_repairs repairs = { 0 };
	int status = key_of_url(out, url, mode, arena, &repairs, err);

	/* What is no URL can be a key that a record brought. */
	if (status == WR_EDATA && url.len && url.len <= URL_MAX)
		status = key_of_own(out, url, arena, &repairs, err);
	if (!status)
		error_clear(err);
	return status;
}

static int make_key(struct maker *m)
{
	struct record *rec = m->rec;
	int status;

	if (m->in->key.ptr)
		status = key_of_own(&rec->key, m->in->key, m->arena, m->repairs,
				    m->err);
	else
		status = key_of_url(&rec->key, m->in->url, m->rules->urls,
				    m->arena, m->repairs, m->err);
	if (!status)
		rec->key_hash = digest_hash(rec->key);
	return status;
}

/* -------------------------------------------------------------- the rest -- */

static int make_text(struct maker *m, const char *what, struct wr_str *out,
		     struct wr_str in)
{
	if (in.len > m->rules->max_content)
		return refuse_size(m, what, in.len);
	if (clean(out, in, m->arena, m->repairs))
		return error_nomem(m->err, WHERE);
	return 0;
}

static int refuse_metadata(struct maker *m, const char *why)
{
	struct wr_str key = str_clip(m->rec->key, QUOTED);

	return error_set(m->err, WR_EDATA, 0, WHERE,
			 "metadata of \"%.*s\" is no JSON object: %s",
			 (int)key.len, key.ptr, why);
}

/* Canonical metadata, in text. */
static int metadata_write(struct maker *m, struct buf *text)
{
	struct json_repairs repairs = { 0 };
	struct json *parsed = NULL;
	struct wr_error why = { 0 };
	int status;

	status = json_parse(&parsed, m->in->metadata, &repairs, &why);
	if (status == WR_EDATA)
		return refuse_metadata(m, why.message);
	if (status)
		return error_nomem(m->err, WHERE);
	if (json_kind_of(parsed) == JSON_OBJECT) {
		json_write(text, parsed);
		status = buf_status(text);
		if (status)
			error_nomem(m->err, WHERE);
	} else {
		status = refuse_metadata(m, "it is another value");
	}
	json_free(parsed);
	m->repairs->utf8 += repairs.utf8;
	m->repairs->nul += repairs.nul;
	return status;
}

/* With the URL in it, where that is not the key. */
static int metadata_add_url(struct maker *m, struct buf *text)
{
	struct buf with = { 0 };
	struct wr_str url, old = { NULL, 0 };
	int status;

	status = clean(&url, m->in->url, m->arena, m->repairs);
	if (status)
		return error_nomem(m->err, WHERE);
	if (!url.len || str_eq(url, m->rec->key))
		return 0;
	if (text->len)
		old = buf_str(text);
	status = json_with_member(&with, old, "url", url);
	if (status) {
		buf_release(&with);
		return error_nomem(m->err, WHERE);
	}
	buf_release(text);
	*text = with;
	return 0;
}

static int make_metadata(struct maker *m)
{
	bool has_url = m->in->key.ptr && m->in->url.len;
	struct buf text = { 0 };
	int status = 0;

	if (m->in->metadata.len > m->rules->max_content)
		return refuse_size(m, "metadata", m->in->metadata.len);
	if (has_url && m->in->url.len > m->rules->max_content)
		return refuse_size(m, "URL", m->in->url.len);
	if (m->in->metadata.ptr)
		status = metadata_write(m, &text);
	if (!status && has_url)
		status = metadata_add_url(m, &text);
	if (!status && text.len) {
		status = arena_dup(m->arena, &m->rec->metadata, buf_str(&text));
		if (status)
			error_nomem(m->err, WHERE);
	}
	buf_release(&text);
	return status;
}

/* A clock that is ahead must not make a document stale for ever. */
static int64_t not_ahead(int64_t us, int64_t now_us)
{
	return us > now_us && us - now_us > DAY_US ? now_us : us;
}

static void make_times(struct maker *m)
{
	int64_t now_us = m->rules->now_us;

	m->rec->timed = m->in->fetched_at != 0;
	m->rec->fetched_at =
		m->rec->timed ? not_ahead(m->in->fetched_at, now_us) : now_us;
	m->rec->created_at = not_ahead(m->in->created_at, now_us);
	m->rec->updated_at = not_ahead(m->in->updated_at, now_us);
}

static int refuse_vector(struct maker *m, const char *why)
{
	struct wr_str key = str_clip(m->rec->key, QUOTED);

	return error_set(m->err, WR_EDATA, 0, WHERE, "embedding of \"%.*s\" %s",
			 (int)key.len, key.ptr, why);
}

static int make_embedding(struct maker *m)
{
	struct wr_str key = str_clip(m->rec->key, QUOTED);
	size_t want = m->rules->dim;
	size_t dim = m->in->embedding_dim ? m->in->embedding_dim : want;

	if (!m->in->embedding)
		return 0;
	if (!dim)
		return refuse_vector(m, "has no dimension, nor has the store "
					"yet; set embedding_dim");
	if (want && dim != want)
		return error_set(m->err, WR_EDATA, 0, WHERE,
				 "embedding of \"%.*s\" has %zu dimensions, "
				 "those of the store have %zu; embed it with "
				 "the store's model",
				 (int)key.len, key.ptr, dim, want);
	if (dim > VECTOR_DIM_MAX)
		return error_set(m->err, WR_EDATA, 0, WHERE,
				 "embedding of \"%.*s\" has %zu dimensions, "
				 "the limit is %d",
				 (int)key.len, key.ptr, dim, VECTOR_DIM_MAX);
	if (!vector_is_sound(m->in->embedding, dim))
		return refuse_vector(m, "is all zero or not finite (NaN or "
					"Inf); leave it out");
	m->rec->embedding = m->in->embedding;
	return 0;
}

int record_prepare(struct record *out, const struct wr_record *in,
		   const struct record_rules *rules, struct arena *arena,
		   struct record_repairs *repairs, struct wr_error *err)
{
	struct maker m = { out, in, rules, arena, repairs, err };
	struct wr_str key;
	int status;

	memset(out, 0, sizeof(*out));
	status = make_key(&m);
	if (status)
		return status;
	key = str_clip(out->key, QUOTED);
	if (!in->content.ptr)
		return error_set(err, WR_EDATA, 0, WHERE,
				 "\"%.*s\" has no content; give raw_content, "
				 "\"\" for a page without text",
				 (int)key.len, key.ptr);
	status = make_text(&m, "content", &out->content, in->content);
	if (!status)
		status = make_text(&m, "title", &out->title, in->title);
	if (!status)
		status = make_metadata(&m);
	if (!status)
		status = make_embedding(&m);
	if (status)
		return status;
	make_times(&m);
	digest_of(out->content, out->content_hash);
	record_meta_hash(out->meta_hash, out->title, out->metadata);
	return 0;
}

/* --------------------------------------------------------- what it tells -- */

static void half_of(uint8_t out[META_HALF], struct wr_str s)
{
	uint8_t digest[DIGEST_SIZE];

	if (!s.ptr) {
		memset(out, 0, META_HALF);
		return;
	}
	digest_of(s, digest);
	memcpy(out, digest, META_HALF);
}

void record_meta_hash(uint8_t out[META_SIZE], struct wr_str title,
		      struct wr_str metadata)
{
	half_of(out, title);
	half_of(out + META_HALF, metadata);
}

bool record_meta_same(const struct record *rec, const uint8_t stored[META_SIZE])
{
	if (rec->title.ptr && memcmp(rec->meta_hash, stored, META_HALF) != 0)
		return false;
	return !rec->metadata.ptr || !memcmp(rec->meta_hash + META_HALF,
					     stored + META_HALF, META_HALF);
}

bool record_has_text(const struct record *rec)
{
	struct text_words words;
	struct text_word word;

	text_words_init(&words, rec->content);
	return text_words_next(&words, &word);
}
