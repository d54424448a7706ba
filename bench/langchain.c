/*
 * langchain.c - LangChain's vector stores, each in its own Python.
 *
 *     langchain GENERATE
 *
 * Chunks with vectors go through aadd_texts(), all of them in one call, over
 * PostgreSQL and over files: bench/peers/langchain_stores.py.
 */
#include "bench.h"
#include "peer.h"
#include "server.h"
#include <stdlib.h>

enum { CHUNKS = 5000, SEED = 11 };

enum { PGVECTORSTORE, WINDROW, WINDROW_TEXT, CHROMA, WINDROW_SQLITE, STORES };

static const char *const names[STORES] = { "pgvectorstore", "windrow",
					   "windrow-text", "chroma",
					   "windrow-sqlite" };

#define SCHEMA "bench_langchain"

static double *rates[STORES]; /* chunks a second */

static void run(PGconn *conn, int who, const struct peer_input *input,
		size_t at)
{
	struct peer_figures f;

	server_make_schema(conn, SCHEMA);
	server_do(conn, "CHECKPOINT");
	f = peer_run("langchain_stores.py", names[who], SCHEMA, input);
	rates[who][at] = f.pages / f.seconds;
	bench_say("langchain: %s: %.0f chunks/s, client CPU %.1f us a chunk",
		  names[who], rates[who][at], 1e6 * f.cpu / f.pages);
}

static void report(const char *figure, int who, int peer, size_t n,
		   double target)
{
	double *ratios = bench_alloc(n, sizeof(double));

	for (size_t i = 0; i < n; i++)
		ratios[i] = rates[who][i] / rates[peer][i];
	bench_row_at_least(figure, "/s", bench_median(rates[peer], n),
			   bench_median(rates[who], n), bench_median(ratios, n),
			   target);
	free(ratios);
}

int main(int argc, char **argv)
{
	size_t repeats = bench_repeats();
	struct peer_input input;
	PGconn *conn;

	if (argc != 2)
		bench_die("usage: langchain GENERATE");
	conn = server_connect();
	input = peer_write_input(argv[1], bench_scaled(CHUNKS), SEED);
	for (int who = 0; who < STORES; who++)
		rates[who] = bench_alloc(repeats, sizeof(double));
	for (size_t i = 0; i < repeats; i++) {
		for (int who = 0; who < STORES; who++)
			run(conn, who, &input, i);
	}
	report("LangChain, PostgreSQL (peer: PGVectorStore)", WINDROW,
	       PGVECTORSTORE, repeats, 8);
	report("the same, text indexed by Windrow alone", WINDROW_TEXT,
	       PGVECTORSTORE, repeats, 4);
	report("LangChain, a file (peer: Chroma)", WINDROW_SQLITE, CHROMA,
	       repeats, 1);
	for (int who = 0; who < STORES; who++)
		free(rates[who]);
	peer_remove_input(&input);
	server_drop_schema(conn, SCHEMA);
	PQfinish(conn);
	return 0;
}
