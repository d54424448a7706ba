#include "format/html_element.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format/ascii.h"

/* Sorted by name. */
static const struct row {
	const char *name;
	enum element element;
} rows[] = {
	{ "address", ELEMENT_LINE },
	{ "annotation", ELEMENT_DROP },
	{ "annotation-xml", ELEMENT_DROP },
	{ "applet", ELEMENT_DROP },
	{ "article", ELEMENT_PAGE },
	{ "aside", ELEMENT_PARA },
	{ "audio", ELEMENT_DROP },
	{ "blockquote", ELEMENT_PARA },
	{ "body", ELEMENT_PAGE },
	{ "br", ELEMENT_BREAK },
	{ "button", ELEMENT_DROP },
	{ "canvas", ELEMENT_DROP },
	{ "caption", ELEMENT_PARA },
	{ "center", ELEMENT_LINE },
	{ "datalist", ELEMENT_DROP },
	{ "dd", ELEMENT_ITEM },
	{ "details", ELEMENT_PARA },
	{ "dir", ELEMENT_LIST },
	{ "div", ELEMENT_LINE },
	{ "dl", ELEMENT_LIST },
	{ "dt", ELEMENT_ITEM },
	{ "embed", ELEMENT_DROP },
	{ "fieldset", ELEMENT_PARA },
	{ "figcaption", ELEMENT_LINE },
	{ "figure", ELEMENT_PARA },
	{ "footer", ELEMENT_NAV },
	{ "form", ELEMENT_LINE },
	{ "h1", ELEMENT_HEADING },
	{ "h2", ELEMENT_PARA },
	{ "h3", ELEMENT_PARA },
	{ "h4", ELEMENT_PARA },
	{ "h5", ELEMENT_PARA },
	{ "h6", ELEMENT_PARA },
	{ "header", ELEMENT_PARA },
	{ "hgroup", ELEMENT_PARA },
	{ "hr", ELEMENT_RULE },
	{ "html", ELEMENT_PAGE },
	{ "iframe", ELEMENT_DROP },
	{ "img", ELEMENT_IMAGE },
	{ "legend", ELEMENT_LINE },
	{ "li", ELEMENT_ITEM },
	{ "listing", ELEMENT_PRE },
	{ "main", ELEMENT_PAGE },
	{ "menu", ELEMENT_LIST },
	{ "meter", ELEMENT_DROP },
	{ "nav", ELEMENT_NAV },
	{ "noscript", ELEMENT_DROP },
	{ "ol", ELEMENT_LIST },
	{ "optgroup", ELEMENT_DROP },
	{ "option", ELEMENT_DROP },
	{ "p", ELEMENT_PARA },
	{ "plaintext", ELEMENT_PRE },
	{ "pre", ELEMENT_PRE },
	{ "progress", ELEMENT_DROP },
	{ "script", ELEMENT_DROP },
	{ "search", ELEMENT_NAV },
	{ "section", ELEMENT_PARA },
	{ "select", ELEMENT_DROP },
	{ "style", ELEMENT_DROP },
	{ "summary", ELEMENT_LINE },
	{ "svg", ELEMENT_DROP },
	{ "table", ELEMENT_PARA },
	{ "td", ELEMENT_CELL },
	{ "template", ELEMENT_DROP },
	{ "textarea", ELEMENT_DROP },
	{ "th", ELEMENT_CELL },
	{ "title", ELEMENT_TITLE },
	{ "tr", ELEMENT_ROW },
	{ "ul", ELEMENT_LIST },
	{ "video", ELEMENT_DROP },
	{ "xmp", ELEMENT_PRE },
};

/* Roles and, as class or id, the words by which generators of documentation,
 * wikis and blogs mark what leads to other pages. */
static const char *const nav_roles[] = {
	"navigation",  "search",  "menu",    "menubar",
	"contentinfo", "toolbar", "tablist",
};
static const char *const nav_words[] = {
	"nav",		"navbar",	 "navheader",
	"navfooter",	"navigation",	 "navbox",
	"nav-bar",	"nav-menu",	 "topnav",
	"bottomnav",	"sidenav",	 "site-nav",
	"mobile-nav",	"sphinxsidebar", "related",
	"headerlink",	"breadcrumb",	 "breadcrumbs",
	"skip-link",	"skiplink",	 "mw-editsection",
	"mw-jump-link", "site-footer",	 "page-footer",
	"footer",
};

static int row_cmp(const void *name, const void *row)
{
	return strcmp(name, ((const struct row *)row)->name);
}

enum element element_of(const char *name)
{
	const struct row *r = bsearch(name, rows, sizeof(rows) / sizeof(*rows),
				      sizeof(*rows), row_cmp);

	return r ? r->element : ELEMENT_INLINE;
}

const char *element_attribute(const char *const *attributes, const char *name)
{
	for (; attributes && attributes[0]; attributes += 2)
		if (!strcmp(attributes[0], name))
			return attributes[1] ? attributes[1] : "";
	return NULL;
}

/* Is one of the words, parted by white space, one of the list? */
static bool has_word(const char *value, const char *const *list, size_t n)
{
	static const char blank[] = " \t\r\n\f";

	while (*(value += strspn(value, blank))) {
		size_t len = strcspn(value, blank);

		for (size_t i = 0; i < n; i++)
			if (ascii_is((struct wr_str){ value, len }, list[i]))
				return true;
		value += len;
	}
	return false;
}

/* Does a style hold this declaration?  (Lower case, without blanks.) */
static bool style_says(const char *style, const char *what)
{
	for (; *style; style++) {
		const char *p = style, *w = what;

		while (*p && *w) {
			if (ascii_is_blank(*p)) {
				p++;
			} else if (ascii_lower(*p) == *w) {
				p++;
				w++;
			} else {
				break;
			}
		}
		if (!*w)
			return true;
	}
	return false;
}

static bool is_hidden(const char *name, const char *value)
{
	if (!strcmp(name, "hidden"))
		return !ascii_is(str_of(value), "until-found");
	if (!strcmp(name, "aria-hidden"))
		return ascii_is(str_of(value), "true");
	if (!strcmp(name, "style"))
		return style_says(value, "display:none") ||
		       style_says(value, "visibility:hidden");
	return false;
}

bool element_is_aside(const char *name, const char *const *attributes)
{
	const char *const *a;

	if (!strcmp(name, "dialog") && !element_attribute(attributes, "open"))
		return true;
	for (a = attributes; a && a[0]; a += 2) {
		const char *value = a[1] ? a[1] : "";

		if (is_hidden(a[0], value))
			return true;
		if (!strcmp(a[0], "role") &&
		    has_word(value, nav_roles,
			     sizeof(nav_roles) / sizeof(*nav_roles)))
			return true;
		if ((!strcmp(a[0], "class") || !strcmp(a[0], "id")) &&
		    has_word(value, nav_words,
			     sizeof(nav_words) / sizeof(*nav_words)))
			return true;
	}
	return false;
}
