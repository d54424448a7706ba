/*
 * location.h - from a store URL to the path of a file.
 */
#ifndef BACKEND_SQLITE_LOCATION_H
#define BACKEND_SQLITE_LOCATION_H

#include "windrow.h"

/*
 * The absolute path that "sqlite:///relative.db" or "sqlite:////absolute.db"
 * means (percent-encodings decoded), with links resolved so that every process
 * has one name, and one lock file, for one store.  Free with mem_free().
 * WR_EINVAL: not of that form; WR_ENOENT names the folder that is missing.
 */
int location_path(char **out, const char *location, struct wr_error *err);

#endif
