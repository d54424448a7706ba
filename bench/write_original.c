/*
 * write_original.c - beside SQLAlchemy's way, and beside langchain-postgres.
 *
 *     write_original GENERATE
 *
 * Each writes pages that are new, 50 a call, into a table of its own; Windrow
 * also into that of the original program.  All on the client counts: time from
 * the first call to the last acknowledgement, and CPU.
 */
#include "bench.h"
#include "bulk.h"
#include "peer.h"
#include "server.h"
#include <stdio.h>
#include <stdlib.h>

enum { PER_CALL = 50, SEED = 9 };

#define OWN "bench_own"
#define ORIGINAL "bench_original"
#define LANGCHAIN "bench_langchain"

/* Who writes. */
enum { WINDROW, WINDROW_ADOPTED, ORIGINAL_WAY, VECTORSTORE, WRITERS };

static const char *const names[WRITERS] = { "windrow",
					    "windrow, original's table",
					    "original", "PGVectorStore" };

struct bench {
	PGconn *conn;
	struct pages pages;
	struct peer_input input;
	size_t repeats;
	double *rates[WRITERS]; /* pages a second */
	double *cpus[WRITERS];	/* seconds a page */
};

static void record(struct bench *b, int who, size_t at, double n,
		   double seconds, double cpu)
{
	b->rates[who][at] = n / seconds;
	b->cpus[who][at] = cpu / n;
}

static void verify(struct bench *b, const char *table, double n)
{
	double stored = server_number(
		b->conn, "SELECT count(*) FROM %s WHERE embedding IS NOT NULL",
		table);

	if (stored != n)
		bench_die("%s has %.0f pages of %.0f", table, stored, n);
}

static void run_windrow(struct bench *b, int who, const char *schema, size_t at)
{
	struct bulk bulk = { .per_call = PER_CALL };
	char table[64];
	wr_store *store;

	snprintf(table, sizeof(table), "%s.scraped_documents", schema);
	server_do(b->conn, "CHECKPOINT");
	store = server_open(schema, WR_FULLTEXT_OFF);
	bulk_submit(&bulk, store, &b->pages);
	bulk_close(store);
	record(b, who, at, (double)b->pages.n, bulk.seconds, bulk.cpu);
	verify(b, table, (double)b->pages.n);
	server_do(b->conn, "TRUNCATE %s", table);
}

static void run_peer(struct bench *b, int who, const char *script,
		     const char *schema, const char *table,
		     const struct peer_input *input, size_t at)
{
	struct peer_figures f;

	server_do(b->conn, "CHECKPOINT");
	f = peer_run(script, "save", schema, input);
	record(b, who, at, f.pages, f.seconds, f.cpu);
	verify(b, table, f.pages);
	server_do(b->conn, "TRUNCATE %s", table);
}

static double ratio(struct bench *b, double **values, int over, int under)
{
	double *ratios = bench_alloc(b->repeats, sizeof(double)), value;

	for (size_t i = 0; i < b->repeats; i++)
		ratios[i] = values[over][i] / values[under][i];
	value = bench_median(ratios, b->repeats);
	free(ratios);
	return value;
}

static void report_rate(struct bench *b, const char *figure, int who, int peer,
			double target)
{
	bench_row_at_least(figure, "/s",
			   bench_median(b->rates[peer], b->repeats),
			   bench_median(b->rates[who], b->repeats),
			   ratio(b, b->rates, who, peer), target);
}

static void report_cpu(struct bench *b, const char *figure, int who, int peer,
		       double target)
{
	bench_row_at_most(figure, "us",
			  1e6 * bench_median(b->cpus[peer], b->repeats),
			  1e6 * bench_median(b->cpus[who], b->repeats),
			  ratio(b, b->cpus, who, peer), target);
}

static void init(struct bench *b, const char *generate)
{
	size_t n = bench_scaled(20000);

	*b = (struct bench){ .repeats = bench_repeats() };
	for (int who = 0; who < WRITERS; who++) {
		b->rates[who] = bench_alloc(b->repeats, sizeof(double));
		b->cpus[who] = bench_alloc(b->repeats, sizeof(double));
	}
	pages_init(&b->pages, n, 4096, SEED);
	b->input = peer_write_input(generate, n, SEED);
	b->conn = server_connect();
	server_make_schema(b->conn, OWN);
	server_make_schema(b->conn, ORIGINAL);
	server_make_schema(b->conn, LANGCHAIN);
	bulk_close(server_open(OWN, WR_FULLTEXT_OFF));
	peer_run("original.py", "create", ORIGINAL, NULL);
}

static void release(struct bench *b)
{
	peer_remove_input(&b->input);
	server_drop_schema(b->conn, OWN);
	server_drop_schema(b->conn, ORIGINAL);
	server_drop_schema(b->conn, LANGCHAIN);
	PQfinish(b->conn);
	pages_release(&b->pages);
	for (int who = 0; who < WRITERS; who++) {
		free(b->rates[who]);
		free(b->cpus[who]);
	}
}

int main(int argc, char **argv)
{
	struct bench b;

	if (argc != 2)
		bench_die("usage: write_original GENERATE");
	init(&b, argv[1]);
	for (size_t i = 0; i < b.repeats; i++) {
		run_peer(&b, ORIGINAL_WAY, "original.py", ORIGINAL,
			 ORIGINAL ".scraped_documents", &b.input, i);
		run_windrow(&b, WINDROW, OWN, i);
		run_windrow(&b, WINDROW_ADOPTED, ORIGINAL, i);
		run_peer(&b, VECTORSTORE, "vectorstore.py", LANGCHAIN,
			 LANGCHAIN ".pages", &b.input, i);
		for (int who = 0; who < WRITERS; who++)
			bench_say("write_original: %s: %.0f pages/s, client "
				  "CPU %.1f us a page",
				  names[who], b.rates[who][i],
				  1e6 * b.cpus[who][i]);
	}
	report_rate(&b, "PostgreSQL, 50 a call (peer: the original)", WINDROW,
		    ORIGINAL_WAY, 8);
	report_cpu(&b, "the same, client CPU a page", WINDROW, ORIGINAL_WAY,
		   1.0 / 15);
	report_rate(&b, "the original's table (peer: the original)",
		    WINDROW_ADOPTED, ORIGINAL_WAY, 1);
	report_cpu(&b, "the same, client CPU a page", WINDROW_ADOPTED,
		   ORIGINAL_WAY, 1.0 / 15);
	report_rate(&b, "PostgreSQL, 50 a call (peer: PGVectorStore)", WINDROW,
		    VECTORSTORE, 20);
	release(&b);
	return 0;
}
