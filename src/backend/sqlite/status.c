#include "backend/sqlite/status.h"

#include "base/error.h"
#include "base/str.h"
#include <errno.h>
#include <string.h>

struct meaning {
	int code; /* extended ones before their primary one */
	int status;
	bool reopen;
	const char *words; /* NULL: SQLite's own */
};

static const struct meaning meanings[] = {
	{ SQLITE_FULL, WR_EIO, true,
	  "the disk is full: free some space; work goes on by itself" },
	{ SQLITE_READONLY, WR_EAUTH, true,
	  "the file or its folder is read-only for this user" },
	{ SQLITE_PERM, WR_EAUTH, true, "no permission" },
	{ SQLITE_AUTH, WR_EAUTH, false, "no permission" },
	{ SQLITE_CORRUPT, WR_ECORRUPT, true,
	  "the file is damaged: see windrow doctor" },
	{ SQLITE_NOTADB, WR_ECORRUPT, true,
	  "not an SQLite database, or its header is damaged: see windrow "
	  "doctor" },
	{ SQLITE_FORMAT, WR_ECORRUPT, true,
	  "not an SQLite database: see windrow doctor" },
	{ SQLITE_BUSY, WR_EBUSY, false,
	  "locked by another program for too long" },
	{ SQLITE_LOCKED, WR_EBUSY, false,
	  "locked by another program for too long" },
	{ SQLITE_PROTOCOL, WR_EBUSY, true,
	  "too many programs contend for the lock" },
	{ SQLITE_NOMEM, WR_ENOMEM, false, "out of memory" },
	{ SQLITE_IOERR_NOMEM, WR_ENOMEM, true, "out of memory" },
	{ SQLITE_INTERRUPT, WR_ECANCELED, false, "cancelled" },
	{ SQLITE_ABORT, WR_ECANCELED, false, "cancelled" },
	{ SQLITE_TOOBIG, WR_EDATA, false,
	  "a text is longer than SQLite stores (1,000,000,000 bytes)" },
	{ SQLITE_CONSTRAINT, WR_EDATA, false, NULL },
	{ SQLITE_MISMATCH, WR_EDATA, false, NULL },
	{ SQLITE_CANTOPEN, WR_EIO, true, "the file cannot be opened" },
	{ SQLITE_IOERR, WR_EIO, true, "reading or writing the file failed" },
	{ SQLITE_SCHEMA, WR_EBUSY, true, "the schema is being changed" },
	{ SQLITE_ERROR, WR_EREMOTE, true, NULL },
	{ SQLITE_MISUSE, WR_EBUG, true, NULL },
};

static const struct meaning *meaning_of(int code)
{
	const struct meaning *primary = NULL;
	size_t n = sizeof(meanings) / sizeof(meanings[0]);

	for (size_t i = 0; i < n; i++) {
		if (meanings[i].code == code)
			return &meanings[i];
		if (meanings[i].code == (code & 0xff))
			primary = &meanings[i];
	}
	return primary;
}

/* What the system said is more exact than SQLite's code. */
static int status_of_system(int code, int errnum, int status)
{
	if ((code & 0xff) != SQLITE_CANTOPEN && (code & 0xff) != SQLITE_IOERR)
		return status;
	switch (errnum) {
	case EACCES:
	case EPERM:
	case EROFS:
		return WR_EAUTH;
	case ENOENT:
	case ENOTDIR:
		return (code & 0xff) == SQLITE_CANTOPEN ? WR_ENOENT : status;
	case ENOMEM:
		return WR_ENOMEM;
	default:
		return status;
	}
}

/* The last error of the file or of its -wal file, where SQLite kept none. */
static int errno_of(sqlite3 *handle)
{
	sqlite3_file *wal = NULL;
	int errnum = handle ? sqlite3_system_errno(handle) : 0;

	if (!handle || errnum)
		return errnum;
	sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &errnum);
	if (errnum)
		return errnum;
	sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER,
			     &wal);
	if (wal && wal->pMethods)
		wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO,
					    &errnum);
	return errnum;
}

static const char *words_of_system(int errnum)
{
	switch (errnum) {
	case 0:
		return NULL;
	case ENOSPC:
	case EDQUOT:
		return "the disk is full: free some space; work goes on by "
		       "itself";
	case EFBIG:
		return "the file-size limit is reached (ulimit -f)";
	case EACCES:
	case EPERM:
	case EROFS:
		return "no permission for the file or its folder";
	default:
		return NULL;
	}
}

int status_of_sqlite(sqlite3 *handle, int code, const char *path, bool *reopen,
		     struct wr_error *err)
{
	const struct meaning *m = meaning_of(code);
	const char *said = handle ? sqlite3_errmsg(handle) : NULL;
	const char *system = NULL;
	struct wr_str name = str_clip(str_of(path), 120);
	int status = m ? m->status : WR_EREMOTE;
	int errnum;

	*reopen = m ? m->reopen : true;
	if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR) {
		errnum = errno_of(handle);
		status = status_of_system(code, errnum, status);
		system = words_of_system(errnum);
	}
	if (!said || !*said)
		said = sqlite3_errstr(code);
	if (system)
		return error_set(err, status, code, "sqlite", "%.*s: %s",
				 (int)name.len, name.ptr, system);
	if (m && m->words)
		return error_set(err, status, code, "sqlite", "%.*s: %s",
				 (int)name.len, name.ptr, m->words);
	return error_set(err, status, code, "sqlite", "%.*s: %s", (int)name.len,
			 name.ptr, said);
}
