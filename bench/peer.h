/*
 * peer.h - peers that are programs in Python: bench/peers.
 *
 *   BENCH_PYTHON  the interpreter that has what they import; scripts/setup.sh
 *                 bench makes it
 *   BENCH_PEERS   their folder
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>

/* The pages as files; both names are static. */
struct peer_input {
	const char *texts, *vectors;
};

/* The same pages as pages_init() makes of n, 4096 and seed; GENERATE. */
struct peer_input peer_write_input(const char *generate, size_t n,
				   uint64_t seed);
void peer_remove_input(const struct peer_input *input);

struct peer_figures {
	double seconds, cpu, pages;
};

/* "create" or "save"; input may be NULL. */
struct peer_figures peer_run(const char *script, const char *what,
			     const char *schema,
			     const struct peer_input *input);

#endif
