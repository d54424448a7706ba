/* Any bytes as a line of JSON Lines: a record that can be prepared, or none. */
#include "base/text.h"
#include "format/jsonline.h"
#include "fuzz.h"
#include "record/record.h"

static void prepare(const struct wr_record *in)
{
	struct record_rules rules = { .urls = WR_URLS_CONSERVATIVE,
				      .max_content = 1 << 20,
				      .now_us = 1700000000000000 };
	struct record_repairs repairs = { 0 };
	struct arena arena = { 0 };
	struct record rec;
	struct wr_error err;

	if (!record_prepare(&rec, in, &rules, &arena, &repairs, &err)) {
		must(rec.key.len && rec.key.len <= URL_MAX, "it has a key");
		must(text_is_clean(rec.key) && text_is_clean(rec.title) &&
			     text_is_clean(rec.content),
		     "its texts are clean");
		must(rec.fetched_at != 0, "it has a time");
	}
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jsonline line = { 0 };
	struct wr_record rec = { 0 };
	struct wr_error err;

	if (!jsonline_read(&line, fuzz_str(data, size), &rec, &err))
		prepare(&rec);
	jsonline_release(&line);
	return 0;
}
