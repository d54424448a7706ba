#include "store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

enum { LONG_MS = 86400000 }; /* a day */

/* "host=... dbname=...", as libpq has it. */
static bool is_conninfo(const char *url)
{
	size_t n;

	url += strspn(url, " \t\r\n");
	n = strspn(url, "abcdefghijklmnopqrstuvwxyz_");
	return n && url[n + strspn(url + n, " ")] == '=';
}

const char *store_name(char out[STORE_NAME], const char *url)
{
	const char *address = strstr(url, "://"), *at, *rest;

	if (strncmp(url, "postgres", 8) || !address) {
		snprintf(out, STORE_NAME, "%s",
			 is_conninfo(url) ? "postgresql:" : url);
		return out;
	}
	address += 3;
	at = strrchr(address, '@');
	rest = strchr(address, '?');
	/* Where a password ends cannot be told from here. */
	if (at && rest && at > rest)
		address = "";
	else if (at)
		address = at + 1;
	snprintf(out, STORE_NAME, "postgresql:%s%.*s", *address ? "//" : "",
		 (int)strcspn(address, "?"), address);
	return out;
}

const char *store_url(const struct common *common)
{
	const char *from = "--db", *url = common->db;

	if (!url) {
		from = "WINDROW_DB";
		url = getenv(from);
	}
	if (!url || !*url) {
		if (common->db) {
			output_cannot(WR_EINVAL, "--db is empty: name a store, "
						 "such as sqlite:///pages.db");
			return NULL;
		}
		return "sqlite:///windrow.db";
	}
	if (strstr(url, "://") || !strncmp(url, "mem:", 4) || is_conninfo(url))
		return url;
	/* It may hold a password. */
	if (strpbrk(url, "@=:"))
		output_cannot(WR_EINVAL,
			      "%s wants the URL of a store, such as "
			      "sqlite:///pages.db or "
			      "postgresql://user@host/database",
			      from);
	else
		output_cannot(
			WR_EINVAL,
			"%s wants the URL of a store: for the file %s say "
			"sqlite:///%s",
			from, url, url);
	return NULL;
}

/*
 * A store that keeps saying the same is heard once.  The library calls this on
 * threads of its own.
 */
static void log_line(enum wr_log_level level, const char *where,
		     const char *message, void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char last[256]; /* guarded by lock */
	bool same;

	(void)level;
	(void)arg;
	pthread_mutex_lock(&lock);
	same = !strncmp(last, message, sizeof(last) - 1);
	snprintf(last, sizeof(last), "%s", message);
	pthread_mutex_unlock(&lock);
	if (!same)
		output_error("%s%s%s", where ? where : "",
			     where && *where ? ": " : "", message);
}

int store_open_with(wr_store **out, const struct common *common,
		    const char *url, struct wr_options *opts,
		    struct wr_error *err)
{
	opts->store = url;
	opts->schema = common->schema;
	opts->table = common->table;
	opts->pool_size = (uint32_t)common->pool_size;
	if (common->max_overflow == 1)
		opts->max_overflow = WR_NONE;
	else if (common->max_overflow)
		opts->max_overflow = (uint32_t)common->max_overflow - 1;
	opts->log = log_line;
	opts->log_level = WR_LOG_WARN;
	return wr_open_wait(out, opts, -1, err);
}

int store_cannot_open(const struct wr_error *err)
{
	const char *hint = "";

	/* A server without the database. */
	if (!strcmp(err->sqlstate, "3D000"))
		hint = " (CREATE DATABASE makes one)";
	else if (err->status == WR_ENOENT && !strstr(err->message, "init"))
		hint = " (windrow init or windrow ingest makes one)";
	return output_cannot(err->status, "%s%s", output_reason(err), hint);
}

int store_open(wr_store **out, const struct common *common,
	       enum store_need need)
{
	struct wr_options opts = WR_OPTIONS_INIT;
	const char *url = store_url(common);
	struct wr_error err = { 0 };

	*out = NULL;
	if (!url)
		return EXIT_CANNOT;
	opts.create = WR_CREATE_NEVER;
	if (need == STORE_BARE || need == STORE_BARE_LONG)
		opts.embedder = "none";
	if (need == STORE_BARE_LONG || need == STORE_EMBEDDER_LONG)
		opts.op_timeout_ms = LONG_MS;
	if (!store_open_with(out, common, url, &opts, &err))
		return EXIT_FINE;
	*out = NULL;
	return store_cannot_open(&err);
}

int store_close(wr_store *s, int status)
{
	struct wr_error err = { 0 };

	if (!s)
		return status;
	if (wr_close_wait(s, WR_CLOSE_DRAIN, -1, &err))
		status = output_failed("closing the store", &err);
	wr_store_free(s);
	return status;
}

int store_wait(wr_queue *q, uint64_t tag, struct wr_event *ev)
{
	for (;;) {
		int n = wr_queue_next(q, ev, 1, -1);

		if (n < 0)
			return 0;
		if (n && ev->tag == tag && ev->kind != WR_EV_ROOM)
			return 1;
		if (n)
			wr_reply_free(ev->reply);
	}
}
