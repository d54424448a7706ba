/* Any bytes as a page: its title and text are clean. */
#include "base/text.h"
#include "format/html.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct html_page page = { 0 };
	struct wr_error err;

	must(!html_read(&page, fuzz_str(data, size), &err),
	     "any bytes are a page");
	must(text_is_clean(buf_str(&page.title)), "its title is clean");
	must(text_is_clean(buf_str(&page.text)), "its text is clean");
	html_page_release(&page);
	return 0;
}
