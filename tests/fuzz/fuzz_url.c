/* Any bytes as a URL: canonical once is canonical for ever, and bounded. */
#include "base/arena.h"
#include "base/str.h"
#include "base/text.h"
#include "fuzz.h"
#include "record/url.h"
#include <string.h>

static void check(struct wr_str url, enum wr_urls mode)
{
	struct arena arena = { 0 };
	struct wr_str once, twice;
	struct wr_error err;

	if (!url_canonical(&once, url, mode, &arena, &err)) {
		must(once.len && once.len <= URL_MAX,
		     "a key has 1..2048 bytes");
		must(!url_canonical(&twice, once, mode, &arena, &err),
		     "a canonical URL is a URL");
		must(str_eq(once, twice), "canonical twice changes nothing");
		must(url_host(once).len <= once.len, "a host is a part");
	}
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(fuzz_str(data, size), WR_URLS_CONSERVATIVE);
	check(fuzz_str(data, size), WR_URLS_AGGRESSIVE);
	return 0;
}
