/*
 * html_element.h - what the elements of a page mean to who reads it.
 */
#ifndef FORMAT_HTML_ELEMENT_H
#define FORMAT_HTML_ELEMENT_H

#include <stdbool.h>

enum element {
	ELEMENT_INLINE, /* and whatever is not known */
	ELEMENT_DROP,	/* holds nothing to read */
	ELEMENT_NAV,	/* leads elsewhere; dropped unless there is no more */
	ELEMENT_PAGE,	/* html, body, main, article: never dropped */
	ELEMENT_LINE,	/* starts and ends a line */
	ELEMENT_PARA,	/* starts and ends a paragraph */
	ELEMENT_LIST,
	ELEMENT_ITEM,
	ELEMENT_ROW,
	ELEMENT_CELL,
	ELEMENT_PRE,
	ELEMENT_BREAK,
	ELEMENT_RULE,
	ELEMENT_IMAGE,
	ELEMENT_HEADING, /* h1 */
	ELEMENT_TITLE
};

/* name is in lower case. */
enum element element_of(const char *name);

/*
 * Do its attributes (name, value or NULL, ..., NULL; or NULL) say that it is
 * hidden, or that it is navigation?
 */
bool element_is_aside(const char *name, const char *const *attributes);

/* The value of an attribute; NULL if there is none. */
const char *element_attribute(const char *const *attributes, const char *name);

#endif
