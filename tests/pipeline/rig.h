/*
 * rig.h - a pipeline on virtual time, over the store in memory and an embedder
 * that do as a test tells them: count, fail, hold.
 */
#ifndef TESTS_PIPELINE_RIG_H
#define TESTS_PIPELINE_RIG_H

#include "pipeline/pipeline.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { RIG_DIM = 2, RIG_TXNS = 64, RIG_SUBS = 64 };

/* A call, and how it ended. */
struct sub {
	struct ticket *t; /* freed by rig_end() */
	unsigned settled; /* how often */
	unsigned turn;	  /* the how manieth of all calls, from 1 */
};

struct rig {
	struct loop *loop;
	void *mem;
	struct pipeline *p;
	struct pipeline_config config; /* of rig_begin() */
	int64_t wall_us;

	/* The store: what came, and what it is to do. */
	unsigned ops[BACKEND_NKINDS];
	size_t txn_rows[RIG_TXNS], txns; /* rows of each write */
	unsigned fail[BACKEND_NKINDS];	 /* the next ops fail, with */
	int fail_status;
	const char *poison; /* WR_EDATA while a key has this in it */
	bool hold_writes;
	unsigned migration_steps; /* before the last one */
	struct list_node held, failed;
	struct loop_task tell;
	bool telling;

	/* The embedder. */
	unsigned calls, texts;
	unsigned embed_fails;
	int embed_status;
	bool hold_embeds;
	struct list_node held_embeds, answered;
	struct loop_task answer;
	bool answering;

	struct sub subs[RIG_SUBS];
	unsigned nsubs, turns;
	bool idle;
};

/* Zeroes it and sets the config's defaults; then begin. */
void rig_init(struct rig *rig, uint64_t seed);
void rig_begin(struct rig *rig);
/* All must have settled, exactly once. */
void rig_end(struct rig *rig);

struct sub *rig_submit(struct rig *rig, const struct wr_record *recs, size_t n,
		       enum wr_policy policy);
struct sub *rig_save(struct rig *rig, const char *url, const char *content);
struct sub *rig_delete(struct rig *rig, const char *url);

/* Until it settled; the test fails if nothing is left to happen before. */
void rig_wait(struct rig *rig, struct sub *sub);
void rig_wait_all(struct rig *rig);
/* So much virtual time. */
void rig_pass(struct rig *rig, int64_t us);
/* What is held goes on, and nothing is held any more. */
void rig_release(struct rig *rig);

struct wr_record rig_page(const char *url, const char *content);
/* Outcome and skip of record i of a settled call. */
void rig_check(const struct sub *sub, size_t i, enum wr_outcome outcome,
	       enum wr_skip skip);
int rig_error(const struct sub *sub, size_t i);
/* The stored document, until the next call; NULL: none. */
const struct document *rig_get(struct rig *rig, const char *url);

#endif
