/*
 * windrow.h - store what scrapers bring home, with embeddings, and find it.
 *
 * Shape of the API
 * ----------------
 * A store owns one backend, one embedder and the threads between them.  Every
 * verb (submit, search, prune, ...) only *starts* work: it copies its
 * arguments, returns at once, and later posts exactly one event, carrying the
 * caller's tag, to the queue it was given.  A queue has a descriptor that
 * polls readable while events wait, so it plugs into poll, epoll, libuv, glib
 * and asyncio.  A plain program calls wr_queue_next() with a timeout, or the
 * *_wait() helpers, which are written on this header alone.
 *
 * Rules that hold everywhere
 * --------------------------
 *  - A function that can fail returns 0 or a negative enum wr_status and, if
 *    err is not NULL, fills it in.  A verb that fails posts no event.
 *  - Typedef'd types are opaque; plain structs are the caller's to fill in.
 *  - An input struct starts with its own size (use the _INIT macros); a field
 *    that is zero means the default.
 *  - Input memory is never kept: it may be reused as soon as the call returns.
 *  - What comes from an out-parameter or an event is the caller's to free; what
 *    an accessor returns lives as long as the object that was asked.
 *  - All functions are thread-safe, except that a queue, a reply, a reader and
 *    a writer are used by one thread at a time.
 *  - Text is UTF-8, times are microseconds since 1970 in UTC, vectors are
 *    float32 of the store's dimension.
 *  - Windrow calls the program back only where it was given an embed_fn or a
 *    log function: these run on Windrow's threads and must not call Windrow.
 *    Language bindings take embed_queue and log_queue instead.
 */
#ifndef WINDROW_H
#define WINDROW_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WR_API __attribute__((visibility("default")))
#define WR_MUST_CHECK __attribute__((warn_unused_result))
#else
#define WR_API
#define WR_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define WR_VERSION 0x000100 /* 0.1.0 */
#define WR_VERSION_STRING "0.1.0"

/* The version of the library in use, which may be newer than WR_VERSION. */
WR_API uint32_t wr_version(void);

/* ------------------------------------------------------------- errors -- */

enum wr_status {
	WR_OK = 0,
	WR_EINVAL = -1, /* the call was wrong; fix the program */
	WR_ENOMEM = -2,
	WR_EFULL = -3, /* limits reached; wait for WR_EV_ROOM */
	WR_ETIMEOUT = -4,
	WR_ECANCELED = -5,
	WR_ECLOSED = -6, /* the store is shutting down */
	WR_EFORKED = -7, /* the store belongs to a parent process */
	WR_EIO = -8,	 /* store, file or provider unreachable, or disk full */
	WR_EBUSY = -9,	 /* lock or serialisation conflict */
	WR_ELIMIT = -10, /* provider asks to slow down */
	WR_EAUTH = -11,	 /* no permission */
	WR_EDATA = -12,	 /* this record is unacceptable, others may not be */
	WR_ESCHEMA = -13, /* store does not match: dimension, model, version */
	WR_ENOTSUP = -14, /* this store or embedder cannot do that */
	WR_ECORRUPT = -15,
	WR_EREMOTE = -16, /* store or provider answered with another error */
	WR_EBUG = -17,	 /* a broken promise inside Windrow; please report it */
	WR_EEXIST = -18, /* stored already, and the policy is WR_FAIL */
	WR_ENOENT = -19	 /* no such store, file or folder */
};

/*
 * Details of a failure.  Holds no pointers, so it can be copied and needs no
 * release.
 */
struct wr_error {
	int32_t status; /* enum wr_status */
	int32_t native; /* errno, HTTP status or SQLite code; 0: none */
	uint32_t retry_after_ms; /* nonzero if worth trying again */
	char sqlstate[6];	 /* PostgreSQL's, else "" */
	char where[22];		 /* component: "sqlite", "embed.fn" */
	char message[256];	 /* one line of English, no trailing newline */
};

WR_API const char *wr_status_name(int status); /* "WR_EIO" */

/* ------------------------------------------------------------- queues -- */

typedef struct wr_queue wr_queue;
typedef struct wr_reply wr_reply;

enum wr_event_kind {
	WR_EV_OPEN = 1,
	WR_EV_SUBMIT, /* all records of one wr_submit() are settled */
	WR_EV_KNOWN,
	WR_EV_GET,
	WR_EV_SEARCH,
	WR_EV_SCAN, /* one page of a scan */
	WR_EV_DELETE,
	WR_EV_PRUNE,
	WR_EV_EMBED_PENDING,
	WR_EV_STATS,
	WR_EV_CHECK,
	WR_EV_MIGRATE,
	WR_EV_FLUSH,
	WR_EV_ROOM,   /* after WR_EFULL: submitting makes sense again */
	WR_EV_EMBED,  /* please embed: see wr_embed_texts() */
	WR_EV_LOG,    /* a message for log_queue */
	WR_EV_CLOSED, /* last event of a store */
	WR_EV_INDEX,
	WR_EV_PROGRESS
};

struct wr_event {
	uint64_t tag;	 /* as given to the verb */
	int32_t status;	 /* enum wr_status */
	uint32_t kind;	 /* enum wr_event_kind; ignore those you don't know */
	wr_reply *reply; /* may be NULL; release with wr_reply_free() */
};

WR_API WR_MUST_CHECK int wr_queue_new(wr_queue **out, struct wr_error *err);

/*
 * A descriptor that polls readable while the queue is not empty.  It belongs
 * to the queue: never read, write or close it.  Readiness is a hint; drain
 * with wr_queue_next() until it returns less than max.
 */
WR_API int wr_queue_fd(const wr_queue *q);

/*
 * Take up to max events.  Waits for the first one for timeout_ms (0: don't
 * wait, -1: forever).  Returns how many were taken, 0 on timeout or wake.
 */
WR_API WR_MUST_CHECK int wr_queue_next(wr_queue *q, struct wr_event *events,
				       int max, int timeout_ms);

/* Make a wr_queue_next() that waits in another thread return 0. */
WR_API void wr_queue_wake(wr_queue *q);

/*
 * Give the queue up.  Unread events are discarded, and so are the events of
 * work that still reports here; that work itself goes on.
 */
WR_API void wr_queue_free(wr_queue *q);

/* -------------------------------------------------------------- store -- */

typedef struct wr_store wr_store;

struct wr_str {
	const char *ptr; /* UTF-8, need not end in NUL; NULL: left out */
	size_t len;	 /* bytes */
};

enum wr_log_level {
	WR_LOG_DEFAULT, /* in options: WR_LOG_WARN */
	WR_LOG_ERROR,
	WR_LOG_WARN,
	WR_LOG_INFO,
	WR_LOG_DEBUG
};

/*
 * Embed n texts into vectors[0 .. n * dim - 1].  Returns 0 or a negative enum
 * wr_status: WR_EDATA means "one of these texts", and the texts are then tried
 * in smaller and smaller calls; the others mean "not now" and are retried.
 */
typedef int (*wr_embed_fn)(const struct wr_str *texts, size_t n, float *vectors,
			   size_t dim, void *arg);
typedef void (*wr_log_fn)(enum wr_log_level level, const char *where,
			  const char *message, void *arg);

enum wr_create {
	WR_CREATE_IF_MISSING, /* open it, and make it first where there is none
			       */
	WR_CREATE_NEVER,      /* WR_ENOENT where there is none */
	WR_CREATE_NEW	      /* WR_EEXIST where there is one */
};

/* How URLs become keys.  Fixed when the store is made. */
enum wr_urls {
	WR_URLS_DEFAULT,      /* as recorded; conservative in a new store */
	WR_URLS_AS_GIVEN,     /* byte for byte */
	WR_URLS_CONSERVATIVE, /* RFC 3986 normal form, without the fragment */
	WR_URLS_AGGRESSIVE /* and no tracking parameters, parameters sorted */
};

/* Full text index.  Fixed when the store is made. */
enum wr_fulltext {
	WR_FULLTEXT_DEFAULT, /* as recorded; on in a new store */
	WR_FULLTEXT_ON,
	WR_FULLTEXT_OFF
};

struct wr_options {
	size_t size; /* sizeof(struct wr_options) */

	/*
	 * "sqlite:///relative.db", "sqlite:////absolute.db", "mem:";
	 * "postgresql://user:password@host:port/database?sslmode=require" and
	 * whatever else libpq takes, "postgresql+asyncpg://..." too.
	 */
	const char *store;
	enum wr_create create;
	enum wr_urls urls;
	enum wr_fulltext fulltext;

	/*
	 * "none", "hash", "fn" or "queue"; NULL: the one recorded in the store,
	 * "none" in a new one.  model and dim belong to its identity, which the
	 * store records; another one than the recorded is WR_ESCHEMA.
	 */
	const char *embedder;
	const char *model;    /* of fn, queue and vectors that records bring */
	uint32_t dim;	      /* default: recorded; hash: 384; queue: learned */
	wr_embed_fn embed_fn; /* for "fn" */
	void *embed_arg;
	wr_queue *embed_queue; /* for "queue": gets the WR_EV_EMBED events */

	/* A batch leaves when it is full or has waited long enough. */
	uint32_t embed_batch;	   /* texts a call; default 64 */
	uint32_t embed_linger_ms;  /* default 2 */
	uint32_t embed_inflight;   /* calls at a time; default 4 */
	uint32_t embed_timeout_ms; /* of one call; default 60,000 */
	uint32_t write_batch;	   /* rows a transaction; default 500 */
	uint32_t write_linger_ms;  /* default 2 */

	/* Admission: beyond these wr_submit() says WR_EFULL. */
	uint32_t max_records; /* in flight; default 20,000 */
	uint64_t max_bytes;   /* in flight; default 16 MiB */

	uint64_t max_content_bytes; /* of one record; default 64 MiB */
	uint32_t op_timeout_ms;	    /* of one verb, retries and all; 120,000 */
	uint32_t touch_after_s;	    /* see DESIGN in the manual; 86,400 */

	wr_log_fn log; /* default: silence */
	void *log_arg;
	wr_queue *log_queue; /* instead of log */
	enum wr_log_level log_level;

	/* PostgreSQL: where the table is. */
	const char *schema; /* default: "public" */
	const char *table;  /* default: "scraped_documents" */
	/* PostgreSQL: of a store that is made. */
	const char *vector_type; /* "vector", "halfvec", "array"; default:
				    "vector" where pgvector is installed */
	const char *language;	 /* of full text; default: "english" */
	int distributed;	 /* nonzero: over Citus' workers, by url */
	/* PostgreSQL: connections are opened as they are needed. */
	uint32_t pool_size;	       /* that are kept; default 20 */
	uint32_t max_overflow;	       /* and more at a time; default 10,
					  WR_NONE: none */
	uint32_t pool_recycle_s;       /* greatest age of one; default 3,600 */
	uint32_t pool_timeout_ms;      /* of waiting for one; default 30,000 */
	uint32_t connect_timeout_ms;   /* default 10,000 */
	uint32_t statement_timeout_ms; /* default 30,000 */
};

/* For numbers whose zero means a default. */
#define WR_NONE UINT32_MAX

#define WR_OPTIONS_INIT                                                      \
	{                                                                    \
		sizeof(struct wr_options), 0, WR_CREATE_IF_MISSING,          \
			WR_URLS_DEFAULT, WR_FULLTEXT_DEFAULT, 0, 0, 0, 0, 0, \
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,         \
			WR_LOG_WARN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0         \
	}

/*
 * Start opening a store: find or make it, bring its schema up to date, learn
 * the dimension.  Posts WR_EV_OPEN; other verbs may be called before it and
 * wait.  Where opening fails, WR_EV_OPEN says why and every waiting verb ends
 * with the same status; wr_close() and wr_store_free() are still due.
 */
WR_API WR_MUST_CHECK int wr_open(wr_store **out, const struct wr_options *opts,
				 wr_queue *q, uint64_t tag,
				 struct wr_error *err);

enum wr_close_mode { WR_CLOSE_DRAIN = 0, WR_CLOSE_ABORT = 1 };

/*
 * Stop taking work; finish (or abort) what was taken and post its events, then
 * WR_EV_CLOSED as the last one.  A later call joins in, gets a WR_EV_CLOSED of
 * its own, and hurries a drain if it says WR_CLOSE_ABORT; WR_ECLOSED where the
 * store is closed already.  After WR_EV_CLOSED only wr_store_free() is allowed.
 */
WR_API WR_MUST_CHECK int wr_close(wr_store *s, enum wr_close_mode how,
				  wr_queue *q, uint64_t tag,
				  struct wr_error *err);

/* Joins the threads; aborts and waits first if the store is not closed. */
WR_API void wr_store_free(wr_store *s);

/* The store's dimension; 0 while it opens and where none is known yet. */
WR_API uint32_t wr_store_dim(const wr_store *s);

/* -------------------------------------------------------------- verbs -- */

enum wr_policy {
	WR_UPDATE, /* a stored key is written again if it changed */
	WR_SKIP,   /* a stored key is left as it is */
	WR_FAIL	   /* a stored key fails its record with WR_EEXIST */
};

enum wr_outcome {
	WR_INSERTED,
	WR_UPDATED,   /* content, title or metadata changed */
	WR_UNCHANGED, /* nothing embedded again, nothing rewritten */
	WR_SKIPPED,   /* see enum wr_skip */
	WR_FAILED,    /* see the record's error */
	WR_NOUTCOMES
};

/* Why a record was skipped. */
enum wr_skip {
	WR_SKIP_NONE,
	WR_SKIP_STORED,	    /* policy WR_SKIP, and the key is stored */
	WR_SKIP_STALE,	    /* older than what is stored */
	WR_SKIP_SUPERSEDED, /* a later record of the submission has the key */
	WR_SKIP_GONE	    /* deleted before its turn came */
};

struct wr_record {
	struct wr_str url;	/* becomes the key; at most 2,048 bytes */
	struct wr_str key;	/* instead: a key of your own, never changed;
				   url then goes into the metadata */
	struct wr_str title;	/* left out: keeps what is stored */
	struct wr_str content;	/* required; may be "" */
	struct wr_str metadata; /* a JSON object; left out: keeps it */
	int64_t fetched_at;	/* 0: now */
	int64_t created_at;	/* for restoring an export; 0: now */
	int64_t updated_at;	/* likewise */
	const float *embedding; /* NULL: the embedder's business */
	size_t embedding_dim;	/* 0: the store's dimension */
	uintptr_t reserved[4];	/* zero, or WR_EINVAL */
};

/*
 * Save n records; they are settled together by one WR_EV_SUBMIT, whose reply
 * tells the outcome of each.  Returns WR_EFULL, without having taken anything,
 * while too much is in flight; WR_EV_ROOM with tag 0 then comes to q once.
 */
WR_API WR_MUST_CHECK int wr_submit(wr_store *s, const struct wr_record *recs,
				   size_t n, enum wr_policy policy, wr_queue *q,
				   uint64_t tag, struct wr_error *err);

/*
 * For the flags of wr_known(), wr_get() (among its parts) and wr_delete(): what
 * is given are keys of one's own, byte for byte, and not URLs to be made
 * canonical.
 */
enum wr_names { WR_KEYS = 1 << 16 };

enum wr_known_flags {
	WR_KNOWN_DETAILS = 1 /* also when it was fetched, has it a vector? */
};

/*
 * Which of these URLs are stored?  With a nonzero fetched_since only documents
 * fetched at or after that time count.
 */
WR_API WR_MUST_CHECK int wr_known(wr_store *s, const struct wr_str *urls,
				  size_t n, int64_t fetched_since,
				  unsigned flags, wr_queue *q, uint64_t tag,
				  struct wr_error *err);

enum wr_parts {
	WR_PART_CONTENT = 1,  /* the whole content */
	WR_PART_EMBEDDING = 2 /* the vector */
};

/* The documents with these URLs, in the order asked for. */
WR_API WR_MUST_CHECK int wr_get(wr_store *s, const struct wr_str *urls,
				size_t n, unsigned parts, wr_queue *q,
				uint64_t tag, struct wr_error *err);

/* Which documents; what is left out filters nothing. */
struct wr_filter {
	size_t size;
	struct wr_str url_prefix; /* of the key */
	struct wr_str host;	  /* of the key: "www.example.org" */
	int64_t since, until;	  /* since <= fetched_at < until */
	struct wr_str metadata;	  /* a JSON object; every member must be equal
				     to the document's */
};
#define WR_FILTER_INIT                                              \
	{                                                           \
		sizeof(struct wr_filter), { 0, 0 }, { 0, 0 }, 0, 0, \
		{                                                   \
			0, 0                                        \
		}                                                   \
	}

enum wr_mode {
	WR_SEARCH_AUTO, /* hybrid where the store has both, else what it has */
	WR_SEARCH_TEXT,
	WR_SEARCH_VECTOR,
	WR_SEARCH_HYBRID
};

struct wr_query {
	size_t size;
	enum wr_mode mode;
	/*
	 * Any of the words, best first; "a phrase" and -word as in web search.
	 * No input is a syntax error.
	 */
	struct wr_str text;
	const float *vector; /* default: text, embedded */
	size_t vector_dim;   /* 0: the store's dimension */
	uint32_t limit;	     /* default 10, at most 10,000 */
	unsigned parts;	     /* enum wr_parts; title, metadata and a snippet
				come in any case */
	const struct wr_filter *filter;
	struct wr_str mark_start, mark_end; /* around the words found in a
					       snippet; default: none */
	uint32_t timeout_ms;		    /* default: op_timeout_ms */
	uint32_t effort; /* candidates that an HNSW index looks at (ef_search);
			    default: 40, or twice the limit if that is more */
};
#define WR_QUERY_INIT                                                          \
	{                                                                      \
		sizeof(struct wr_query), WR_SEARCH_AUTO, { 0, 0 }, 0, 0, 0, 0, \
			0, { 0, 0 }, { 0, 0 }, 0, 0                            \
	}

WR_API WR_MUST_CHECK int wr_search(wr_store *s, const struct wr_query *query,
				   wr_queue *q, uint64_t tag,
				   struct wr_error *err);

/*
 * One page of all documents that pass a filter, in the order of their keys.
 * The next page is asked for with after = wr_reply_cursor(); there is none
 * when that is empty.  Documents that are stored between two pages are seen if
 * their key is still ahead.
 */
struct wr_scan {
	size_t size;
	const struct wr_filter *filter;
	struct wr_str after; /* a cursor; left out: from the start */
	uint32_t limit;	     /* default 100, at most 10,000 */
	unsigned parts;
};
#define WR_SCAN_INIT                                      \
	{                                                 \
		sizeof(struct wr_scan), 0, { 0, 0 }, 0, 0 \
	}

WR_API WR_MUST_CHECK int wr_scan(wr_store *s, const struct wr_scan *scan,
				 wr_queue *q, uint64_t tag,
				 struct wr_error *err);

/*
 * Delete by URL; flags are 0 or WR_KEYS.  Takes its turn with submissions of
 * the same URL: what was submitted before is deleted, what comes after is not.
 * WR_EFULL as wr_submit().
 */
WR_API WR_MUST_CHECK int wr_delete(wr_store *s, const struct wr_str *urls,
				   size_t n, unsigned flags, wr_queue *q,
				   uint64_t tag, struct wr_error *err);

/* Delete by filter, in bounded transactions. */
struct wr_prune {
	size_t size;
	const struct wr_filter *filter; /* required, and not empty */
	uint64_t limit;			/* at most so many; default: all */
	int dry_run;			/* count only */
};
#define WR_PRUNE_INIT                            \
	{                                        \
		sizeof(struct wr_prune), 0, 0, 0 \
	}

WR_API WR_MUST_CHECK int wr_prune(wr_store *s, const struct wr_prune *what,
				  wr_queue *q, uint64_t tag,
				  struct wr_error *err);

/*
 * Embed documents that wait for their embedding, at most limit of them (0:
 * all). wr_reply_total() says how many got one, wr_reply_remaining() how many
 * wait still.
 */
WR_API WR_MUST_CHECK int wr_embed_pending(wr_store *s, uint64_t limit,
					  wr_queue *q, uint64_t tag,
					  struct wr_error *err);

enum wr_stats_flags {
	WR_STATS_EXACT = 1 /* count, where an estimate is cheaper */
};

WR_API WR_MUST_CHECK int wr_stats(wr_store *s, unsigned flags, wr_queue *q,
				  uint64_t tag, struct wr_error *err);

enum wr_check_flags {
	WR_CHECK_DEEP = 1 /* read everything: takes as long as that takes */
};

/* Look for damage and for what could be better; see wr_reply_finding(). */
WR_API WR_MUST_CHECK int wr_check(wr_store *s, unsigned flags, wr_queue *q,
				  uint64_t tag, struct wr_error *err);

/*
 * Bring the store's schema up to date; wr_reply_total() is its version.  Goes
 * in bounded steps, and on where an earlier one was cut off; has no deadline.
 */
WR_API WR_MUST_CHECK int wr_migrate(wr_store *s, wr_queue *q, uint64_t tag,
				    struct wr_error *err);

enum wr_index_kind {
	WR_INDEX_VECTOR = 1, /* HNSW over the vectors, for cosine */
	WR_INDEX_TEXT = 2    /* GIN over the words */
};

/*
 * Build the indexes that searches use, best after a load: a write into a store
 * that has them is many times dearer.  Writing goes on meanwhile.  Only
 * PostgreSQL has any; elsewhere there is nothing to build.
 */
struct wr_index {
	size_t size;
	unsigned which;		  /* enum wr_index_kind; 0: all */
	uint32_t m;		  /* of HNSW; default 16 */
	uint32_t ef_construction; /* of HNSW; default 64 */
	int drop;		  /* drop them instead */
};
#define WR_INDEX_INIT                               \
	{                                           \
		sizeof(struct wr_index), 0, 0, 0, 0 \
	}

/* wr_reply_total() says how many were built or dropped.  Has no deadline. */
WR_API WR_MUST_CHECK int wr_index(wr_store *s, const struct wr_index *index,
				  wr_queue *q, uint64_t tag,
				  struct wr_error *err);

/*
 * How far is the migration, or the index, that is being worked on, whoever
 * began it?  Property "phase", statistics "done" and "total" (of the phase;
 * no total: unknown); nothing of these while nothing is under way.
 */
WR_API WR_MUST_CHECK int wr_progress(wr_store *s, wr_queue *q, uint64_t tag,
				     struct wr_error *err);

/* Done when everything that was submitted before it is settled. */
WR_API WR_MUST_CHECK int wr_flush(wr_store *s, wr_queue *q, uint64_t tag,
				  struct wr_error *err);

/* Ask for the work with this queue and tag to end early; its event comes. */
WR_API WR_MUST_CHECK int wr_cancel(wr_store *s, wr_queue *q, uint64_t tag,
				   struct wr_error *err);

/* Counters in Prometheus' text format; never waits.  Free with wr_free(). */
WR_API WR_MUST_CHECK int wr_metrics(wr_store *s, char **out);
WR_API void wr_free(void *p);

/* ------------------------------------------------------------ replies -- */

/* Why it failed; status 0 where it did not. */
WR_API const struct wr_error *wr_reply_error(const wr_reply *r);

/* How many records of a submission had this outcome. */
WR_API uint64_t wr_reply_count(const wr_reply *r, enum wr_outcome which);

/* How many records of a submission were embedded by the embedder. */
WR_API uint64_t wr_reply_embedded(const wr_reply *r);

/*
 * The outcome of record i of a submission.  *err (if err is not NULL) is set
 * to its error where it failed, else to NULL.
 */
WR_API enum wr_outcome wr_reply_outcome(const wr_reply *r, size_t i,
					const struct wr_error **err);
WR_API enum wr_skip wr_reply_skip(const wr_reply *r, size_t i);

/* Documents deleted, pruned or embedded; indexes; a migration's version. */
WR_API uint64_t wr_reply_total(const wr_reply *r);
WR_API uint64_t wr_reply_remaining(const wr_reply *r);

struct wr_known_url {
	size_t size;
	int stored;	    /* 0 or 1 */
	int has_embedding;  /* with WR_KNOWN_DETAILS */
	int64_t fetched_at; /* with WR_KNOWN_DETAILS */
};
#define WR_KNOWN_URL_INIT                            \
	{                                            \
		sizeof(struct wr_known_url), 0, 0, 0 \
	}

/* What is known of URL i: 0, or WR_EINVAL. */
WR_API int wr_reply_known(const wr_reply *r, size_t i,
			  struct wr_known_url *known);

struct wr_document {
	size_t size;
	struct wr_str url; /* its key */
	struct wr_str title, content, metadata;
	struct wr_str snippet; /* of a search */
	int64_t fetched_at, created_at, updated_at;
	double score;		/* of a search; greater is better */
	const float *embedding; /* NULL where it has none, or was not asked */
	size_t embedding_dim;
	int pending;	    /* waits for its embedding */
	uint32_t rank_text; /* in a search: from 1; 0: not found that way */
	uint32_t rank_vector;
};
#define WR_DOCUMENT_INIT                                                  \
	{                                                                 \
		sizeof(struct wr_document), { 0, 0 }, { 0, 0 }, { 0, 0 }, \
			{ 0, 0 }, { 0, 0 }, 0, 0, 0, 0, 0, 0, 0, 0, 0     \
	}

/* How many documents came back; of wr_get(), how many were asked for. */
WR_API size_t wr_reply_documents(const wr_reply *r);

/* Document i: 1, or 0 where that URL is not stored, or WR_EINVAL. */
WR_API int wr_reply_document(const wr_reply *r, size_t i,
			     struct wr_document *doc);

/* Where the next page of a scan starts; empty after the last one. */
WR_API struct wr_str wr_reply_cursor(const wr_reply *r);

/* Statistics are pairs, so that they can grow: 1, or 0 at the end. */
WR_API int wr_reply_stat(const wr_reply *r, size_t i, const char **name,
			 uint64_t *value);
/* What a store says of itself in words, likewise: ("embedder", "hash"). */
WR_API int wr_reply_property(const wr_reply *r, size_t i, const char **name,
			     const char **value);

/* What a check found and what to do about it: 1, or 0 at the end. */
WR_API int wr_reply_finding(const wr_reply *r, size_t i,
			    enum wr_log_level *level, const char **what,
			    const char **advice);

WR_API const char *wr_reply_log(const wr_reply *r, enum wr_log_level *level,
				const char **where);
WR_API void wr_reply_free(wr_reply *r);

/* --------------------------------------- embedding by the program itself -- */

/*
 * For the reply of a WR_EV_EMBED: the texts to embed.  Finish or fail it
 * exactly once, from any thread, at any time; both take the reply.  Freeing
 * it unanswered fails it.  The event's tag numbers the requests.
 */
WR_API size_t wr_embed_texts(const wr_reply *job, const struct wr_str **texts);

/* vectors[n * dim], in the order of the texts; copied. */
WR_API WR_MUST_CHECK int wr_embed_finish(wr_reply *job, const float *vectors,
					 size_t n, size_t dim);
WR_API void wr_embed_fail(wr_reply *job, int status, uint32_t retry_after_ms,
			  const char *message);

/* ------------------------------------------------- for blocking programs -- */

/*
 * Each starts its verb, waits for the event, and returns the event's status
 * with the reply in *out (if out is not NULL).  After timeout_ms (-1: never)
 * the work is cancelled and its end awaited.  wr_submit_wait() also waits for
 * room.
 */
WR_API WR_MUST_CHECK int wr_open_wait(wr_store **out,
				      const struct wr_options *opts,
				      int timeout_ms, struct wr_error *err);
WR_API WR_MUST_CHECK int wr_close_wait(wr_store *s, enum wr_close_mode how,
				       int timeout_ms, struct wr_error *err);
WR_API WR_MUST_CHECK int wr_submit_wait(wr_store *s,
					const struct wr_record *recs, size_t n,
					enum wr_policy policy, int timeout_ms,
					wr_reply **out, struct wr_error *err);
WR_API WR_MUST_CHECK int wr_known_wait(wr_store *s, const struct wr_str *urls,
				       size_t n, int64_t fetched_since,
				       unsigned flags, int timeout_ms,
				       wr_reply **out, struct wr_error *err);
WR_API WR_MUST_CHECK int wr_get_wait(wr_store *s, const struct wr_str *urls,
				     size_t n, unsigned parts, int timeout_ms,
				     wr_reply **out, struct wr_error *err);
WR_API WR_MUST_CHECK int wr_search_wait(wr_store *s,
					const struct wr_query *query,
					int timeout_ms, wr_reply **out,
					struct wr_error *err);
WR_API WR_MUST_CHECK int wr_scan_wait(wr_store *s, const struct wr_scan *scan,
				      int timeout_ms, wr_reply **out,
				      struct wr_error *err);
WR_API WR_MUST_CHECK int wr_delete_wait(wr_store *s, const struct wr_str *urls,
					size_t n, unsigned flags,
					int timeout_ms, wr_reply **out,
					struct wr_error *err);
WR_API WR_MUST_CHECK int wr_prune_wait(wr_store *s, const struct wr_prune *what,
				       int timeout_ms, wr_reply **out,
				       struct wr_error *err);
WR_API WR_MUST_CHECK int wr_embed_pending_wait(wr_store *s, uint64_t limit,
					       int timeout_ms, wr_reply **out,
					       struct wr_error *err);
WR_API WR_MUST_CHECK int wr_stats_wait(wr_store *s, unsigned flags,
				       int timeout_ms, wr_reply **out,
				       struct wr_error *err);
WR_API WR_MUST_CHECK int wr_check_wait(wr_store *s, unsigned flags,
				       int timeout_ms, wr_reply **out,
				       struct wr_error *err);
WR_API WR_MUST_CHECK int wr_migrate_wait(wr_store *s, int timeout_ms,
					 wr_reply **out, struct wr_error *err);
WR_API WR_MUST_CHECK int wr_index_wait(wr_store *s,
				       const struct wr_index *index,
				       int timeout_ms, wr_reply **out,
				       struct wr_error *err);
WR_API WR_MUST_CHECK int wr_progress_wait(wr_store *s, int timeout_ms,
					  wr_reply **out, struct wr_error *err);
WR_API WR_MUST_CHECK int wr_flush_wait(wr_store *s, int timeout_ms,
				       struct wr_error *err);

/* -------------------------------------------------------------- files -- */

typedef struct wr_reader wr_reader;

enum wr_format {
	WR_FORMAT_AUTO, /* a folder is WR_FORMAT_HTML, a file WR_FORMAT_JSONL */
	WR_FORMAT_JSONL, /* one record a line; .gz and .zst by their content */
	WR_FORMAT_HTML	 /* every .html and .htm file below a folder */
};

struct wr_reader_options {
	size_t size;
	const char *path; /* "-": standard input */
	enum wr_format format;
	const char *base_url;	    /* of an HTML folder; required there */
	uint64_t max_content_bytes; /* of one record; default 64 MiB */
};
#define WR_READER_OPTIONS_INIT                                            \
	{                                                                 \
		sizeof(struct wr_reader_options), 0, WR_FORMAT_AUTO, 0, 0 \
	}

WR_API WR_MUST_CHECK int wr_reader_open(wr_reader **out,
					const struct wr_reader_options *opts,
					struct wr_error *err);

/*
 * Take the next record: 1, or 0 at the end.  *rec points into the reader until
 * the next call.  WR_EDATA concerns this line or file alone, and the reader
 * goes on with the next one; any other error is final.
 */
WR_API WR_MUST_CHECK int wr_reader_next(wr_reader *r, struct wr_record *rec,
					struct wr_error *err);

/* The line or file that wr_reader_next() looked at last, for messages. */
WR_API const char *wr_reader_position(const wr_reader *r);
/* The raw text of a line that was refused; left out for an HTML file. */
WR_API struct wr_str wr_reader_raw(const wr_reader *r);
/* Bytes of input read so far, and in all (0: unknown). */
WR_API void wr_reader_progress(const wr_reader *r, uint64_t *done,
			       uint64_t *total);
WR_API void wr_reader_close(wr_reader *r);

typedef struct wr_writer wr_writer;

/*
 * Write documents as JSON Lines to a file ("-": standard output), compressed
 * where its name ends in .gz or .zst.  A file appears under its name when
 * wr_writer_close() succeeds.
 */
WR_API WR_MUST_CHECK int wr_writer_open(wr_writer **out, const char *path,
					struct wr_error *err);
WR_API WR_MUST_CHECK int wr_writer_put(wr_writer *w,
				       const struct wr_document *doc,
				       unsigned parts, struct wr_error *err);
/* Finishes the file; frees w in any case. */
WR_API WR_MUST_CHECK int wr_writer_close(wr_writer *w, struct wr_error *err);
/* Gives the file up and frees w. */
WR_API void wr_writer_abort(wr_writer *w);

#ifdef __cplusplus
}
#endif
#endif
