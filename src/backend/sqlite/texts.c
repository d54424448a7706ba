#include "backend/sqlite/texts.h"

static int run(struct db *db, enum sql which, int64_t id, struct wr_str title,
	       struct wr_str content, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(db, which, err);

	if (!stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, id);
	db_bind(stmt, 2, title);
	db_bind(stmt, 3, content);
	return db_do(db, stmt, err);
}

int texts_put(struct db *db, int64_t id, struct wr_str title,
	      struct wr_str content, struct wr_error *err)
{
	return run(db, SQL_TEXT_PUT, id, title, content, err);
}

/* A row that another program has inserted is not: 1 or 0. */
static int is_stored(struct db *db, int64_t id, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(db, SQL_TEXT_STORED, err);
	int status;

	if (!stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, id);
	status = db_step(db, stmt, err);
	sqlite3_reset(stmt);
	return status;
}

int texts_replace(struct db *db, int64_t id, struct wr_str title,
		  struct wr_str content, struct wr_error *err)
{
	int stored = is_stored(db, id, err);
	sqlite3_stmt *stmt = db_stmt(db, SQL_ROW_TEXT, err);
	struct wr_str old_title;
	int status;

	if (stored < 0 || !stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, id);
	status = db_step(db, stmt, err);
	if (status > 0) {
		/* They stay until the statement is reset. */
		old_title = db_column(stmt, 0);
		status = 0;
		if (stored)
			status = run(db, SQL_TEXT_DELETE, id, old_title,
				     db_column(stmt, 1), err);
		if (!status)
			status =
				texts_put(db, id, title.ptr ? title : old_title,
					  content, err);
	}
	sqlite3_reset(stmt);
	return status;
}
