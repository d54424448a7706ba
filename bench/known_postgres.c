/*
 * known_postgres.c - which of these URLs are stored, in a table of a million?
 *
 * Half of the candidates are, in no order.  The peer is the best of a few
 * single statements that answer the same over one connection.  Memory is that
 * of a process of its own that asks Windrow once.
 */
#include "bench.h"
#include "bulk.h"
#include "message.h"
#include "server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCHEMA "bench_known"
#define TABLE SCHEMA ".scraped_documents"

enum { OID_TEXT = 25, OID_TEXT_ARRAY = 1009, MORE_MB = 32, SEED = 5 };

struct question {
	struct wr_str *urls;
	char (*room)[PAGE_URL];
	uint8_t *stored; /* an answer for each */
	size_t n;
};

/* Those with odd numbers are stored, of a table of rows. */
static void question_init(struct question *q, size_t n, size_t rows)
{
	struct page_maker *m = page_maker_new(SEED);

	*q = (struct question){ .n = n };
	q->urls = bench_alloc(n, sizeof(*q->urls));
	q->room = bench_alloc(n, PAGE_URL);
	q->stored = bench_alloc(n, 1);
	for (size_t i = 0; i < n; i++) {
		/* From all of the table. */
		size_t row = (size_t)((double)i / (double)n * (double)rows);

		q->urls[i].ptr = q->room[i];
		q->urls[i].len =
			page_url(m, i % 2 ? row : rows + i, q->room[i]);
	}
	/* In no order: Fisher and Yates, but odd with odd, even with even. */
	for (size_t i = n; i-- > 2;) {
		size_t j = (size_t)(((uint64_t)i * 0x9e3779b97f4a7c15u >> 20) %
				    (i / 2)) *
				   2 +
			   i % 2;
		struct wr_str url = q->urls[i];

		q->urls[i] = q->urls[j];
		q->urls[j] = url;
	}
	page_maker_free(m);
}

static void question_release(struct question *q)
{
	free(q->urls);
	free(q->room);
	free(q->stored);
}

static double question_mb(const struct question *q)
{
	double bytes = (double)q->n * sizeof(*q->urls);

	for (size_t i = 0; i < q->n; i++)
		bytes += (double)q->urls[i].len;
	return bytes / 1e6;
}

/* --------------------------------------------- a set of URLs, for peers -- */

struct set {
	uint32_t *slots; /* number of a URL, and 1 */
	size_t mask;
};

static uint64_t hash(const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u, word;

	for (; len >= 8; s += 8, len -= 8) {
		memcpy(&word, s, 8);
		h = (h ^ word) * 0x9fb21c651e98df25u;
		h ^= h >> 32;
	}
	for (; len; s++, len--)
		h = (h ^ (uint8_t)*s) * 0x9fb21c651e98df25u;
	return h ^ h >> 29;
}

static void set_init(struct set *set, const struct question *q)
{
	size_t size = 1;

	while (size < 2 * q->n)
		size *= 2;
	set->mask = size - 1;
	set->slots = bench_alloc(size, sizeof(*set->slots));
	for (size_t i = 0; i < q->n; i++) {
		size_t at = hash(q->urls[i].ptr, q->urls[i].len) & set->mask;

		while (set->slots[at])
			at = (at + 1) & set->mask;
		set->slots[at] = (uint32_t)i + 1;
	}
}

static void set_mark(const struct set *set, struct question *q, const char *url,
		     size_t len)
{
	size_t at = hash(url, len) & set->mask;

	for (; set->slots[at]; at = (at + 1) & set->mask) {
		size_t i = set->slots[at] - 1;

		if (q->urls[i].len == len && !memcmp(q->urls[i].ptr, url, len))
			q->stored[i] = 1;
	}
}

/* ----------------------------------------------------------- the peers -- */

/* Sends all candidates as $1 and takes the rows as they come. */
static void ask(PGconn *conn, struct question *q, const char *sql,
		void (*row)(const PGresult *res, int row, struct question *q,
			    const void *arg),
		const void *arg)
{
	static const int binary = 1;
	const Oid type = OID_TEXT_ARRAY;
	struct message m = { 0 };
	const char *value;
	PGresult *res;
	int length;

	message_array(&m, OID_TEXT, q->n);
	for (size_t i = 0; i < q->n; i++)
		message_text(&m, q->urls[i]);
	value = m.data;
	length = (int)m.len;
	if (!PQsendQueryParams(conn, sql, 1, &type, &value, &length, &binary,
			       1) ||
	    !PQsetSingleRowMode(conn))
		bench_die("known: %s", PQerrorMessage(conn));
	while ((res = PQgetResult(conn))) {
		if (PQresultStatus(res) != PGRES_SINGLE_TUPLE)
			server_check(conn, res, sql);
		for (int i = 0; i < PQntuples(res); i++)
			row(res, i, q, arg);
		PQclear(res);
	}
	message_release(&m);
}

static void take_url(const PGresult *res, int row, struct question *q,
		     const void *arg)
{
	set_mark(arg, q, PQgetvalue(res, row, 0),
		 (size_t)PQgetlength(res, row, 0));
}

static void take_number(const PGresult *res, int row, struct question *q,
			const void *arg)
{
	const unsigned char *b = (const unsigned char *)PQgetvalue(res, row, 0);
	size_t n = (size_t)b[4] << 24 | (size_t)b[5] << 16 | (size_t)b[6] << 8 |
		   b[7];

	(void)arg;
	if (n - 1 < q->n)
		q->stored[n - 1] = 1;
}

static void ask_any(PGconn *conn, struct question *q)
{
	struct set set;

	set_init(&set, q);
	ask(conn, q, "SELECT url FROM " TABLE " WHERE url = ANY ($1)", take_url,
	    &set);
	free(set.slots);
}

#define JOIN                                                               \
	"SELECT r.n FROM unnest($1::text[]) WITH ORDINALITY AS r(url, n) " \
	"JOIN " TABLE " AS d ON d.url = r.url"

static void ask_join(PGconn *conn, struct question *q)
{
	ask(conn, q, JOIN, take_number, NULL);
}

static void ask_hash_join(PGconn *conn, struct question *q)
{
	server_do(conn, "SET enable_nestloop = off");
	server_do(conn, "SET enable_mergejoin = off");
	ask(conn, q, JOIN, take_number, NULL);
	server_do(conn, "RESET enable_nestloop");
	server_do(conn, "RESET enable_mergejoin");
}

/* In the order of the index: its pages are read once. */
static void ask_sorted(PGconn *conn, struct question *q)
{
	server_do(conn, "SET enable_hashjoin = off");
	server_do(conn, "SET enable_mergejoin = off");
	ask(conn, q,
	    "SELECT r.n FROM (SELECT url COLLATE \"C\" AS url, n FROM "
	    "unnest($1::text[]) WITH ORDINALITY AS u(url, n) ORDER BY 1) AS r "
	    "JOIN " TABLE " AS d ON d.url = r.url",
	    take_number, NULL);
	server_do(conn, "RESET enable_hashjoin");
	server_do(conn, "RESET enable_mergejoin");
}

/* All that is stored comes here, and what was asked is looked up in it. */
static void ask_all(PGconn *conn, struct question *q)
{
	struct set set;
	PGresult *res;
	char *row;
	int len;

	set_init(&set, q);
	res = PQexec(conn, "COPY (SELECT url FROM " TABLE ") TO STDOUT");
	server_check(conn, res, "COPY");
	PQclear(res);
	while ((len = PQgetCopyData(conn, &row, 0)) > 0) {
		set_mark(&set, q, row, (size_t)len - 1);
		PQfreemem(row);
	}
	while ((res = PQgetResult(conn))) {
		server_check(conn, res, "COPY");
		PQclear(res);
	}
	free(set.slots);
}

static const struct {
	const char *name;
	void (*ask)(PGconn *conn, struct question *q);
} peers[] = {
	{ "= ANY", ask_any },
	{ "join with unnest", ask_join },
	{ "hash join with unnest", ask_hash_join },
	{ "join with sorted unnest", ask_sorted },
	{ "copy of all URLs", ask_all },
};
enum { PEERS = sizeof(peers) / sizeof(*peers) };

/* ------------------------------------------------------------- Windrow -- */

static void ask_windrow(wr_store *store, struct question *q)
{
	struct wr_known_url known = WR_KNOWN_URL_INIT;
	struct wr_error err = { 0 };
	wr_reply *reply = NULL;

	bench_check(wr_known_wait(store, q->urls, q->n, 0, 0, -1, &reply, &err),
		    &err, "known");
	for (size_t i = 0; i < q->n; i++)
		q->stored[i] =
			!wr_reply_known(reply, i, &known) && known.stored;
	wr_reply_free(reply);
}

static void verify(const struct question *q, const char *who)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->stored[i] != i % 2)
			bench_die("%s is wrong about URL %zu", who, i);
}

/* ---------------------------------------------------------------- time -- */

static double time_peer(size_t which, PGconn *conn, struct question *q)
{
	double start = bench_now();

	memset(q->stored, 0, q->n);
	peers[which].ask(conn, q);
	start = bench_now() - start;
	verify(q, peers[which].name);
	return start;
}

static double time_windrow(wr_store *store, struct question *q)
{
	double start = bench_now();

	ask_windrow(store, q);
	start = bench_now() - start;
	verify(q, "windrow");
	return start;
}

static void compare(wr_store *store, PGconn *conn, struct question *q)
{
	size_t n = bench_repeats(), best = 0;
	double *values = bench_alloc((PEERS + 2) * n, sizeof(double));
	double *own = values + PEERS * n, *ratios = own + n, medians[PEERS];
	char figure[64];

	/* The first round warms the caches. */
	for (size_t i = 0; i <= n; i++) {
		size_t at = i ? i - 1 : 0;

		for (size_t p = 0; p < PEERS; p++)
			values[p * n + at] = time_peer(p, conn, q);
		own[at] = time_windrow(store, q);
	}
	for (size_t p = 0; p < PEERS; p++) {
		medians[p] = bench_median(values + p * n, n);
		bench_say("known_postgres: %zu: %s: %.3f s", q->n,
			  peers[p].name, medians[p]);
		if (medians[p] < medians[best])
			best = p;
	}
	bench_say("known_postgres: %zu: windrow: %.3f s", q->n,
		  bench_median(own, n));
	for (size_t i = 0; i < n; i++)
		ratios[i] = own[i] / values[best * n + i];
	snprintf(figure, sizeof(figure), "known, %zu (peer: best statement)",
		 q->n);
	bench_row_at_most(figure, "s", medians[best], bench_median(own, n),
			  bench_median(ratios, n), 1);
	free(values);
}

/* -------------------------------------------------------------- memory -- */

/* A line of /proc/self/status, in MB. */
static double status_mb(const char *name)
{
	FILE *in = fopen("/proc/self/status", "r");
	char line[256];
	double kb = 0;

	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, name, strlen(name)))
			kb = strtod(line + strlen(name), NULL);
	if (in)
		fclose(in);
	return kb * 1024 / 1e6;
}

/* The peak begins here. */
static void forget_peak(void)
{
	FILE *out = fopen("/proc/self/clear_refs", "w");

	if (!out || fputs("5", out) < 0 || fclose(out))
		bench_die("cannot reset the peak of memory");
}

/*
 * The peak of a process that asks once, beyond what it was before, with the
 * candidates in its hands.  Windrow has to copy these, so that they count once.
 */
static void measure_growth(size_t n, size_t rows, double *candidates,
			   double *grown)
{
	struct question q;
	wr_store *store = server_open(SCHEMA, WR_FULLTEXT_OFF);

	question_init(&q, n, rows);
	*candidates = question_mb(&q);
	forget_peak();
	*grown = -status_mb("VmRSS:");
	ask_windrow(store, &q);
	*grown += status_mb("VmHWM:");
	verify(&q, "windrow");
	bulk_close(store);
	question_release(&q);
}

static void report_memory(size_t n, size_t rows)
{
	char figure[64];
	double mb[2];
	int pipes[2], status;
	pid_t pid;

	if (pipe(pipes) || (pid = fork()) < 0)
		bench_die("cannot fork");
	if (!pid) {
		measure_growth(n, rows, &mb[0], &mb[1]);
		_exit(write(pipes[1], mb, sizeof(mb)) != sizeof(mb));
	}
	close(pipes[1]);
	if (read(pipes[0], mb, sizeof(mb)) != sizeof(mb) ||
	    waitpid(pid, &status, 0) != pid || status)
		bench_die("the process that asks failed");
	close(pipes[0]);
	bench_say("known_postgres: %zu: %.1f MB of candidates, %.1f MB more at "
		  "the peak",
		  n, mb[0], mb[1]);
	snprintf(figure, sizeof(figure), "known, %zu: memory above candidates",
		 n);
	bench_row_limit(figure, "MB", mb[1] - mb[0], MORE_MB);
}

/* ---------------------------------------------------------------- main -- */

static void fill(PGconn *conn, size_t rows)
{
	struct page_maker *m = page_maker_new(SEED);
	PGresult *res =
		PQexec(conn, "COPY " TABLE " (url, title, content, fetched_at, "
			     "created_at, updated_at, hashed_at, content_hash, "
			     "meta_hash) FROM STDIN");
	char line[1024], url[PAGE_URL], text[200];

	server_check(conn, res, "COPY");
	PQclear(res);
	for (size_t i = 0; i < rows; i++) {
		static const char time[] = "2025-01-01 00:00:00+00";
		int len;

		page_url(m, i, url);
		page_text(m, i, text, sizeof(text));
		len = snprintf(line, sizeof(line),
			       "%s\t%.40s\t%.200s\t%s\t%s\t%s\t%s\t"
			       "\\\\x%016zx%048x\t\\\\x%064x\n",
			       url, text, text, time, time, time, time, i, 1,
			       2);
		if (PQputCopyData(conn, line, len) != 1)
			bench_die("COPY: %s", PQerrorMessage(conn));
	}
	if (PQputCopyEnd(conn, NULL) != 1)
		bench_die("COPY: %s", PQerrorMessage(conn));
	while ((res = PQgetResult(conn))) {
		server_check(conn, res, "COPY");
		PQclear(res);
	}
	server_do(conn, "VACUUM ANALYZE " TABLE);
	page_maker_free(m);
}

int main(void)
{
	size_t rows = bench_scaled(1000000);
	const size_t sizes[] = { bench_scaled(100000), rows };
	PGconn *conn = server_connect();
	wr_store *store;

	server_make_schema(conn, SCHEMA);
	bulk_close(server_open(SCHEMA, WR_FULLTEXT_OFF));
	fill(conn, rows);
	/* Before this process has had memory that its children could use. */
	for (int i = 0; i < 2; i++)
		report_memory(sizes[i], rows);
	for (int i = 0; i < 2; i++) {
		struct question q;

		question_init(&q, sizes[i], rows);
		store = server_open(SCHEMA, WR_FULLTEXT_OFF);
		compare(store, conn, &q);
		bulk_close(store);
		question_release(&q);
	}
	server_drop_schema(conn, SCHEMA);
	PQfinish(conn);
	return 0;
}
