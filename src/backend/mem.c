/*
 * The reference backend: documents in memory, gone when the store is closed.
 *
 * Every op is a job of its own, so that ops overlap and end in any order, as
 * those of a database do; each one is carried out whole, under a lock.
 */
#include "base/mem.h"
#include "backend/mem_table.h"
#include "backend/settings.h"
#include "base/error.h"
#include "base/str.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { SCHEMA_VERSION = 1 };

struct mem_store {
	struct loop *loop;

	pthread_mutex_t lock; /* guards all that follows, against workers */
	struct mem_table table;
	struct settings settings;

	/* Loop thread only: ops for which there was no memory. */
	struct loop_task refuse;
	bool refusing;
	struct list_node refused;
};

/* An op on its way through a worker. */
struct mem_job {
	struct loop_job job;
	struct mem_store *store;
	struct backend_op *op;
	atomic_bool canceled;
};

/* ------------------------------------------------------------- reading -- */

static int put_embedding(struct result *result, struct document *to,
			 const struct mem_doc *doc, uint32_t dim)
{
	float *copy = arena_zalloc(&result->arena, dim, sizeof(*copy));

	if (!copy)
		return WR_ENOMEM;
	memcpy(copy, doc->vector, dim * sizeof(*copy));
	to->embedding = copy;
	to->dim = dim;
	return 0;
}

/* A document in the result; *out (may be NULL) for what else it says. */
static int put_document(const struct mem_table *t, struct result *result,
			const struct mem_doc *doc, unsigned parts,
			struct document **out)
{
	struct document *to = result_add(result);

	if (!to)
		return WR_ENOMEM;
	if (out)
		*out = to;
	if (!doc)
		return 0;
	to->found = true;
	to->pending = doc->pending;
	to->fetched_at = doc->fetched_at;
	to->created_at = doc->created_at;
	to->updated_at = doc->updated_at;
	memcpy(to->content_hash, doc->same->hash, DIGEST_SIZE);
	if (arena_dup(&result->arena, &to->key, mem_text_str(doc->key)) ||
	    arena_dup(&result->arena, &to->title, mem_text_str(doc->title)) ||
	    arena_dup(&result->arena, &to->metadata,
		      mem_text_str(doc->metadata)))
		return WR_ENOMEM;
	if ((parts & WR_PART_CONTENT) &&
	    arena_dup(&result->arena, &to->content, mem_text_str(doc->content)))
		return WR_ENOMEM;
	if ((parts & WR_PART_EMBEDDING) && doc->vector)
		return put_embedding(result, to, doc, t->dim);
	return 0;
}

static int do_lookup(struct mem_store *s, struct backend_op *op)
{
	const struct mem_table *t = &s->table;

	for (size_t i = 0; i < op->u.lookup.n; i++) {
		struct lookup *item = &op->u.lookup.items[i];
		const struct mem_doc *doc = mem_table_find(t, item->rec->key);
		struct stored_row row = mem_doc_row(doc);
		const float *vector = NULL;

		decide_lookup(item, &row);
		if (decide_reuse(item))
			vector = mem_table_vector(t, item->rec->content_hash);
		if (vector) {
			memcpy(item->vector, vector, t->dim * sizeof(float));
			item->reused = true;
		}
	}
	return 0;
}

static int do_write(struct mem_store *s, struct backend_op *op)
{
	return mem_table_write(&s->table, op->u.write.items, op->u.write.n,
			       op->u.write.touch_after_us, &op->error);
}

static int do_known(struct mem_store *s, struct backend_op *op)
{
	for (size_t i = 0; i < op->u.known.n; i++) {
		const struct mem_doc *doc =
			mem_table_find(&s->table, op->u.known.keys[i]);
		uint8_t bits = 0;

		if (doc && op->u.known.since &&
		    doc->fetched_at < op->u.known.since)
			doc = NULL;
		if (doc)
			bits = KNOWN_STORED;
		if (doc && op->u.known.details && doc->vector)
			bits |= KNOWN_VECTOR;
		op->u.known.stored[i] = bits;
		if (op->u.known.details)
			op->u.known.fetched_at[i] = doc ? doc->fetched_at : 0;
	}
	return 0;
}

static int do_get(struct mem_store *s, struct backend_op *op)
{
	for (size_t i = 0; i < op->u.get.n; i++) {
		struct wr_str key = op->u.get.keys[i];
		const struct mem_doc *doc = mem_table_find(&s->table, key);

		if (put_document(&s->table, op->u.get.result, doc,
				 op->u.get.parts, NULL))
			return WR_ENOMEM;
	}
	return 0;
}

static int do_scan(struct mem_store *s, struct backend_op *op)
{
	const struct mem_table *t = &s->table;
	struct result *result = op->u.scan.result;
	uint32_t left = op->u.scan.limit;

	op->u.scan.more = false;
	for (size_t i = mem_table_after(t, op->u.scan.after);
	     !op->u.scan.more && i < t->ndocs; i++) {
		if (!mem_doc_matches(t->docs[i], op->u.scan.filter))
			continue;
		if (put_document(t, result, t->docs[i], op->u.scan.parts, NULL))
			return WR_ENOMEM;
		op->u.scan.more =
			!--left || result_is_full(result, op->u.scan.max_bytes);
	}
	return 0;
}

static int do_pending(struct mem_store *s, struct backend_op *op)
{
	const struct mem_table *t = &s->table;
	uint32_t left = op->u.pending.limit;
	uint64_t remaining = 0;

	for (size_t i = 0; i < t->ndocs; i++)
		remaining += t->docs[i]->pending;
	if (op->u.pending.remaining)
		*op->u.pending.remaining = remaining;
	for (size_t i = mem_table_after(t, op->u.pending.after);
	     left && i < t->ndocs &&
	     !result_is_full(op->u.pending.result, op->u.pending.max_bytes);
	     i++) {
		if (!t->docs[i]->pending)
			continue;
		left--;
		if (put_document(t, op->u.pending.result, t->docs[i],
				 WR_PART_CONTENT, NULL))
			return WR_ENOMEM;
	}
	return 0;
}

/* ----------------------------------------------------------- searching -- */

static int put_hit(const struct mem_table *t, const struct backend_op *op,
		   const struct mem_hit *hit, uint32_t rank)
{
	struct result *result = op->u.search.result;
	struct document *to;
	struct buf snippet = { 0 };
	int status;

	if (put_document(t, result, hit->doc, op->u.search.parts, &to))
		return WR_ENOMEM;
	to->score = hit->score;
	if (op->u.search.mode == WR_SEARCH_TEXT)
		to->rank_text = rank;
	else
		to->rank_vector = rank;
	snippet_write(&snippet, mem_text_str(hit->doc->content),
		      op->u.search.text, &op->u.search.style);
	status = buf_status(&snippet);
	if (!status)
		status =
			arena_dup(&result->arena, &to->snippet,
				  snippet.len ? buf_str(&snippet) : str_of(""));
	buf_release(&snippet);
	return status;
}

static int find_hits(struct mem_store *s, struct backend_op *op,
		     struct mem_hit **hits, size_t *nhits)
{
	const struct filter *filter = op->u.search.filter;
	uint32_t limit = op->u.search.limit;

	switch (op->u.search.mode) {
	case WR_SEARCH_TEXT:
		if (s->settings.fulltext == WR_FULLTEXT_OFF)
			return error_set(&op->error, WR_ENOTSUP, 0, "mem",
					 "the store was made without full "
					 "text; search by vector, or make "
					 "another store");
		return mem_search_text(&s->table, op->u.search.text, filter,
				       limit, hits, nhits);
	case WR_SEARCH_VECTOR:
		if (!op->u.search.vector)
			return error_set(&op->error, WR_EINVAL, 0, "mem",
					 "a vector search without a vector");
		return mem_search_vector(&s->table, op->u.search.vector, filter,
					 limit, hits, nhits);
	case WR_SEARCH_AUTO:
	case WR_SEARCH_HYBRID:
		break;
	}
	return error_set(&op->error, WR_ENOTSUP, 0, "mem",
			 "the store searches by text or by vector");
}

static int do_search(struct mem_store *s, struct backend_op *op)
{
	struct mem_hit *hits = NULL;
	size_t nhits = 0;
	int status = find_hits(s, op, &hits, &nhits);

	for (size_t i = 0; !status && i < nhits; i++)
		status = put_hit(&s->table, op, &hits[i], (uint32_t)i + 1);
	mem_free(hits);
	return status;
}

/* --------------------------------------------------------- the rest -- */

static int do_prune(struct mem_store *s, struct backend_op *op)
{
	struct mem_table *t = &s->table;
	const struct mem_doc *last = NULL;
	uint64_t removed = 0;
	bool more = false;

	for (size_t i = mem_table_after(t, op->u.prune.after); i < t->ndocs;
	     i++) {
		if (!mem_doc_matches(t->docs[i], op->u.prune.filter))
			continue;
		if (!op->u.prune.dry_run && removed == op->u.prune.limit) {
			more = true;
			break;
		}
		removed++;
		last = t->docs[i];
		t->docs[i]->gone = !op->u.prune.dry_run;
	}
	if (op->u.prune.last) {
		buf_clear(op->u.prune.last);
		if (last)
			buf_add_str(op->u.prune.last, mem_text_str(last->key));
		if (buf_status(op->u.prune.last)) {
			for (size_t i = 0; i < t->ndocs; i++)
				t->docs[i]->gone = false;
			return WR_ENOMEM;
		}
	}
	op->u.prune.removed = removed;
	op->u.prune.more = more;
	if (!op->u.prune.dry_run && removed)
		mem_table_sweep(t);
	return 0;
}

struct totals {
	uint64_t embedded, pending, bytes;
	int64_t oldest, newest;
};

static struct totals add_up(const struct mem_table *t)
{
	struct totals sum = { 0 };

	for (size_t i = 0; i < t->ndocs; i++) {
		const struct mem_doc *doc = t->docs[i];

		sum.embedded += doc->vector != NULL;
		sum.pending += doc->pending;
		sum.bytes += doc->content.len;
		if (!i || doc->fetched_at < sum.oldest)
			sum.oldest = doc->fetched_at;
		if (!i || doc->fetched_at > sum.newest)
			sum.newest = doc->fetched_at;
	}
	return sum;
}

static int do_stats(struct mem_store *s, struct backend_op *op)
{
	struct totals sum = add_up(&s->table);
	const struct stat_pair stats[] = {
		{ "documents", s->table.ndocs },
		{ "documents_with_embedding", sum.embedded },
		{ "documents_pending", sum.pending },
		{ "content_bytes", sum.bytes },
		{ "oldest_fetched_at", (uint64_t)sum.oldest },
		{ "newest_fetched_at", (uint64_t)sum.newest },
	};

	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
		if (result_add_stat(op->u.stats.result, stats[i].name,
				    stats[i].value))
			return WR_ENOMEM;
	return settings_describe(&s->settings, "mem", op->u.stats.result);
}

static int do_check(struct mem_store *s, struct backend_op *op)
{
	struct totals sum = add_up(&s->table);

	if (!sum.pending)
		return 0;
	return result_add_finding(op->u.check.result, WR_LOG_INFO,
				  "embed what is pending",
				  "%llu documents wait for their embedding",
				  (unsigned long long)sum.pending);
}

static int do_migrate(struct mem_store *s, struct backend_op *op)
{
	op->u.migrate.version = s->settings.version;
	return 0;
}

/* Searches need no index here. */
static int do_index(struct mem_store *s, struct backend_op *op)
{
	(void)s;
	op->u.index.total = 0;
	return 0;
}

/* Nothing takes long enough to be watched. */
static int do_progress(struct mem_store *s, struct backend_op *op)
{
	(void)s;
	(void)op;
	return 0;
}

static int do_keys(struct mem_store *s, struct backend_op *op)
{
	struct mem_table *t = &s->table;
	size_t first = mem_table_after(t, op->u.keys.after);
	struct arena *arena = &op->u.keys.result->arena;
	struct wr_str *keys =
		arena_zalloc(arena, op->u.keys.limit, sizeof(*keys));
	size_t n = 0;

	if (!keys)
		return WR_ENOMEM;
	for (size_t i = first; i < t->ndocs && n < op->u.keys.limit; i++) {
		struct wr_str key = mem_text_str(t->docs[i]->key);

		if (op->u.keys.until.len && str_cmp(key, op->u.keys.until) > 0)
			break;
		if (arena_dup(arena, &keys[n++], key))
			return WR_ENOMEM;
	}
	op->u.keys.keys = keys;
	op->u.keys.n = n;
	op->u.keys.more = n == op->u.keys.limit;
	return 0;
}

static int do_settings(struct mem_store *s, struct backend_op *op)
{
	const struct settings *wanted = op->u.settings;

	if (wanted->dim != s->table.dim && add_up(&s->table).embedded)
		return error_set(&op->error, WR_ESCHEMA, 0, "mem",
				 "the store holds vectors of %u dimensions, "
				 "not %u",
				 s->table.dim, wanted->dim);
	memcpy(s->settings.embedder, wanted->embedder, SETTING_TEXT);
	memcpy(s->settings.model, wanted->model, SETTING_TEXT);
	s->settings.dim = wanted->dim;
	s->table.dim = wanted->dim;
	return 0;
}

static int (*const actions[BACKEND_NKINDS])(struct mem_store *s,
					    struct backend_op *op) = {
	[BACKEND_LOOKUP] = do_lookup,	[BACKEND_WRITE] = do_write,
	[BACKEND_KNOWN] = do_known,	[BACKEND_GET] = do_get,
	[BACKEND_SCAN] = do_scan,	[BACKEND_SEARCH] = do_search,
	[BACKEND_PENDING] = do_pending, [BACKEND_PRUNE] = do_prune,
	[BACKEND_STATS] = do_stats,	[BACKEND_CHECK] = do_check,
	[BACKEND_MIGRATE] = do_migrate, [BACKEND_SETTINGS] = do_settings,
	[BACKEND_INDEX] = do_index,	[BACKEND_PROGRESS] = do_progress,
	[BACKEND_KEYS] = do_keys,
};

/* ---------------------------------------------------------- the backend -- */

static void job_work(struct loop_job *j)
{
	struct mem_job *job = list_item(j, struct mem_job, job);
	struct backend_op *op = job->op;
	int status;

	if (atomic_load(&job->canceled)) {
		error_set(&op->error, WR_ECANCELED, 0, "mem", "canceled");
		return;
	}
	pthread_mutex_lock(&job->store->lock);
	status = actions[op->kind](job->store, op);
	pthread_mutex_unlock(&job->store->lock);
	if (status && !op->error.status)
		error_nomem(&op->error, "mem");
}

static void job_done(struct loop_job *j)
{
	struct mem_job *job = list_item(j, struct mem_job, job);
	struct backend_op *op = job->op;

	op->backend_data = NULL;
	mem_free(job);
	op->done(op);
}

static void refuse_all(struct loop_task *task)
{
	struct mem_store *s = list_item(task, struct mem_store, refuse);
	struct list_node refused, *node;

	list_init(&refused);
	list_splice(&refused, &s->refused);
	s->refusing = false;
	while ((node = list_take(&refused))) {
		struct backend_op *op =
			list_item(node, struct backend_op, link);

		op->done(op);
	}
}

static void mem_run(void *self, struct backend_op *op)
{
	struct mem_store *s = self;
	struct mem_job *job = mem_zalloc(1, sizeof(*job));

	error_clear(&op->error);
	op->backend_data = job;
	if (!job) {
		error_nomem(&op->error, "mem");
		list_append(&s->refused, &op->link);
		if (!s->refusing)
			loop_post(s->loop, &s->refuse);
		s->refusing = true;
		return;
	}
	job->job.work = job_work;
	job->job.done = job_done;
	job->store = s;
	job->op = op;
	atomic_init(&job->canceled, false);
	loop_offload(s->loop, &job->job);
}

static void mem_cancel(void *self, struct backend_op *op)
{
	struct mem_job *job = op->backend_data;

	(void)self;
	if (job)
		atomic_store(&job->canceled, true);
}

static int check_location(const struct backend_config *config,
			  struct wr_error *err)
{
	if (strcmp(config->location, "mem:"))
		return error_set(err, WR_EINVAL, 0, "mem",
				 "the URL of a store in memory is \"mem:\"");
	if (config->create == WR_CREATE_NEVER)
		return error_set(err, WR_ENOENT, 0, "mem",
				 "a store in memory is always a new one");
	return 0;
}

static int mem_open(void **self, const struct backend_config *config,
		    struct settings *settings, struct wr_error *err)
{
	struct mem_store *s;
	int status = settings_refuse(config, "mem", err);

	*self = NULL;
	if (!status)
		status = check_location(config, err);
	if (status)
		return status;
	s = mem_zalloc(1, sizeof(*s));
	if (!s)
		return error_nomem(err, "mem");
	if (pthread_mutex_init(&s->lock, NULL)) {
		mem_free(s);
		return error_nomem(err, "mem");
	}
	s->loop = config->loop;
	s->refuse.run = refuse_all;
	list_init(&s->refused);
	mem_table_init(&s->table);
	s->settings.urls =
		settings->urls ? settings->urls : WR_URLS_CONSERVATIVE;
	s->settings.fulltext =
		settings->fulltext ? settings->fulltext : WR_FULLTEXT_ON;
	s->settings.version = SCHEMA_VERSION;
	*settings = s->settings;
	*self = s;
	return 0;
}

static void mem_close(void *self, void (*closed)(void *arg), void *arg)
{
	struct mem_store *s = self;

	mem_table_release(&s->table);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
	closed(arg);
}

const struct backend_ops mem_backend = {
	.scheme = "mem",
	.caps = BACKEND_LISTS_KEYS | BACKEND_WRITES_BLIND,
	.lookups = 2,
	.writes = 2,
	.open = mem_open,
	.run = mem_run,
	.cancel = mem_cancel,
	.close = mem_close,
};
