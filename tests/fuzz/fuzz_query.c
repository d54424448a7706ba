/*
 * The first line as a query, the rest as a text: any input is a query, and a
 * snippet is a piece of the text.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "fuzz.h"
#include "record/query.h"
#include "record/snippet.h"
#include <string.h>

static void check_terms(const struct text_query *query)
{
	size_t wanted = 0;

	must(query->nterms <= 64, "at most 64 terms");
	for (size_t i = 0; i < query->nterms; i++) {
		must(query->terms[i].nwords > 0, "a term has words");
		wanted += !query->terms[i].negated;
	}
	must(wanted == query->nwanted, "wanted terms are counted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t line = end ? (size_t)(end - data) : size;
	struct snippet_style style = { { "<", 1 }, { ">", 1 }, 0 };
	struct buf text = { 0 }, snippet = { 0 };
	struct text_query query = { 0 };
	struct arena arena = { 0 };
	uint64_t repaired = 0, nuls = 0;

	must(!query_parse(&query, fuzz_str(data, line), &arena),
	     "any input is a query");
	check_terms(&query);
	text_clean(&text, fuzz_str(data + line, size - line), &repaired, &nuls);
	snippet_write(&snippet, buf_str(&text), &query, &style);
	must(!buf_status(&snippet), "there is memory");
	must(text_is_clean(buf_str(&snippet)), "a snippet is clean");
	buf_release(&text);
	buf_release(&snippet);
	arena_release(&arena);
	return 0;
}
