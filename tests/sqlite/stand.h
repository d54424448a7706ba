/*
 * stand.h - a SQLite store on a stand: in a folder of its own, on the
 * simulation's loop, so that an op is carried out by the thread that asks.
 */
#ifndef STAND_H
#define STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "windrow.h"

enum { STAND_DIM = 4, STAND_PATH = 300 };

struct stand {
	char folder[STAND_PATH - 100];
	char path[STAND_PATH]; /* of the file */
	char url[STAND_PATH + 20];
	struct loop *loop;
	void *self; /* NULL: not open */
	struct settings settings;
	uint32_t busy_ms;
	struct wr_error err; /* of what was done last */
};

/* A folder, and no store in it yet. */
int stand_setup(void **state);
int stand_teardown(void **state);
#define STAND_TEST(f) \
	cmocka_unit_test_setup_teardown(f, stand_setup, stand_teardown)

int stand_open(struct stand *st, enum wr_create create);
/* Succeeds, and records the dimension. */
void stand_make(struct stand *st);
void stand_close(struct stand *st);
/* As a new process sees it: nothing that was open is known. */
void stand_forget(struct stand *st);

int stand_run(struct stand *st, struct backend_op *op);
/* Save one page of that content, with a vector: the op's status. */
int stand_put(struct stand *st, const char *key, const char *content);
/* Save pages first .. first + n - 1, "k00000001" and so on. */
int stand_put_many(struct stand *st, const char *prefix, int first, int n);
bool stand_has(struct stand *st, const char *key);
uint64_t stand_stat(struct stand *st, const char *name);
/* Does a check find something with these words in it? */
bool stand_finds(struct stand *st, unsigned flags, const char *words);
/* How many pages are found by a text or a vector. */
size_t stand_search(struct stand *st, const char *text, const float *vector);

/* Run SQL on the file by SQLite alone. */
void stand_sql(struct stand *st, const char *sql);
int64_t stand_sql_number(struct stand *st, const char *sql);

/* The name of a file beside the store's: stand_beside(st, "-wal"). */
const char *stand_beside(struct stand *st, const char *ending);

/* f(st) in a child process: its exit status, or 1000 + the signal. */
int stand_in_child(struct stand *st, int (*f)(struct stand *st));

void assert_error(const struct stand *st, int status, const char *words);

#endif
