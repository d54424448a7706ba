/*
 * html.h - the title and the readable text of a page (libxml2's HTML parser).
 *
 * Any bytes are a page: hostile ones cost time in proportion to their length.
 * Nothing is ever fetched.  Threads may read different pages at a time.
 */
#ifndef FORMAT_HTML_H
#define FORMAT_HTML_H

#include "base/buf.h"
#include "windrow.h"

/* Zero before first use; used over and over for one page after the other. */
struct html_page {
	struct buf title; /* clean UTF-8 on one line; may be empty */
	struct buf text;  /* clean UTF-8, lines and paragraphs kept */
	struct buf source;
};

/*
 * Read a page of any charset.  The title is the <title>, or else the first
 * <h1>.  The text leaves out scripts, styles, navigation, forms' controls and
 * what is hidden; but where a page has nothing else, its navigation is the
 * text.  WR_EINVAL for more than HTML_MOST bytes, or WR_ENOMEM.
 */
int html_read(struct html_page *page, struct wr_str bytes,
	      struct wr_error *err);

#define HTML_MOST ((size_t)1 << 29)

void html_page_release(struct html_page *page);

#endif
