/*
 * search_postgres.c - the nearest of a hundred thousand vectors.
 *
 * Vectors lie in clusters; the index is made by wr_index().  The peer is
 * pgbench, which sends the very statement that Windrow sends (as the server
 * has seen it), over one connection, with the same settings: in the extended
 * protocol as Windrow does, parsed each time, and prepared.  Recall is held
 * against all distances, computed here.
 */
#include "bench.h"
#include "bulk.h"
#include "server.h"
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "bench_search"
#define TABLE SCHEMA ".scraped_documents"

enum {
	CLUSTERS = 1000,
	QUERIES = 100,
	ROUNDS = 10,
	NEAREST = 10,
	SEED = 11,
	VECTOR = 13
};

/* What Windrow gives the parameters of its statement, by their numbers. */
static const char *const parameters[] = {
	/* The filter: none. */
	[1] = "NULL::text",
	[2] = "NULL::text",
	[3] = "'-infinity'::timestamptz",
	[4] = "'infinity'::timestamptz",
	[5] = "NULL::jsonb",
	/* How many. */
	[6] = "10::bigint",
	[7] = "10::bigint",
	[8] = "60::bigint",
	[VECTOR] = "",
	/* Of the contents. */
	[15] = "250000",
	[16] = "false",
	[17] = "false",
};
enum { PARAMETERS = sizeof(parameters) / sizeof(*parameters) };

/* And what it sets for the transaction. */
#define SETTINGS                                                               \
	"-c jit=off -c hnsw.ef_search=40 -c hnsw.iterative_scan=strict_order " \
	"-c hnsw.max_scan_tuples=20000"

struct bench {
	PGconn *conn;
	wr_store *store;
	size_t n;
	struct pages pages;
	float *vectors; /* of unit length */
	float *queries;
	size_t (*nearest)[NEAREST]; /* of each query: numbers of pages */
};

/* ------------------------------------------------------------- vectors -- */

/* About normal: the sum of four numbers between -1 and 1. */
static void draw_normal(uint64_t seed, float *out, size_t n)
{
	float *numbers = bench_alloc(4 * n, sizeof(float));

	page_numbers(seed, numbers, 4 * n);
	for (size_t i = 0; i < n; i++)
		out[i] = numbers[4 * i] + numbers[4 * i + 1] +
			 numbers[4 * i + 2] + numbers[4 * i + 3];
	free(numbers);
}

static void normalise(float *v)
{
	double sum = 0;

	for (int d = 0; d < PAGE_DIM; d++)
		sum += (double)v[d] * v[d];
	for (int d = 0; d < PAGE_DIM; d++)
		v[d] = (float)(v[d] / sqrt(sum));
}

/* n vectors, each about the centre of a cluster. */
static float *make_vectors(const float *centres, size_t n, uint64_t seed)
{
	float *out = bench_alloc(n * PAGE_DIM, sizeof(float));

	for (size_t i = 0; i < n; i++) {
		float *v = out + i * PAGE_DIM;
		const float *c = centres + i * 7919 % CLUSTERS * PAGE_DIM;

		draw_normal(seed + i * 31, v, PAGE_DIM);
		for (int d = 0; d < PAGE_DIM; d++)
			v[d] = c[d] + 0.6f * v[d];
		normalise(v);
	}
	return out;
}

static float product(const float *a, const float *b)
{
	float sums[8] = { 0 };

	for (int d = 0; d < PAGE_DIM; d += 8)
		for (int k = 0; k < 8; k++)
			sums[k] += a[d + k] * b[d + k];
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
	       ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static void find_nearest(struct bench *b, const float *query,
			 size_t out[NEAREST])
{
	float best[NEAREST];
	size_t have = 0;

	for (size_t i = 0; i < b->n; i++) {
		float p = product(query, b->vectors + i * PAGE_DIM);
		size_t at = have;

		if (have == NEAREST && p <= best[NEAREST - 1])
			continue;
		if (have < NEAREST)
			have++;
		else
			at = NEAREST - 1;
		for (; at && best[at - 1] < p; at--) {
			best[at] = best[at - 1];
			out[at] = out[at - 1];
		}
		best[at] = p;
		out[at] = i;
	}
}

/* ------------------------------------------------------------- Windrow -- */

static wr_reply *search(struct bench *b, size_t query,
			const struct wr_filter *filter)
{
	struct wr_query q = WR_QUERY_INIT;
	struct wr_error err = { 0 };
	wr_reply *reply = NULL;

	q.mode = WR_SEARCH_VECTOR;
	q.vector = b->queries + query * PAGE_DIM;
	q.vector_dim = PAGE_DIM;
	q.limit = NEAREST;
	q.filter = filter;
	bench_check(wr_search_wait(b->store, &q, -1, &reply, &err), &err,
		    "search");
	return reply;
}

/* The median of all queries, over and over; milliseconds. */
static double time_windrow(struct bench *b)
{
	double *times = bench_alloc(ROUNDS * QUERIES, sizeof(double)), median;

	for (size_t i = 0; i < ROUNDS * QUERIES; i++) {
		double start = bench_now();

		wr_reply_free(search(b, i % QUERIES, NULL));
		times[i] = 1e3 * (bench_now() - start);
	}
	median = bench_median(times, ROUNDS * QUERIES);
	free(times);
	return median;
}

static size_t count_found(struct bench *b, size_t query)
{
	wr_reply *reply = search(b, query, NULL);
	size_t found = 0;

	for (size_t i = 0; i < wr_reply_documents(reply); i++) {
		struct wr_document doc = WR_DOCUMENT_INIT;

		if (wr_reply_document(reply, i, &doc) != 1)
			continue;
		for (int k = 0; k < NEAREST; k++) {
			struct wr_str url =
				b->pages.recs[b->nearest[query][k]].url;

			found += url.len == doc.url.len &&
				 !memcmp(url.ptr, doc.url.ptr, url.len);
		}
	}
	wr_reply_free(reply);
	return found;
}

static void report_recall(struct bench *b)
{
	size_t found = 0;

	for (size_t i = 0; i < QUERIES; i++)
		found += count_found(b, i);
	bench_row_at_least("search: recall@10 (peer: exact)", "", 1,
			   (double)found / (QUERIES * NEAREST),
			   (double)found / (QUERIES * NEAREST), 0.95);
}

/* One in a hundred pages passes; as many as were asked for must come. */
static void report_filtered(struct bench *b)
{
	struct wr_filter filter = WR_FILTER_INIT;
	static const char prefix[] = "https://site00";
	size_t fewest = NEAREST, pass = 0;
	double *times = bench_alloc(QUERIES, sizeof(double));

	filter.url_prefix = (struct wr_str){ prefix, sizeof(prefix) - 1 };
	for (size_t i = 0; i < b->n; i++)
		pass += !memcmp(b->pages.recs[i].url.ptr, prefix,
				sizeof(prefix) - 1);
	for (size_t i = 0; i < QUERIES; i++) {
		double start = bench_now();
		wr_reply *reply = search(b, i, &filter);

		times[i] = 1e3 * (bench_now() - start);
		if (wr_reply_documents(reply) < fewest)
			fewest = wr_reply_documents(reply);
		wr_reply_free(reply);
	}
	bench_say("search_postgres: filtered: %zu of %zu pass, %.3f ms", pass,
		  b->n, bench_median(times, QUERIES));
	bench_row_at_least("search with a 1 % filter: fewest of 10", "",
			   NEAREST, (double)fewest, (double)fewest / NEAREST,
			   pass < NEAREST ? 0 : 1);
	free(times);
}

/* ------------------------------------------------------------- pgbench -- */

/* Windrow's own statement, from its connection; freed by PQclear(*res). */
static const char *find_statement(struct bench *b, PGresult **res)
{
	wr_reply_free(search(b, 0, NULL));
	*res = PQexec(b->conn,
		      "SELECT query FROM pg_stat_activity WHERE datname = "
		      "current_database() AND pid <> pg_backend_pid() AND "
		      "strpos(query, '<=>') > 0 LIMIT 1");
	server_check(b->conn, *res, "pg_stat_activity");
	if (!PQntuples(*res))
		bench_die("pg_stat_activity does not show the search");
	if (strlen(PQgetvalue(*res, 0, 0)) + 1 >=
	    server_number(b->conn, "SELECT pg_size_bytes(current_setting("
				   "'track_activity_query_size'))"))
		bench_die("set track_activity_query_size to 64kB");
	return PQgetvalue(*res, 0, 0);
}

/*
 * A literal as pgbench leaves it alone: what it would take for a variable, as
 * in [:space:], is written otherwise.  Returns what comes after it.
 */
static const char *write_literal(FILE *out, const char *sql)
{
	size_t len = 1;

	while (sql[len] && (sql[len] != '\'' || sql[len + 1] == '\''))
		len += sql[len] == '\'' ? 2 : 1;
	if (!sql[len])
		bench_die("a literal has no end: %s", sql);
	len++;
	if (!memchr(sql, ':', len)) {
		fwrite(sql, 1, len, out);
		return sql + len;
	}
	putc('E', out);
	for (size_t i = 0; i < len; i++)
		if (sql[i] == ':' || sql[i] == '\\')
			fprintf(out, "\\x%02x", (unsigned)sql[i]);
		else
			putc(sql[i], out);
	return sql + len;
}

static const char *write_parameter(FILE *out, const char *sql, size_t query)
{
	char *end;
	size_t number = strtoul(sql + 1, &end, 10);

	if (number >= PARAMETERS || !parameters[number])
		bench_die("the search has a parameter %zu", number);
	if (number == VECTOR)
		fprintf(out, "(:v%zu::vector)", query);
	else
		fputs(parameters[number], out);
	return end;
}

/*
 * The statement with what Windrow gives its parameters: pgbench knows texts
 * alone, and no NULL.  In one line, with a semicolon.
 */
static void write_script(const char *file, const char *sql, size_t query)
{
	FILE *out = fopen(file, "w");

	if (!out)
		bench_die("cannot write %s", file);
	while (*sql)
		if (*sql == '$')
			sql = write_parameter(out, sql, query);
		else if (*sql == '\'')
			sql = write_literal(out, sql);
		else
			putc(*sql++ == '\n' ? ' ' : sql[-1], out);
	fputs(";\n", out);
	if (fclose(out))
		bench_die("cannot write %s", file);
}

/* "v7=[0.1,0.2,...]" */
static char *vector_variable(const struct bench *b, size_t query)
{
	enum { NUMBER = 16 };
	char *text = bench_alloc((PAGE_DIM + 1), NUMBER);
	int at = snprintf(text, NUMBER, "v%zu=", query);

	for (int d = 0; d < PAGE_DIM; d++)
		at += snprintf(
			text + at, NUMBER, "%c%.8g", d ? ',' : '[',
			(double)b->queries[query * PAGE_DIM + (size_t)d]);
	text[at++] = ']';
	return text;
}

/* The median of the third column, which is in microseconds; milliseconds. */
static double read_log(const char *prefix)
{
	double *times = bench_alloc(ROUNDS * QUERIES, sizeof(double)), median;
	char pattern[600];
	size_t n = 0;
	glob_t found;
	FILE *in;

	snprintf(pattern, sizeof(pattern), "%s.*", prefix);
	if (glob(pattern, 0, NULL, &found) ||
	    !(in = fopen(found.gl_pathv[0], "r")))
		bench_die("pgbench has written no %s", pattern);
	while (n < ROUNDS * QUERIES &&
	       fscanf(in, "%*s %*s %lf%*[^\n]", &times[n]) == 1)
		n++;
	fclose(in);
	for (size_t i = 0; i < found.gl_pathc; i++)
		bench_remove(found.gl_pathv[i]);
	globfree(&found);
	if (n != ROUNDS * QUERIES)
		bench_die("pgbench has timed %zu searches", n);
	median = bench_median(times, n) / 1e3;
	free(times);
	return median;
}

/* pgbench's arguments: a script and a variable for each query. */
struct pgbench {
	char *args[4 * QUERIES + 16];
	size_t n;
	char scripts[QUERIES][512];
	char *variables[QUERIES];
};

static void pgbench_init(struct pgbench *p, struct bench *b)
{
	static char define[] = "-D", file[] = "-f";
	PGresult *res;
	const char *sql = find_statement(b, &res);

	*p = (struct pgbench){ .n = 1 };
	for (size_t i = 0; i < QUERIES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "search-%zu.sql", i);
		snprintf(p->scripts[i], sizeof(p->scripts[i]), "%s",
			 bench_file(name));
		write_script(p->scripts[i], sql, i);
		p->variables[i] = vector_variable(b, i);
		p->args[p->n++] = define;
		p->args[p->n++] = p->variables[i];
		p->args[p->n++] = file;
		p->args[p->n++] = p->scripts[i];
	}
	PQclear(res);
	setenv("PGOPTIONS", SETTINGS, 1);
}

static void pgbench_release(struct pgbench *p)
{
	unsetenv("PGOPTIONS");
	for (size_t i = 0; i < QUERIES; i++) {
		bench_remove(p->scripts[i]);
		free(p->variables[i]);
	}
}

/* Milliseconds; mode is "extended" or "prepared". */
static double time_pgbench(struct pgbench *p, const char *mode)
{
	char program[512], protocol[32], times[32], prefix[600], url[512],
		text[4096], log[] = "-nl";
	const char *file = bench_file("pgbench-times");
	char *const last[] = { log, times, protocol, prefix, url, NULL };

	snprintf(program, sizeof(program), "%s", server_program("pgbench"));
	snprintf(times, sizeof(times), "-t%d", ROUNDS * QUERIES);
	snprintf(protocol, sizeof(protocol), "-M%s", mode);
	snprintf(prefix, sizeof(prefix), "--log-prefix=%s", file);
	snprintf(url, sizeof(url), "%s", server_url());
	p->args[0] = program;
	memcpy(p->args + p->n, last, sizeof(last));
	server_run(p->args, text, sizeof(text));
	return read_log(file);
}

/* ---------------------------------------------------------------- main -- */

static void report_latency(struct bench *b)
{
	size_t n = bench_repeats();
	double *own = bench_alloc(4 * n, sizeof(double)), *extended = own + n,
	       *prepared = own + 2 * n, *ratios = own + 3 * n;
	struct pgbench pgbench;
	char figure[64];

	snprintf(figure, sizeof(figure), "search, %zu vectors (peer: pgbench)",
		 b->n);
	pgbench_init(&pgbench, b);
	time_windrow(b);
	for (size_t i = 0; i < n; i++) {
		extended[i] = time_pgbench(&pgbench, "extended");
		own[i] = time_windrow(b);
		prepared[i] = time_pgbench(&pgbench, "prepared");
		ratios[i] = own[i] / extended[i];
	}
	pgbench_release(&pgbench);
	bench_say("search_postgres: windrow %.3f ms, pgbench %.3f ms, "
		  "prepared %.3f ms",
		  bench_median(own, n), bench_median(extended, n),
		  bench_median(prepared, n));
	bench_row_at_most(figure, "ms", bench_median(extended, n),
			  bench_median(own, n), bench_median(ratios, n), 1.15);
	free(own);
}

static void build_index(struct bench *b)
{
	struct wr_index index = WR_INDEX_INIT;
	struct wr_error err = { 0 };
	double start = bench_now();

	index.which = WR_INDEX_VECTOR;
	bench_check(wr_index_wait(b->store, &index, -1, NULL, &err), &err,
		    "index");
	bench_say("search_postgres: index built in %.1f s",
		  bench_now() - start);
}

static void init(struct bench *b)
{
	struct bulk bulk = { .per_call = 50 };
	float *centres = bench_alloc(CLUSTERS * PAGE_DIM, sizeof(float));

	*b = (struct bench){ .n = bench_scaled(100000) };
	draw_normal(SEED, centres, CLUSTERS * PAGE_DIM);
	b->vectors = make_vectors(centres, b->n, SEED + 1);
	b->queries = make_vectors(centres, QUERIES, SEED + 2);
	free(centres);
	b->nearest = bench_alloc(QUERIES, sizeof(*b->nearest));
	for (size_t i = 0; i < QUERIES; i++)
		find_nearest(b, b->queries + i * PAGE_DIM, b->nearest[i]);
	pages_init(&b->pages, b->n, 500, SEED);
	for (size_t i = 0; i < b->n; i++)
		b->pages.recs[i].embedding = b->vectors + i * PAGE_DIM;
	b->conn = server_connect();
	server_make_schema(b->conn, SCHEMA);
	b->store = server_open(SCHEMA, WR_FULLTEXT_OFF);
	bulk_submit(&bulk, b->store, &b->pages);
	build_index(b);
	server_do(b->conn, "VACUUM ANALYZE " TABLE);
}

static void release(struct bench *b)
{
	bulk_close(b->store);
	server_drop_schema(b->conn, SCHEMA);
	PQfinish(b->conn);
	pages_release(&b->pages);
	free(b->vectors);
	free(b->queries);
	free(b->nearest);
}

int main(void)
{
	struct bench b;

	init(&b);
	report_latency(&b);
	report_recall(&b);
	report_filtered(&b);
	release(&b);
	return 0;
}
