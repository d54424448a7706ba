/*
 * html_guard.h - what a parser of HTML must not be made to chew on.
 */
#ifndef FORMAT_HTML_GUARD_H
#define FORMAT_HTML_GUARD_H

#include <stddef.h>

/*
 * Make a page harmless, in place: control characters become blanks, and so do
 * the attributes of a tag from the 257th on, whose number libxml2's time grows
 * with the square of.
 */
void html_guard(char *page, size_t len);

#endif
