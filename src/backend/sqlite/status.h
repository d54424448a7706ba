/*
 * status.h - what SQLite's result codes mean to Windrow.
 */
#ifndef BACKEND_SQLITE_STATUS_H
#define BACKEND_SQLITE_STATUS_H

#include "windrow.h"
#include <sqlite3.h>
#include <stdbool.h>

/*
 * Fill err in for a (maybe extended) code of handle, which may be NULL, and
 * return its status.  *reopen is set where the connection may not know how
 * things are: it is to be opened anew.
 */
int status_of_sqlite(sqlite3 *handle, int code, const char *path, bool *reopen,
		     struct wr_error *err);

#endif
