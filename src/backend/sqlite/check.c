/* What a doctor looks at. */
#include "backend/sqlite/conn.h"
#include "base/error.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A larger file is read through only where that is asked for. */
enum { QUICK_CHECK_BYTES = 256 * 1024 * 1024 };

/* With the rare bug by which one connection's reset of the -wal file loses what
 * another one commits. */
enum { SQLITE_WITHOUT_RESET_BUG = 3051003 };

static int read_count(struct conn *c, enum sql which, int column, int64_t *out,
		      struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, which, err);
	int status;

	if (!stmt)
		return err->status;
	status = db_step(&c->db, stmt, err);
	*out = status > 0 ? sqlite3_column_int64(stmt, column) : 0;
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

static int check_pages(struct conn *c, enum sql which, struct result *result,
		       struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, which, err);
	int status;

	if (!stmt)
		return err->status;
	while ((status = db_step(&c->db, stmt, err)) > 0) {
		struct wr_str line = db_column(stmt, 0);

		if (line.len == 2 && !memcmp(line.ptr, "ok", 2))
			continue;
		if (result_add_finding(
			    result, WR_LOG_ERROR,
			    "the file is damaged: export what can be read "
			    "into a new store, or restore a copy",
			    "%.*s", (int)(line.len < 200 ? line.len : 200),
			    line.ptr)) {
			status = WR_ENOMEM;
			break;
		}
	}
	sqlite3_reset(stmt);
	/* Too damaged to be checked: that is a finding, too. */
	if (status == WR_ECORRUPT)
		return result_add_finding(
			result, WR_LOG_ERROR,
			"the file is damaged: export what can be read into a "
			"new store, or restore a copy",
			"%s", err->message);
	return status;
}

static int check_rows(struct conn *c, struct result *result,
		      struct wr_error *err)
{
	int64_t n = 0;
	int status = read_count(c, SQL_CHECK_FOREIGN, 0, &n, err);

	if (!status && n)
		status = result_add_finding(
			result, WR_LOG_INFO,
			"they are embedded and written anew when they are "
			"ingested again",
			"%lld documents were changed by another program",
			(long long)n);
	return status;
}

static int check_vectors(struct conn *c, struct result *result,
			 struct wr_error *err)
{
	static const char *const what[] = {
		"%lld vectors belong to no document",
		"%lld documents have lost their vector",
		"%lld vectors have another length than the store's"
	};
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_CHECK_VECTORS, err);
	int status;

	if (!stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, (int64_t)(c->settings.dim * sizeof(float)));
	status = db_step(&c->db, stmt, err);
	for (int i = 0; status > 0 && i < 3; i++) {
		int64_t n = sqlite3_column_int64(stmt, i);

		if (n &&
		    result_add_finding(result, WR_LOG_WARN,
				       "searches leave them out; ingest these "
				       "documents again",
				       what[i], (long long)n))
			status = WR_ENOMEM;
	}
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

static int check_pending(struct conn *c, struct result *result,
			 struct wr_error *err)
{
	int64_t n = 0;
	int status = read_count(c, SQL_PENDING_COUNT, 0, &n, err);

	if (!status && n)
		status = result_add_finding(
			result, WR_LOG_INFO, "windrow embed --pending",
			"%lld documents wait for their embedding",
			(long long)n);
	return status;
}

/* It counts as a write to SQLite, though it changes nothing. */
static int check_texts(struct conn *c, struct result *result,
		       struct wr_error *err)
{
	int status;

	if (!conn_has_text(c) || sqlite3_db_readonly(c->db.handle, "main"))
		return 0;
	status = conn_begin(c, err);
	if (!status)
		status = db_run(&c->db, SQL_TEXT_CHECK, err);
	db_settle(&c->db);
	if (status != WR_ECORRUPT)
		return status;
	c->db.broken = false;
	return result_add_finding(
		result, WR_LOG_ERROR,
		"sqlite3 FILE \"INSERT INTO document_texts (document_texts) "
		"VALUES ('rebuild')\"",
		"the full text index and the documents differ");
}

static int check_files(struct conn *c, struct result *result)
{
	char name[PATH_MAX];
	struct stat st;
	int status = 0;

	if (!stat(c->db.path, &st) && (st.st_mode & 0007))
		status = result_add_finding(result, WR_LOG_WARN, "chmod 600",
					    "%s can be read or written by "
					    "every user of this machine",
					    c->db.path);
	snprintf(name, sizeof(name), "%s-lock", c->db.path);
	if (!status && stat(name, &st))
		status = result_add_finding(
			result, WR_LOG_INFO, "nothing: the next write makes it",
			"the lock file %s is not there", name);
	if (!status && sqlite3_libversion_number() < SQLITE_WITHOUT_RESET_BUG)
		status = result_add_finding(
			result, WR_LOG_INFO,
			"nothing, while Windrow alone writes to the store: its "
			"processes take turns by the lock file; use SQLite "
			"3.51.3 or newer where other programs write to it",
			"SQLite %s has a rare bug that can lose commits when "
			"two connections write to and reset a -wal file at "
			"once",
			sqlite3_libversion());
	return status;
}

static int check_content(struct conn *c, struct result *result, bool deep,
			 struct wr_error *err)
{
	struct stat st;
	bool small = !stat(c->db.path, &st) && st.st_size <= QUICK_CHECK_BYTES;
	int status;

	if (!deep && !small)
		return result_add_finding(
			result, WR_LOG_INFO, "windrow doctor --deep",
			"the file is large and was not read through");
	status = check_pages(c, deep ? SQL_CHECK_DEEP : SQL_CHECK_QUICK, result,
			     err);
	/* The rest would stumble over the same damage. */
	if (status || c->db.broken)
		return status;
	status = check_rows(c, result, err);
	if (!status)
		status = check_vectors(c, result, err);
	return status;
}

int op_check(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	struct result *result = op->u.check.result;
	bool deep = op->u.check.flags & WR_CHECK_DEEP;
	int status = check_content(c, result, deep, err);

	if (status || c->db.broken)
		return status;
	status = check_pending(c, result, err);
	if (!status && deep)
		status = check_texts(c, result, err);
	return status ? status : check_files(c, result);
}
