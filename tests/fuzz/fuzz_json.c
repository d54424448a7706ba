/* Any bytes as JSON: what is written reads as the same value again. */
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *value = NULL, *again = NULL;
	struct buf first = { 0 }, second = { 0 };
	struct wr_error err;

	if (json_parse(&value, fuzz_str(data, size), NULL, &err))
		return 0;
	json_write(&first, value);
	must(!buf_status(&first), "there is memory");
	must(text_is_clean(buf_str(&first)), "what is written is clean");
	must(!json_parse(&again, buf_str(&first), NULL, &err),
	     "what is written can be read");
	must(json_equal(value, again), "and is the same value");
	json_write(&second, again);
	must(str_eq(buf_str(&first), buf_str(&second)),
	     "equal values give equal bytes");
	json_free(value);
	json_free(again);
	buf_release(&first);
	buf_release(&second);
	return 0;
}
