#include "backend/sqlite/schema.h"

#include "backend/settings.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------- version -- */

static int read_number(struct db *db, const char *sql, int64_t *out,
		       struct wr_error *err)
{
	sqlite3_stmt *stmt;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	int status;

	if (code)
		return db_fail(db, code, err);
	status = db_step(db, stmt, err);
	*out = status > 0 ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return status < 0 ? status : 0;
}

static int refuse_newer(struct db *db, int64_t version, struct wr_error *err)
{
	return error_set(err, WR_ESCHEMA, 0, "sqlite",
			 "%s has schema version %lld, this program knows up "
			 "to %d: use a newer Windrow",
			 db->path, (long long)version, SCHEMA_LATEST);
}

int schema_version(struct db *db, uint32_t *version, struct wr_error *err)
{
	int64_t application = 0, number = 0, objects = 0;
	int status;

	status = read_number(db, "PRAGMA application_id", &application, err);
	if (!status)
		status = read_number(db, "PRAGMA user_version", &number, err);
	if (!status)
		status = read_number(db, sql_texts[SQL_COUNT_OBJECTS], &objects,
				     err);
	if (status)
		return status;
	if (application != SCHEMA_APPLICATION && (application || objects))
		return error_set(err, WR_ESCHEMA, 0, "sqlite",
				 "%s is an SQLite database of another program: "
				 "choose another file",
				 db->path);
	if (number < 0 || number > SCHEMA_LATEST)
		return refuse_newer(db, number, err);
	*version = application == SCHEMA_APPLICATION ? (uint32_t)number : 0;
	return 0;
}

int schema_check(struct db *db, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(db, SQL_SCHEMA_VERSION, err);
	int64_t version;
	int status;

	if (!stmt)
		return err->status;
	status = db_step(db, stmt, err);
	version = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	if (status < 0)
		return status;
	return version == SCHEMA_LATEST ? 0 : refuse_newer(db, version, err);
}

/* ------------------------------------------------------------ settings -- */

static int put(struct db *db, const char *name, const char *value,
	       struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(db, SQL_SETTING_PUT, err);

	if (!stmt)
		return err->status;
	db_bind(stmt, 1, str_of(name));
	db_bind(stmt, 2, str_of(value));
	return db_do(db, stmt, err);
}

int schema_write_settings(struct db *db, const struct settings *settings,
			  struct wr_error *err)
{
	char dim[16];
	int status;

	snprintf(dim, sizeof(dim), "%u", (unsigned)settings->dim);
	status = put(db, "embedder", settings->embedder, err);
	if (!status)
		status = put(db, "model", settings->model, err);
	if (!status)
		status = put(db, "dim", dim, err);
	return status;
}

static void copy_text(char to[SETTING_TEXT], struct wr_str from)
{
	size_t len = from.len < SETTING_TEXT ? from.len : SETTING_TEXT - 1;

	if (len)
		memcpy(to, from.ptr, len);
	to[len] = '\0';
}

static void take_setting(struct settings *s, struct wr_str name,
			 struct wr_str value)
{
	int64_t number;

	if (str_eq(name, str_of("embedder"))) {
		copy_text(s->embedder, value);
	} else if (str_eq(name, str_of("model"))) {
		copy_text(s->model, value);
	} else if (str_eq(name, str_of("dim"))) {
		if (!str_to_int64(value, &number) && number > 0 &&
		    number <= VECTOR_DIM_MAX)
			s->dim = (uint32_t)number;
	} else if (str_eq(name, str_of("fulltext"))) {
		s->fulltext = str_eq(value, str_of("on")) ? WR_FULLTEXT_ON
							  : WR_FULLTEXT_OFF;
	} else if (str_eq(name, str_of("urls"))) {
		for (int i = WR_URLS_AS_GIVEN; i <= WR_URLS_AGGRESSIVE; i++)
			if (str_eq(value, str_of(settings_urls_name(i))))
				s->urls = (enum wr_urls)i;
	}
}

int schema_read_settings(struct db *db, struct settings *out,
			 struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(db, SQL_SETTINGS, err);
	int status;

	if (!stmt)
		return err->status;
	memset(out, 0, sizeof(*out));
	while ((status = db_step(db, stmt, err)) > 0)
		take_setting(out, db_column(stmt, 0), db_column(stmt, 1));
	sqlite3_reset(stmt);
	if (status)
		return status;
	out->version = SCHEMA_LATEST;
	if (out->urls == WR_URLS_DEFAULT ||
	    out->fulltext == WR_FULLTEXT_DEFAULT)
		return error_set(err, WR_ECORRUPT, 0, "sqlite",
				 "%s: the table windrow_meta is damaged",
				 db->path);
	return 0;
}

/* ----------------------------------------------------------- migrating -- */

static int set_number(struct db *db, const char *pragma, uint32_t value,
		      struct wr_error *err)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA %s = %u", pragma, (unsigned)value);
	return db_exec(db, sql, err);
}

static int run_migration(struct db *db, uint32_t number, bool fulltext,
			 struct wr_error *err)
{
	const struct sql_migration *m = &sql_migrations[number - 1];
	sqlite3_stmt *stmt;
	int status = 0;

	if (m->all)
		status = db_exec(db, m->all, err);
	if (!status && m->fulltext && fulltext)
		status = db_exec(db, m->fulltext, err);
	if (status)
		return status;
	stmt = db_stmt(db, SQL_MIGRATION_PUT, err);
	if (!stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, number);
	sqlite3_bind_int64(stmt, 2, clock_now_us());
	return db_do(db, stmt, err);
}

static int migrate_from(struct db *db, uint32_t version,
			const struct settings *wishes, struct wr_error *err)
{
	struct settings s;
	int status = 0;

	if (version) {
		status = schema_read_settings(db, &s, err);
	} else {
		memset(&s, 0, sizeof(s));
		s.urls = wishes->urls != WR_URLS_DEFAULT ? wishes->urls
							 : WR_URLS_CONSERVATIVE;
		s.fulltext = wishes->fulltext != WR_FULLTEXT_DEFAULT
				     ? wishes->fulltext
				     : WR_FULLTEXT_ON;
	}
	for (uint32_t i = version + 1; !status && i <= SCHEMA_LATEST; i++)
		status =
			run_migration(db, i, s.fulltext == WR_FULLTEXT_ON, err);
	if (!status && !version) {
		status = put(db, "urls", settings_urls_name(s.urls), err);
		if (!status)
			status = put(db, "fulltext",
				     settings_fulltext_name(s.fulltext), err);
		if (!status)
			status = put(db, "made_by", WR_VERSION_STRING, err);
		if (!status)
			status = set_number(db, "application_id",
					    SCHEMA_APPLICATION, err);
	}
	if (!status)
		status = set_number(db, "user_version", SCHEMA_LATEST, err);
	return status;
}

int schema_migrate(struct db *db, const struct settings *wishes, uint32_t *ran,
		   struct wr_error *err)
{
	uint32_t version;
	int64_t unused;
	int status;

	if (ran)
		*ran = 0;
	/* Outside the transaction, and before anything is in the file. */
	status = read_number(db, "PRAGMA journal_mode = WAL", &unused, err);
	if (!status)
		status = db_run(db, SQL_BEGIN_WRITE, err);
	/* Another process may have been first. */
	if (!status)
		status = schema_version(db, &version, err);
	if (!status && version < SCHEMA_LATEST) {
		status = migrate_from(db, version, wishes, err);
		if (!status && ran)
			*ran = SCHEMA_LATEST - version;
	}
	if (!status)
		status = db_run(db, SQL_COMMIT, err);
	if (status)
		db_settle(db);
	return status;
}
