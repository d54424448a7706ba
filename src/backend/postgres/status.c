#include "backend/postgres/status.h"

#include "base/error.h"
#include "base/str.h"
#include <stdio.h>
#include <string.h>

/* Room for a message before it is redacted and then cut. */
enum { MESSAGE = 4096 };

/*
 * The first row that begins like it counts: single codes stand before their
 * class.  What no row knows is WR_EREMOTE.
 */
static const struct {
	const char *start;
	int status;
} table[] = {
	{ "00", 0 },		  /* success, and what is near it */
	{ "01", 0 },		  /* warning */
	{ "02", 0 },		  /* no data */
	{ "08", WR_EIO },	  /* connection */
	{ "0A", WR_ENOTSUP },	  /* feature not supported */
	{ "0P", WR_EAUTH },	  /* invalid role */
	{ "21000", WR_EBUG },	  /* one row twice in a statement */
	{ "22", WR_EDATA },	  /* data */
	{ "23", WR_EDATA },	  /* constraint */
	{ "25006", WR_EIO },	  /* read-only: a standby that may be promoted,
				     a primary that was demoted */
	{ "28", WR_EAUTH },	  /* who are you? */
	{ "38", WR_EDATA },	  /* a function of the user's */
	{ "39", WR_EDATA },	  /* likewise */
	{ "3D", WR_ENOENT },	  /* no such database */
	{ "3F", WR_ESCHEMA },	  /* no such schema */
	{ "40", WR_EBUSY },	  /* serialization failure, deadlock */
	{ "42501", WR_EAUTH },	  /* no right to do that */
	{ "42P01", WR_ESCHEMA },  /* no such table */
	{ "42703", WR_ESCHEMA },  /* no such column */
	{ "42704", WR_ESCHEMA },  /* no such type, configuration, ... */
	{ "42804", WR_ESCHEMA },  /* a column of another type */
	{ "42846", WR_ESCHEMA },  /* ... that does not convert */
	{ "42883", WR_ESCHEMA },  /* no such function or operator */
	{ "42P10", WR_ESCHEMA },  /* no unique index for ON CONFLICT */
	{ "44", WR_EDATA },	  /* WITH CHECK OPTION */
	{ "53", WR_EIO },	  /* disk full, memory, connections */
	{ "54", WR_EDATA },	  /* too long for an index, a tsvector */
	{ "55006", WR_EBUSY },	  /* object in use */
	{ "55P03", WR_EBUSY },	  /* lock not available */
	{ "57014", WR_ETIMEOUT }, /* statement_timeout, or somebody */
	{ "57P04", WR_ENOENT },	  /* the database was dropped */
	{ "57", WR_EIO },	  /* shutdown, starting up, idle timeout */
	{ "58", WR_EIO },	  /* the server's own I/O */
	{ "72", WR_EBUSY },	  /* snapshot too old */
	{ "P0", WR_EDATA },	  /* a trigger of the user's raised it */
	{ "XX001", WR_ECORRUPT }, /* a page */
	{ "XX002", WR_ECORRUPT }, /* an index */
	/* Changed under its hands; Citus: a worker was lost. */
	{ "XX000", WR_EIO },
};

int status_of(const char *sqlstate)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strncmp(sqlstate, table[i].start, strlen(table[i].start)))
			return table[i].status;
	return WR_EREMOTE;
}

bool status_ends_link(const struct wr_error *err)
{
	static const char *const ends[] = { "08", "25006", "57P", "58030",
					    "XX000" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!strncmp(err->sqlstate, ends[i], strlen(ends[i])))
			return true;
	return false;
}

bool status_is_missing(const struct wr_error *err)
{
	return !strcmp(err->sqlstate, "42P01") ||
	       !strcmp(err->sqlstate, "42703") ||
	       !strcmp(err->sqlstate, "3F000");
}

/* text is redacted before it is cut: half a password is one too. */
static int fill(struct wr_error *err, int status, const char *sqlstate,
		const struct conninfo *info, char *text)
{
	if (!err)
		return status;
	if (info)
		conninfo_redact(info, text);
	error_set(err, status, 0, "postgres", "%s", text);
	snprintf(err->sqlstate, sizeof(err->sqlstate), "%.5s", sqlstate);
	return status;
}

int status_from_result(const PGresult *res, const struct conninfo *info,
		       const char *what, struct wr_error *err)
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
	char text[MESSAGE];
	int status = sqlstate ? status_of(sqlstate) : WR_EIO;

	/* libpq's own errors have neither. */
	if (!primary || !*primary)
		primary = PQresultErrorMessage(res);
	if (!*primary)
		primary = "the server gave no reason";
	snprintf(text, sizeof(text), hint ? "%s: %s (%s)" : "%s: %s%s", what,
		 primary, hint ? hint : "");
	/* A result that should not be, such as that of COPY. */
	if (!status)
		status = WR_EREMOTE;
	return fill(err, status, sqlstate ? sqlstate : "", info, text);
}

/* ------------------------------------------------- of a connection -- */

/* "DETAIL:  ...", "LOCATION:  ...", in any language, and what is indented. */
static bool is_aside(struct wr_str line)
{
	const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
	size_t before = colon ? (size_t)(colon - line.ptr) : 0;

	if (line.len && *line.ptr == '\t')
		return true;
	return colon && !memchr(line.ptr, ' ', before) &&
	       line.len > before + 2 && colon[1] == ' ' && colon[2] == ' ';
}

static bool is_code_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* Where ":  28P01: " stands, which PQERRORS_VERBOSE adds; NULL: nowhere. */
static const char *find_code(const char *text, const char *end)
{
	for (const char *p = text; end - p >= 10; p++) {
		int n = 3;

		if (memcmp(p, ":  ", 3) || p[8] != ':' || p[9] != ' ')
			continue;
		while (n < 8 && is_code_char(p[n]))
			n++;
		if (n == 8)
			return p;
	}
	return NULL;
}

/* Lines without asides, codes cut out; sqlstate is that of the last one. */
static void tidy(char *to, size_t room, char *sqlstate, const char *text)
{
	size_t len = strlen(to);

	for (bool first = true; *text && len + 2 < room; first = false) {
		struct wr_str line = { text, strcspn(text, "\n") };
		const char *end = text + line.len;
		const char *code = find_code(text, end);

		text = *end ? end + 1 : end;
		if (!line.len || (!first && is_aside(line)))
			continue;
		if (!first)
			len += (size_t)snprintf(to + len, room - len, "; ");
		if (code) {
			memcpy(sqlstate, code + 3, 5);
			len += (size_t)snprintf(to + len, room - len, "%.*s",
						(int)(code - line.ptr + 2),
						line.ptr);
			line.ptr = code + 10;
			line.len = (size_t)(end - line.ptr);
		}
		if (len >= room)
			return;
		len += (size_t)snprintf(to + len, room - len, "%.*s",
					(int)line.len, line.ptr);
	}
}

static int status_without_code(PGconn *conn, const char *text)
{
	/* No pool of connections mends these. */
	if (PQconnectionNeedsPassword(conn) || strstr(text, "certificate") ||
	    strstr(text, "SSL was required"))
		return WR_EAUTH;
	return WR_EIO;
}

int status_from_conn(PGconn *conn, const struct conninfo *info,
		     const char *what, struct wr_error *err)
{
	const char *password = PQpass(conn);
	char text[MESSAGE], sqlstate[6] = "";
	int status;

	snprintf(text, sizeof(text), "%s: ", what);
	tidy(text, sizeof(text), sqlstate, PQerrorMessage(conn));
	if (!*PQerrorMessage(conn))
		snprintf(text, sizeof(text), "%s: the connection was lost",
			 what);
	/* That of a password file is in no secret of info's. */
	if (password && *password) {
		struct conninfo own = { .secrets = &password, .nsecrets = 1 };

		conninfo_redact(&own, text);
	}
	status = *sqlstate ? status_of(sqlstate)
			   : status_without_code(conn, text);
	return fill(err, status ? status : WR_EIO, sqlstate, info, text);
}
