/*
 * backend.h - what a backend must do.
 *
 * A backend turns backend_ops into effects.  There is one entry point, run(),
 * so that timing, tracing and fault injection are wrappers of four functions
 * (see faulty.c).  tests/conformance/ is the specification.
 *
 * Everything is called on the loop's thread, except open().  What an op points
 * to is the issuer's and outlives the op.
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "backend/result.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "record/filter.h"
#include "record/query.h"
#include "record/record.h"
#include "record/snippet.h"
#include "windrow.h"
#include <stdbool.h>
#include <stdint.h>

/* ------------------------------------------------------------ settings -- */

enum { SETTING_TEXT = 256 };

/*
 * What a store fixed about itself.  In open(): wishes on the way in (zero or
 * "": no wish), what is recorded on the way out.
 */
struct settings {
	enum wr_urls urls;	     /* out: never DEFAULT */
	enum wr_fulltext fulltext;   /* out: never DEFAULT */
	char embedder[SETTING_TEXT]; /* "none", "hash", "host"; "": not yet */
	char model[SETTING_TEXT];
	uint32_t dim;	  /* 0: not known yet */
	uint32_t version; /* out: of the schema */
	/* out: rows that a transaction should have at least; 0: any number */
	uint32_t write_batch;
};

/* -------------------------------------------------------------- lookup -- */

/* What is stored under the key of a record? */
struct lookup {
	const struct record *rec;
	/*
	 * Wanted: a vector that is stored for the same content under any key,
	 * unless rec's own document has that content and is not pending.  Room
	 * for dim floats, or NULL if not wanted.
	 */
	float *vector;

	/* Result. */
	bool found;
	bool same_content; /* digests that count, and equal */
	bool same_meta;	   /* likewise; halves left out are equal */
	bool has_vector;   /* maybe one of an earlier content */
	bool pending;	   /* waits for its embedding */
	bool reused;	   /* vector was filled in */
	int64_t fetched_at;
};

/* --------------------------------------------------------------- write -- */

enum write_kind {
	WRITE_UPSERT,
	WRITE_VECTOR, /* rec->key, rec->content_hash and vector only */
	WRITE_DELETE  /* rec->key only */
};

/*
 * One row of a transaction.
 *
 * UPSERT.  Stored already, and
 *   - policy is WR_SKIP: SKIPPED(STORED); WR_FAIL: FAILED(WR_EEXIST);
 *   - stored fetched_at is greater than the record's: SKIPPED(STALE), where the
 *     record was timed; an untimed one counts as fetched now, and is stale only
 *     when it is retried and the stored time is not seen_at;
 *   - same content and meta: UNCHANGED.  fetched_at alone advances if the
 *     record's is newer by more than touch_after_us; a vector is added if the
 *     document is pending, or has none, and the write has one;
 *   - else the row is updated: UPDATED.  Title and metadata that are left out
 *     stay.  Where the content changed, hashed_at = updated_at = now; vector
 *     replaces the stored one, no vector leaves it and marks the document as
 *     pending if wants_vector; content without text has no vector and is not
 *     pending.  A vector that the record itself brought always replaces.
 * Not stored: INSERTED, pending if wants_vector and there is no vector.
 * With retried set, a row that has the record's digests and fetched_at was
 * written by the attempt before: the outcome is predicted.
 *
 * VECTOR: UPDATED where the document exists and its content has that hash (it
 * is no longer pending), SKIPPED(GONE) otherwise.
 *
 * DELETE: UPDATED where there was one, SKIPPED(GONE) otherwise.
 *
 * decide.h has these sentences as code.
 */
struct write {
	enum write_kind kind;
	const struct record *rec;
	const float *vector; /* NULL: none */
	enum wr_policy policy;
	bool wants_vector; /* an embedder is due to embed it */
	bool known_absent; /* a hint: the lookup did not find it */
	bool retried;
	enum wr_outcome predicted;
	int64_t seen_at; /* the fetched_at that was looked up; 0: none */

	/* Result, where the op's status is 0. */
	enum wr_outcome outcome;
	enum wr_skip skip;
};

/* ----------------------------------------------------------------- ops -- */

enum backend_op_kind {
	BACKEND_LOOKUP,	 /* of a batch of records */
	BACKEND_WRITE,	 /* a batch, all or nothing, durable when done */
	BACKEND_KNOWN,	 /* which keys are stored? */
	BACKEND_KEYS,	 /* all that are stored; with LISTS_KEYS */
	BACKEND_GET,	 /* documents by key */
	BACKEND_SCAN,	 /* documents by filter, in key order */
	BACKEND_SEARCH,	 /* documents by text or vector, best first */
	BACKEND_PENDING, /* documents that wait for an embedding, key order */
	BACKEND_PRUNE,	 /* delete by filter, one bounded transaction */
	BACKEND_STATS,
	BACKEND_CHECK,
	BACKEND_MIGRATE,  /* one bounded step */
	BACKEND_SETTINGS, /* record embedder, model and dim */
	BACKEND_INDEX,	  /* build, or drop, the indexes that searches use */
	BACKEND_PROGRESS, /* how far is the migration, or the index? */
	BACKEND_NKINDS
};

struct backend_op {
	enum backend_op_kind kind;
	union {
		struct {
			struct lookup *items;
			size_t n;
		} lookup;
		struct {
			/* Sorted by key, no key twice. */
			struct write *items;
			size_t n;
			int64_t touch_after_us;
		} write;
		struct {
			const struct wr_str *keys;
			size_t n;
			bool details;
			int64_t since;	     /* 0: any; needs no details */
			uint8_t *stored;     /* n; KNOWN_* */
			int64_t *fetched_at; /* n with details, else NULL */
		} known;
		struct {
			/* In an order of the backend's own. */
			struct wr_str after; /* empty: from the start */
			struct wr_str until; /* and this one; empty: all */
			uint32_t limit;
			struct result *result; /* its arena holds: */
			struct wr_str *keys;
			size_t n;
			bool more; /* it ended at the limit */
		} keys;
		struct {
			const struct wr_str *keys;
			size_t n;
			unsigned parts;
			struct result *result; /* n documents */
		} get;
		struct {
			const struct filter *filter;
			struct wr_str after; /* key; empty: from the start */
			uint32_t limit;
			unsigned parts;
			struct result *result;
			uint64_t max_bytes; /* end after about so much; 0: none
					     */
			bool more; /* result: it ended at one of the limits */
		} scan;
		struct {
			enum wr_mode mode;	       /* TEXT, VECTOR; HYBRID
							  with CAN_HYBRID */
			const struct text_query *text; /* for snippets too */
			const float *vector;	       /* dim floats */
			const struct filter *filter;
			uint32_t limit;
			uint32_t effort; /* candidates that an approximate
					    index looks at; 0: default */
			unsigned parts;
			struct snippet_style style;
			struct result *result;
		} search;
		struct {
			struct wr_str after;
			uint32_t limit;
			struct result *result; /* key and content */
			uint64_t *remaining;   /* in all; NULL: not wanted */
			uint64_t max_bytes;    /* as in scan */
		} pending;
		struct {
			const struct filter *filter;
			struct wr_str after; /* key; empty: from the start */
			uint32_t limit;	     /* rows; dry_run: any number */
			bool dry_run;
			uint64_t removed; /* result */
			bool more;	  /* result: ask again, */
			struct buf *last; /* result: after this key */
		} prune;
		struct {
			bool exact; /* count, where an estimate is cheaper */
			struct result *result; /* stats and properties */
		} stats;
		struct {
			unsigned flags;
			struct result *result; /* findings */
		} check;
		struct {
			uint64_t version; /* result */
			bool more;	  /* result: ask again */
		} migrate;
		struct {
			unsigned which; /* enum wr_index_kind; 0: all */
			uint32_t m, ef_construction; /* 0: the default */
			bool drop;
			uint64_t total; /* result: built or dropped */
		} index;
		struct {
			/* Property "phase", stats "done" and "total"; nothing
			   where nothing is under way. */
			struct result *result;
		} progress;
		const struct settings *settings;
	} u;

	/* Result: status 0 or the reason.  Valid when done() is called. */
	struct wr_error error;
	/* Set by the issuer; called exactly once, never from inside run(). */
	void (*done)(struct backend_op *op);

	struct list_node link; /* the backend's while it runs */
	void *backend_data;    /* likewise */
	void *wrapper_data;    /* of faulty.c */
};

/* Bits of u.known.stored[i]. */
enum { KNOWN_STORED = 1, KNOWN_VECTOR = 2 };

enum {
	BACKEND_CAN_HYBRID = 1, /* fuses by itself */
	BACKEND_LISTS_KEYS = 2, /* BACKEND_KEYS, and quickly */
	/* What will have to be written need not be looked up before. */
	BACKEND_WRITES_BLIND = 4
};

/* Zero, or NULL: the default that windrow.h names. */
struct backend_config {
	const char *location; /* the store URL */
	enum wr_create create;
	struct loop *loop;
	const struct log *log;
	uint32_t busy_timeout_ms; /* how long an op waits for a lock */

	/* Wishes for a store that is made; NULL, false: none. */
	const char *schema, *table;
	const char *vector_type, *language;
	bool distributed;

	uint32_t pool_size, max_overflow; /* WR_NONE: no overflow */
	uint32_t pool_recycle_s, pool_timeout_ms;
	uint32_t connect_timeout_ms, statement_timeout_ms;
};

struct backend_ops {
	const char *scheme; /* "sqlite" */
	unsigned caps;
	/* So many lookups and writes are worth having under way at a time. */
	unsigned lookups, writes;

	/*
	 * Connect, create or migrate, and fill in settings.  May block: called
	 * on a worker, before anything else.
	 */
	int (*open)(void **self, const struct backend_config *config,
		    struct settings *settings, struct wr_error *err);
	/* Start op.  Never blocks, never fails: failure goes through done(). */
	void (*run)(void *self, struct backend_op *op);
	/* Hurry op up; done() still comes, with WR_ECANCELED if it helped. */
	void (*cancel)(void *self, struct backend_op *op);
	/* No op is running.  closed() comes once, maybe from inside. */
	void (*close)(void *self, void (*closed)(void *arg), void *arg);
};

/*
 * Statuses with a meaning for the pipeline: error_passes() ones are retried
 * with backoff, WR_EDATA of a batch makes it bisect (one row is bad), any other
 * fails what was asked.
 */

extern const struct backend_ops mem_backend, sqlite_backend, postgres_backend;

/* The backend of a store URL; WR_EINVAL names the schemes that there are. */
int backend_find(const struct backend_ops **out, const char *location,
		 struct wr_error *err);

/*
 * Help for backends: hold the wishes against what is recorded.  Fills wishes
 * with the recorded values, or WR_ESCHEMA naming both.  (The embedder is the
 * engine's to compare: this passes it on.)
 */
int settings_agree(struct settings *wishes, const struct settings *recorded,
		   const char *where, struct wr_error *err);

#endif
