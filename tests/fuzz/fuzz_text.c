/* Any bytes as a text: cleaned they are clean, and words lie inside. */
#include "base/buf.h"
#include "base/str.h"
#include "base/text.h"
#include "fuzz.h"

static void check_words(struct wr_str text)
{
	struct text_words words;
	struct text_word word;
	const char *at = text.ptr;

	text_words_init(&words, text);
	while (text_words_next(&words, &word)) {
		must(word.raw.ptr >= at && word.raw.len &&
			     word.raw.ptr + word.raw.len <= text.ptr + text.len,
		     "words come one behind the other");
		must(text_is_clean(word.folded), "a folded word is clean");
		at = word.raw.ptr + word.raw.len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wr_str text = fuzz_str(data, size);
	uint64_t repaired = 0, nuls = 0;
	struct buf clean = { 0 }, again = { 0 };

	text_clean(&clean, text, &repaired, &nuls);
	must(!buf_status(&clean), "there is memory");
	must(text_is_clean(buf_str(&clean)), "what was cleaned is clean");
	must(text_is_clean(text) == !(repaired + nuls),
	     "only what is broken is repaired");
	text_clean(&again, buf_str(&clean), &repaired, &nuls);
	must(str_eq(buf_str(&clean), buf_str(&again)),
	     "cleaning twice changes nothing");
	if (clean.len)
		check_words(buf_str(&clean));
	buf_release(&clean);
	buf_release(&again);
	return 0;
}
