/*
 * generate.c - write generated pages as JSON Lines to standard output.
 *
 *     generate PAGES [BYTES-OF-TEXT [SEED [VECTORS]]]
 *
 * Their vectors go to the file VECTORS, as raw numbers: see page_numbers().
 */
#include "bench.h"
#include "pages.h"
#include <stdio.h>
#include <stdlib.h>

static size_t argument(int argc, char **argv, int i, size_t otherwise)
{
	char *end;
	unsigned long value;

	if (argc <= i)
		return otherwise;
	value = strtoul(argv[i], &end, 10);
	if (*end || !value)
		bench_die("usage: generate PAGES [BYTES-OF-TEXT [SEED "
			  "[VECTORS]]]");
	return value;
}

static void write_vectors(const char *file, uint64_t seed, size_t n)
{
	float *numbers = bench_alloc(n + PAGE_DIM, sizeof(float));
	FILE *out = fopen(file, "wb");

	page_numbers(seed, numbers, n + PAGE_DIM);
	if (!out ||
	    fwrite(numbers, sizeof(float), n + PAGE_DIM, out) != n + PAGE_DIM ||
	    fclose(out))
		bench_die("cannot write %s", file);
	free(numbers);
}

int main(int argc, char **argv)
{
	size_t n = argument(argc, argv, 1, 1000);
	size_t bytes = argument(argc, argv, 2, 4096);
	size_t seed = argument(argc, argv, 3, 1);
	struct page_maker *m = page_maker_new(seed);
	char *text = bench_alloc(bytes, 1), url[PAGE_URL];
	static char room[1 << 20];

	setvbuf(stdout, room, _IOFBF, sizeof(room));
	/* Neither addresses nor texts hold what JSON would want escaped. */
	for (size_t i = 0; i < n && !ferror(stdout); i++) {
		page_url(m, i, url);
		page_text(m, i, text, bytes);
		fprintf(stdout,
			"{\"url\":\"%s\",\"title\":\"%.40s\","
			"\"raw_content\":\"",
			url, text);
		fwrite(text, 1, bytes, stdout);
		fputs("\"}\n", stdout);
	}
	if (argc > 4)
		write_vectors(argv[4], seed, n);
	free(text);
	page_maker_free(m);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
