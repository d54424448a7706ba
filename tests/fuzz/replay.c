/*
 * replay.c - runs a fuzzer over its corpus, without libFuzzer.
 *
 *     fuzz_NAME FOLDER [SEED [MUTATIONS]]
 *
 * Each file as it is, and then mutations of all of them from the seed: not as
 * clever as a fuzzer, but the same each time and with any compiler.
 */
#include "base/rand.h"
#include "fuzz.h"
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 256, MOST_BYTES = 1 << 16 };

struct sample {
	uint8_t *bytes;
	size_t size;
};

static struct sample samples[MOST_FILES];
static size_t nsamples;

/*
 * The target gets a block of exactly this size, so that a sanitizer sees a
 * read beyond it.
 */
static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	must(copy != NULL, "there is memory");
	memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void load(const char *folder, const char *name)
{
	struct sample *sample = &samples[nsamples];
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	sample->bytes = malloc(MOST_BYTES);
	must(file && sample->bytes, path);
	sample->size = fread(sample->bytes, 1, MOST_BYTES, file);
	fclose(file);
	nsamples++;
}

static void load_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	must(dir != NULL, folder);
	while (nsamples < MOST_FILES && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			load(folder, entry->d_name);
	closedir(dir);
}

/* A piece of one sample over a piece of another, and some bytes changed. */
static size_t mutate(uint8_t *out, struct rand_state *rnd)
{
	const struct sample *a = &samples[rand_below(rnd, nsamples)];
	const struct sample *b = &samples[rand_below(rnd, nsamples)];
	size_t size = a->size, changes = rand_below(rnd, 5);

	memcpy(out, a->bytes, size);
	if (b->size && rand_below(rnd, 2)) {
		size_t from = rand_below(rnd, b->size);
		size_t at = rand_below(rnd, size + 1);
		size_t len = rand_below(rnd, b->size - from) + 1;

		if (len > MOST_BYTES - at)
			len = MOST_BYTES - at;
		memcpy(out + at, b->bytes + from, len);
		if (at + len > size)
			size = at + len;
	}
	for (size_t i = 0; size && i < changes; i++)
		out[rand_below(rnd, size)] = (uint8_t)rand_next(rnd);
	if (size && !rand_below(rnd, 4))
		size = rand_below(rnd, size);
	return size;
}

int main(int argc, char **argv)
{
	struct rand_state rnd = { argc > 2 ? strtoull(argv[2], NULL, 10) : 1 };
	size_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : 20000;
	static uint8_t bytes[MOST_BYTES];

	must(argc > 1, "usage: fuzz_NAME FOLDER [SEED [MUTATIONS]]");
	load_folder(argv[1]);
	must(nsamples > 0, "there is a corpus");
	run(bytes, 0);
	for (size_t i = 0; i < nsamples; i++)
		run(samples[i].bytes, samples[i].size);
	printf("seed %llu, %zu samples, %zu mutations\n",
	       (unsigned long long)rnd.s, nsamples, n);
	for (size_t i = 0; i < n; i++)
		run(bytes, mutate(bytes, &rnd));
	for (size_t i = 0; i < nsamples; i++)
		free(samples[i].bytes);
	return 0;
}
