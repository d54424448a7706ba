#include "base/text.h"

#include "base/utf8.h"
#include <string.h>

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/*
 * A byte of 0x80 or more has its top bit set, and where there is none, taking
 * one from each byte sets it in the lowest one that was zero.
 */
static bool is_plain(const char *p)
{
	uint64_t w[4], found = 0;

	memcpy(w, p, sizeof(w));
	for (int i = 0; i < 4; i++)
		found |= w[i] | (w[i] - EACH_BYTE(1));
	return !(found & EACH_BYTE(0x80));
}

/* Where the clean text that p starts with ends. */
static const char *skip_clean(const char *p, const char *end)
{
	while (p < end) {
		bool ok;
		size_t n = utf8_step(p, (size_t)(end - p), &ok);

		if (!ok || !*p)
			break;
		p += n;
		if (n == 1)
			while (end - p >= 32 && is_plain(p))
				p += 32;
	}
	return p;
}

bool text_is_clean(struct wr_str s)
{
	return !s.len || skip_clean(s.ptr, s.ptr + s.len) == s.ptr + s.len;
}

void text_clean(struct buf *out, struct wr_str s, uint64_t *repaired,
		uint64_t *nuls)
{
	const char *p = s.ptr, *end = s.ptr;

	if (s.len)
		end += s.len;
	while (p < end) {
		const char *start = p;
		bool ok;

		p = skip_clean(p, end);
		buf_add(out, start, (size_t)(p - start));
		if (p == end)
			break;
		if (!*p) {
			++*nuls;
			p++;
			continue;
		}
		p += utf8_step(p, (size_t)(end - p), &ok);
		buf_puts(out, "\xef\xbf\xbd");
		++*repaired;
	}
}
