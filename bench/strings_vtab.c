#include "strings_vtab.h"
#include "bench.h"
#include <stdlib.h>

struct table {
	sqlite3_vtab base;
	struct strings *strings;
};

struct cursor {
	sqlite3_vtab_cursor base;
	size_t at;
};

static struct strings *strings_of(sqlite3_vtab_cursor *cursor)
{
	return ((struct table *)(void *)cursor->pVtab)->strings;
}

static int connect_table(sqlite3 *db, void *arg, int argc,
			 const char *const *argv, sqlite3_vtab **out,
			 char **message)
{
	struct table *table = bench_alloc(1, sizeof(*table));

	(void)argc, (void)argv, (void)message;
	table->strings = arg;
	*out = &table->base;
	return sqlite3_declare_vtab(db, "CREATE TABLE x(value TEXT)");
}

static int disconnect(sqlite3_vtab *table)
{
	free(table);
	return SQLITE_OK;
}

/* Only ever read from the first to the last. */
static int best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	double n = (double)((struct table *)(void *)table)->strings->n;

	info->estimatedCost = n;
	info->estimatedRows = (sqlite3_int64)n;
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	struct cursor *cursor = bench_alloc(1, sizeof(*cursor));

	(void)table;
	*out = &cursor->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
	free(cursor);
	return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *cursor, int number, const char *text,
		  int argc, sqlite3_value **argv)
{
	(void)number, (void)text, (void)argc, (void)argv;
	((struct cursor *)cursor)->at = 0;
	return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *cursor)
{
	((struct cursor *)cursor)->at++;
	return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *cursor)
{
	return ((struct cursor *)cursor)->at >= strings_of(cursor)->n;
}

static int column(sqlite3_vtab_cursor *cursor, sqlite3_context *context,
		  int which)
{
	const struct wr_str *s =
		&strings_of(cursor)->items[((struct cursor *)cursor)->at];

	(void)which;
	sqlite3_result_text64(context, s->ptr, s->len, SQLITE_STATIC,
			      SQLITE_UTF8);
	return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)((struct cursor *)cursor)->at;
	return SQLITE_OK;
}

int strings_register(sqlite3 *db, struct strings *s)
{
	/* Eponymous: no xCreate. */
	static const sqlite3_module module = {
		.xConnect = connect_table,
		.xBestIndex = best_index,
		.xDisconnect = disconnect,
		.xOpen = open_cursor,
		.xClose = close_cursor,
		.xFilter = filter,
		.xNext = next,
		.xEof = at_end,
		.xColumn = column,
		.xRowid = rowid,
	};

	return sqlite3_create_module(db, "strings", &module, s);
}
