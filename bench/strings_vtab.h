/*
 * strings_vtab.h - an array of strings as a table of SQLite's.
 *
 * The quickest way for a single SQL statement to see a caller's list: nothing
 * is copied, parsed or stored.  A peer deserves it.
 */
#ifndef BENCH_STRINGS_VTAB_H
#define BENCH_STRINGS_VTAB_H

#include <sqlite3.h>
#include <windrow.h>

struct strings {
	const struct wr_str *items;
	size_t n;
};

/* Makes "SELECT rowid, value FROM strings" read s, which must outlive db. */
int strings_register(sqlite3 *db, struct strings *s);

#endif
