/*
 * PostgreSQL: WINDROW_TEST_STORE names the variable that holds the URL of a
 * database.  Each store is a schema of its own, and its names need quotes.
 */
#include "conformance.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef VECTOR_TYPE
#define VECTOR_TYPE NULL
#define ROUNDING 0
#endif

static const char *database(void)
{
	const char *name = getenv("WINDROW_TEST_STORE");

	return name ? getenv(name) : NULL;
}

/* Over the workers of Citus, where the variable says so and it is there. */
static bool distributed(void)
{
	const char *wish = getenv("WINDROW_TEST_DISTRIBUTED");

	return wish && !strcmp(wish, "1");
}

static void say_nothing(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static const char *missing(void)
{
	return database() ? NULL
			  : "no such server; scripts/servers run COMMAND "
			    "starts them";
}

/* Schemas are made and dropped over a connection of the test's own. */
static void execute(const char *sql)
{
	static PGconn *conn;
	PGresult *res;

	if (!conn) {
		conn = PQconnectdb(database());
		PQsetNoticeProcessor(conn, say_nothing, NULL);
	}
	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	PQclear(res);
}

/* Of the store that the URL is of. */
static unsigned number_of(const char *location)
{
	return (unsigned)strtoul(strstr(location, "store%20%22") + 11, NULL,
				 10);
}

static void place(char *location, size_t room)
{
	static unsigned made;
	char sql[200];

	snprintf(location, room,
		 "%s?schema=store%%20%%22%u%%20%d&table=the%%20%%22pages%%22",
		 database(), ++made, (int)getpid());
	snprintf(sql, sizeof(sql), "CREATE SCHEMA \"store \"\"%u %d\"", made,
		 (int)getpid());
	execute(sql);
}

static void clear(const char *location)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "DROP SCHEMA \"store \"\"%u %d\" CASCADE",
		 number_of(location), (int)getpid());
	execute(sql);
}

const struct driver driver = {
	.name = "postgres",
	.backend = &postgres_backend,
	.place = place,
	.clear = clear,
	.persists = true,
	.threads = true,
	.stems = true,
	.stops = true,
	.vector_type = VECTOR_TYPE,
	.rounding = ROUNDING,
	.distributed = distributed,
	.missing = missing,
};
