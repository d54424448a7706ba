/*
 * conformance.h - what every backend must do, written once.
 *
 * An executable is these files and a driver that says which backend it is for.
 * A test gets a fresh store of DIM dimensions and talks to it through the
 * helpers below; each carries out one op and waits for its end.  A driver that
 * is faulty fails ops at random: the helpers then try again, as the pipeline
 * does, and the tests must not notice.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "windrow.h"

enum { DIM = 4 };

/* Times in tests: seconds after an arbitrary moment of the past. */
#define AT(s) (INT64_C(1700000000000000) + (int64_t)(s)*1000000)

struct driver {
	const char *name;
	const struct backend_ops *backend;
	/* The URL of a store that is not there yet. */
	void (*place)(char *location, size_t room);
	/* Removes what is left of it; NULL: nothing is. */
	void (*clear)(const char *location);
	bool persists; /* over close and open */
	bool threads;  /* runs on libuv's loop, else on the simulation's */
	bool faulty;   /* wrapped by faulty.c */
	bool stems;    /* finds "indexes" for "indexing" */
	bool stops;    /* leaves out "not", "the" and the like */
	/* A number of a vector comes back changed by so much of it, at most. */
	float rounding;
	const char *vector_type; /* of the stores that are made; NULL: any */
	/* Are the stores that are made to be spread over servers?  NULL: no. */
	bool (*distributed)(void);
	/* Why it cannot be tested here, NULL: it can; NULL: it always can. */
	const char *(*missing)(void);
};

/* Defined by each executable. */
extern const struct driver driver;

struct kept_result;

struct fixture {
	const struct driver *driver;
	struct loop *loop;
	const struct backend_ops *ops;
	void *self;
	void *inner; /* of faulty.c, else NULL */
	char location[512];
	struct settings settings; /* as opened */
	struct arena arena;	  /* of everything a test makes */
	struct kept_result *results;
	uint64_t seed;
	struct wr_error err; /* of the last op */
};

/* All randomness of a run comes from it; WINDROW_SEED sets it. */
uint64_t first_seed(void);

struct fixture *fixture_new(const struct driver *of);
void fixture_free(struct fixture *fx);

/* The same for cmocka, with the executable's driver. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

#define CONFORMANCE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* The groups; each returns how many of its tests failed. */
int test_writes(void);
int test_vectors(void);
int test_reads(void);
int test_walks(void);
int test_searches(void);
int test_queries(void);
int test_stores(void);
int test_faults(void);
int test_random(void);

/* ------------------------------------------------------------- the store -- */

/* Opens a second store of the driver's at location: 0 or a status. */
int store_open(struct fixture *fx, const char *location, enum wr_create create,
	       struct settings *settings);
void store_close(struct fixture *fx);
/* From now on the store fails like this, whatever the driver. */
struct faults;
void store_set_faults(struct fixture *fx, const struct faults *faults);

/* Carry op out, once; its status is returned and left in fx->err. */
int run_once(struct fixture *fx, struct backend_op *op);
/* Likewise; a passing failure of a faulty driver is tried again. */
int run_op(struct fixture *fx, struct backend_op *op);
/* The two halves of run_once(). */
void start_op(struct fixture *fx, struct backend_op *op);
int await(struct fixture *fx, struct backend_op *op);

/* An empty result that lives as long as the test. */
struct result *result_make(struct fixture *fx);

/* --------------------------------------------------------------- writing -- */

/* A page to be saved.  Zero means: left out. */
struct page {
	const char *key, *title, *content, *metadata;
	int64_t fetched_at; /* 0: untimed, fetched now */
	int64_t created_at, updated_at;
	const float *own;    /* a vector that the record brought */
	const float *vector; /* one that the embedder made */
	bool wants_vector;
	enum wr_policy policy;
	bool known_absent;
	bool retried;
	enum wr_outcome predicted;
	int64_t touch_after_us;
	size_t content_len; /* 0: up to its NUL */
};

/* content defaults to "". */
struct record *record_make(struct fixture *fx, const struct page *page);
struct write write_make(struct fixture *fx, const struct page *page);
/* Sorts items by key.  The op's status. */
int write_all(struct fixture *fx, struct write *items, size_t n,
	      int64_t touch_after_us);

/* Save one page and expect success. */
struct saved {
	enum wr_outcome outcome;
	enum wr_skip skip;
};
struct saved save_page(struct fixture *fx, const struct page *page);
#define save(fx, ...) save_page(fx, &(struct page){ __VA_ARGS__ })
#define assert_saved(saved_, outcome_) \
	assert_int_equal((saved_).outcome, outcome_)

/* WRITE_VECTOR for that key and content; WRITE_DELETE. */
struct saved save_vector(struct fixture *fx, const char *key,
			 const char *content, const float *vector);
struct saved delete_key(struct fixture *fx, const char *key);

/* --------------------------------------------------------------- reading -- */

/* The document, with all its parts; never NULL, but maybe not found. */
const struct document *get(struct fixture *fx, const char *key);
struct lookup lookup(struct fixture *fx, const struct page *page,
		     float *vector);

/* NULL: nothing is filtered; from->size need not be set. */
struct filter *filter_make(struct fixture *fx, const struct wr_filter *from);
/* All keys that pass, in scan order, read page_size at a time: "a b c". */
const char *scan_keys(struct fixture *fx, const struct wr_filter *filter,
		      uint32_t page_size);
const char *pending_keys(struct fixture *fx);

/* The keys of a search, best first: "a b c". */
const char *search_text(struct fixture *fx, const char *text);
const char *search_vector(struct fixture *fx, const float *vector);
struct result *search_run(struct fixture *fx, enum wr_mode mode,
			  const char *text, const float *vector,
			  const struct wr_filter *filter, uint32_t limit,
			  unsigned parts);
const char *result_keys(struct fixture *fx, const struct result *result);

uint64_t stat_of(struct fixture *fx, const char *name);
const char *property_of(struct fixture *fx, const char *name);

/* ----------------------------------------------------------------- words -- */

/* printf into memory that lives as long as the test. */
const char *text_make(struct fixture *fx, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void assert_text(struct wr_str got, const char *wanted);
void assert_vector(const struct document *doc, const float *wanted);

#endif
