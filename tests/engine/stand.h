/*
 * stand.h - a store to test through windrow.h, and the little helpers that keep
 * its tests short.
 *
 * Tests run over "mem:" and over a SQLite file in a folder of its own; BOTH()
 * names them.  Every wait has an end: a test that hangs fails and says where.
 */
#ifndef TESTS_ENGINE_STAND_H
#define TESTS_ENGINE_STAND_H

#include "windrow.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct stand {
	bool sqlite;
	char folder[64];
	char url[128];
	struct wr_options opts; /* of the next stand_open(): embedder "hash" */
	wr_store *store;
	wr_queue *q;
	struct wr_error err;
};

int stand_mem(void **state);
int stand_sqlite(void **state);
int stand_end(void **state);

#define OVER_MEM(test)                                           \
	{                                                        \
#test " (mem)", test, stand_mem, stand_end, NULL \
	}
#define OVER_SQLITE(test)                                              \
	{                                                              \
#test " (sqlite)", test, stand_sqlite, stand_end, NULL \
	}
#define BOTH(test) OVER_MEM(test), OVER_SQLITE(test)

/* Open with st->opts; the test fails where that fails. */
void stand_open(struct stand *st);
/* Opening has to fail: its status, and what was said in st->err. */
int stand_open_fails(struct stand *st);
/* Drain and free; does nothing where none is open. */
void stand_close(struct stand *st);

/* A status that must be 0; else the message is shown. */
#define must(status, err) must_at(status, err, __FILE__, __LINE__)
void must_at(int status, const struct wr_error *err, const char *file,
	     int line);

/* The next event, which must be of this kind; its reply is the caller's. */
#define next_event(q, kind) next_event_at(q, kind, __FILE__, __LINE__)
struct wr_event next_event_at(wr_queue *q, enum wr_event_kind kind,
			      const char *file, int line);
/* Nothing waits in the queue. */
void no_event(wr_queue *q);
bool is_readable(wr_queue *q);

struct wr_str str(const char *s);
bool str_is(struct wr_str s, const char *expected);
/* A page; title may be NULL. */
struct wr_record page(const char *url, const char *title, const char *content);
/* "https://a.example/N", until the 64th call after it. */
const char *url_of(unsigned n);

/* Save and wait.  put() is one page and gives its outcome. */
enum wr_outcome put(struct stand *st, const char *url, const char *content);
wr_reply *save(struct stand *st, const struct wr_record *recs, size_t n,
	       enum wr_policy policy);

/* The document, in *reply, which is the caller's: 1, or 0 if not stored. */
int get(struct stand *st, const char *url, unsigned parts,
	struct wr_document *doc, wr_reply **reply);
bool is_stored(struct stand *st, const char *url);
/* Is it stored, and waits for its embedding? */
bool is_pending(struct stand *st, const char *url);
/* A statistic by name; fails where there is none. */
uint64_t stat_of(struct stand *st, const char *name);
uint64_t metric_of(wr_store *s, const char *name);

#endif
