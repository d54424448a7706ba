#include "peer.h"
#include "bench.h"
#include "server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer_input peer_write_input(const char *generate, size_t n,
				   uint64_t seed)
{
	struct peer_input input = { bench_file("pages.jsonl"),
				    bench_file("pages.f32") };
	char command[2048];

	snprintf(command, sizeof(command), "'%s' %zu 4096 %llu '%s' >'%s'",
		 generate, n, (unsigned long long)seed, input.vectors,
		 input.texts);
	if (system(command))
		bench_die("%s failed", generate);
	return input;
}

void peer_remove_input(const struct peer_input *input)
{
	bench_remove(input->texts);
	bench_remove(input->vectors);
}

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value)
		bench_die("%s is not set", name);
	return value;
}

static double number(const char *json, const char *name)
{
	const char *at = strstr(json, name);

	return at ? strtod(at + strlen(name), NULL) : 0;
}

struct peer_figures peer_run(const char *script, const char *what,
			     const char *schema, const struct peer_input *input)
{
	char python[512], path[512], verb[16], url[512], name[64], texts[512],
		vectors[512], out[1024];
	char *argv[] = { python, path, verb, url, name, NULL, NULL, NULL };
	struct peer_figures figures;

	snprintf(python, sizeof(python), "%s", setting("BENCH_PYTHON"));
	snprintf(path, sizeof(path), "%s/%s", setting("BENCH_PEERS"), script);
	snprintf(verb, sizeof(verb), "%s", what);
	snprintf(url, sizeof(url), "%s", server_url());
	snprintf(name, sizeof(name), "%s", schema);
	if (input) {
		snprintf(texts, sizeof(texts), "%s", input->texts);
		snprintf(vectors, sizeof(vectors), "%s", input->vectors);
		argv[5] = texts;
		argv[6] = vectors;
	}
	server_run(argv, out, sizeof(out));
	figures = (struct peer_figures){ number(out, "\"seconds\": "),
					 number(out, "\"cpu\": "),
					 number(out, "\"pages\": ") };
	if (input && (!(figures.seconds > 0) || !(figures.pages > 0)))
		bench_die("%s says no figures: %s", script, out);
	return figures;
}
