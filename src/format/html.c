#include "format/html.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "base/text.h"
#include "format/charset.h"
#include "format/html_element.h"
#include "format/html_fold.h"
#include "format/html_guard.h"

#define WHERE "html"

enum {
	/*
	 * libxml2 looks through all open elements at each end tag.  A page
	 * nested deeper than this goes on, from there, in a fresh parser.
	 */
	DEPTH_MOST = 512,
	TITLE_MOST = 2000, /* bytes */
	NOT_SKIPPING = -1
};

struct level {
	const xmlChar *name; /* the parser's */
	enum element element;
	size_t from; /* length of the text where it started */
	/* What text.lines and .paras are once its first word is there. */
	size_t lines, paras;
};

/* One pass over a page. */
struct walk {
	htmlParserCtxtPtr parser;
	struct wr_str unread; /* of the page, by the parser */
	bool all;	      /* navigation too */
	struct fold text, title, heading;
	bool in_title, titled;	 /* only the first one counts */
	bool in_heading, headed; /* likewise */
	int skipping;		 /* the level that is dropped */
	unsigned lists;		 /* that are open */
	struct level levels[DEPTH_MOST + 1];
	int nlevels;
	size_t stopped_at; /* where a fresh parser is to go on; 0: nowhere */
};

static void open_list(struct walk *w)
{
	fold_ask(&w->text, w->lists++ ? GAP_LINE : GAP_PARA);
}

static void put_words(struct walk *w, struct wr_str words)
{
	if (w->in_heading && w->heading.out->len < TITLE_MOST)
		fold_text(&w->heading, words);
	fold_text(&w->text, words);
}

static void show_image(struct walk *w, const char *const *attributes)
{
	const char *alt = element_attribute(attributes, "alt");

	if (!alt || !*alt)
		return;
	fold_ask(&w->text, GAP_SPACE);
	put_words(w, str_of(alt));
	fold_ask(&w->text, GAP_SPACE);
}

/* Has the row that the innermost element is in no text yet? */
static bool is_first_cell(const struct walk *w)
{
	const struct level *row;

	if (w->nlevels < 2)
		return true;
	row = &w->levels[w->nlevels - 2];
	return row->element != ELEMENT_ROW || row->from == w->text.out->len;
}

static void open_element(struct walk *w, enum element e,
			 const char *const *attributes)
{
	if (e != ELEMENT_INLINE)
		fold_ask(&w->heading, GAP_SPACE);
	switch (e) {
	case ELEMENT_PAGE:
	case ELEMENT_LINE:
	case ELEMENT_ROW:
		fold_ask(&w->text, GAP_LINE);
		break;
	case ELEMENT_HEADING:
		w->in_heading = !w->headed;
		fold_ask(&w->text, GAP_PARA);
		break;
	case ELEMENT_NAV:
	case ELEMENT_PARA:
	case ELEMENT_RULE:
		fold_ask(&w->text, GAP_PARA);
		break;
	case ELEMENT_LIST:
		open_list(w);
		break;
	case ELEMENT_ITEM:
		fold_open(&w->text, GAP_LINE);
		break;
	case ELEMENT_CELL:
		fold_open(&w->text, is_first_cell(w) ? GAP_NONE : GAP_TAB);
		break;
	case ELEMENT_PRE:
		fold_ask(&w->text, GAP_PARA);
		fold_open_pre(&w->text);
		break;
	case ELEMENT_BREAK:
		fold_break(&w->text);
		break;
	case ELEMENT_IMAGE:
		show_image(w, attributes);
		break;
	case ELEMENT_TITLE:
		w->in_title = !w->titled;
		break;
	case ELEMENT_INLINE:
	case ELEMENT_DROP:
		break;
	}
}

/*
 * An item or a cell of one line stands close to the next one, and one of
 * several paragraphs apart from it.
 */
static void close_part(struct walk *w, const struct level *l,
		       enum fold_gap usual)
{
	enum fold_gap gap = usual;

	if (w->text.paras > l->paras)
		gap = GAP_PARA;
	else if (w->text.lines > l->lines)
		gap = GAP_LINE;
	fold_close(&w->text, gap);
	fold_ask(&w->text, gap);
}

static void close_element(struct walk *w, const struct level *l)
{
	switch (l->element) {
	case ELEMENT_PAGE:
	case ELEMENT_LINE:
		fold_ask(&w->text, GAP_LINE);
		break;
	case ELEMENT_ROW:
	case ELEMENT_ITEM:
		close_part(w, l, GAP_LINE);
		break;
	case ELEMENT_CELL:
		close_part(w, l, GAP_SPACE);
		break;
	case ELEMENT_HEADING:
		w->headed = w->headed || w->heading.out->len;
		w->in_heading = false;
		fold_ask(&w->text, GAP_PARA);
		break;
	case ELEMENT_NAV:
	case ELEMENT_PARA:
		fold_ask(&w->text, GAP_PARA);
		break;
	case ELEMENT_LIST:
		if (w->lists)
			w->lists--;
		fold_ask(&w->text, w->lists ? GAP_LINE : GAP_PARA);
		break;
	case ELEMENT_PRE:
		fold_close_pre(&w->text);
		fold_ask(&w->text, GAP_PARA);
		break;
	case ELEMENT_TITLE:
		w->titled = w->titled || w->title.out->len;
		w->in_title = false;
		break;
	default:
		break;
	}
}

static bool is_dropped(const struct walk *w, const char *name, enum element e,
		       const char *const *attributes)
{
	if (e == ELEMENT_DROP)
		return true;
	if (w->all || e == ELEMENT_PAGE || e == ELEMENT_TITLE)
		return false;
	return e == ELEMENT_NAV || element_is_aside(name, attributes);
}

/* Too deep: note where in the source that is, and stop. */
static void stop(struct walk *w)
{
	long at = xmlByteConsumed(w->parser);

	w->stopped_at = at > 0 ? (size_t)at : 0;
	xmlStopParser(w->parser);
}

static void on_start(void *arg, const xmlChar *xname, const xmlChar **xattrs)
{
	struct walk *w = arg;
	const char *name = (const char *)xname;
	const char *const *attributes = (const char *const *)(void *)xattrs;
	struct level *l;

	if (w->nlevels > DEPTH_MOST)
		return;
	l = &w->levels[w->nlevels++];
	*l = (struct level){ .name = xname,
			     .element = element_of(name),
			     .from = w->text.out->len };
	if (w->skipping == NOT_SKIPPING) {
		if (is_dropped(w, name, l->element, attributes))
			w->skipping = w->nlevels - 1;
		else
			open_element(w, l->element, attributes);
	}
	l->lines = w->text.lines + (w->text.gap >= GAP_LINE);
	l->paras = w->text.paras + (w->text.gap == GAP_PARA);
	if (w->nlevels > DEPTH_MOST)
		stop(w);
}

static void pop(struct walk *w)
{
	const struct level *l = &w->levels[--w->nlevels];

	if (w->skipping == NOT_SKIPPING)
		close_element(w, l);
	else if (w->skipping == w->nlevels)
		w->skipping = NOT_SKIPPING;
}

/* The parser closes elements in order, but leaves out a broken one at times. */
static void on_end(void *arg, const xmlChar *name)
{
	struct walk *w = arg;
	int i = w->nlevels;

	while (i > 0 && !xmlStrEqual(w->levels[i - 1].name, name))
		i--;
	if (!i)
		return;
	while (w->nlevels >= i)
		pop(w);
}

static void on_text(void *arg, const xmlChar *s, int len)
{
	struct walk *w = arg;
	struct wr_str text = { (const char *)s, len > 0 ? (size_t)len : 0 };

	if (w->skipping != NOT_SKIPPING)
		return;
	if (w->in_title) {
		if (w->title.out->len < TITLE_MOST)
			fold_text(&w->title, text);
		return;
	}
	if (w->nlevels && w->levels[w->nlevels - 1].element == ELEMENT_TITLE)
		return;
	put_words(w, text);
}

/* Else they would go to a handler that the program set for its own parsing. */
static void on_error(void *arg, xmlErrorPtr e)
{
	(void)arg;
	(void)e;
}

/* libxml2 asks for more of the page. */
static int on_read(void *arg, char *to, int len)
{
	struct walk *w = arg;
	size_t n = len > 0 ? (size_t)len : 0;

	if (n > w->unread.len)
		n = w->unread.len;
	if (n)
		memcpy(to, w->unread.ptr, n);
	w->unread.ptr += n;
	w->unread.len -= n;
	return (int)n;
}

/*
 * A parser over w->unread.  It reads piece by piece: to start one in the middle
 * of a page costs no copy of the rest.
 */
static htmlParserCtxtPtr parser_new(struct walk *w)
{
	htmlParserCtxtPtr p = htmlNewParserCtxt();
	xmlParserInputBufferPtr bytes = NULL;
	xmlParserInputPtr input = NULL;

	if (!p)
		return NULL;
	memset(p->sax, 0, sizeof(*p->sax));
	p->sax->startElement = on_start;
	p->sax->endElement = on_end;
	p->sax->characters = on_text;
	p->sax->ignorableWhitespace = on_text;
	p->sax->cdataBlock = on_text;
	p->sax->serror = on_error;
	p->sax->initialized = XML_SAX2_MAGIC;
	p->userData = w;
	htmlCtxtUseOptions(p, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
				      HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
				      HTML_PARSE_IGNORE_ENC | XML_PARSE_HUGE);
	bytes = xmlParserInputBufferCreateIO(on_read, NULL, w,
					     XML_CHAR_ENCODING_NONE);
	if (bytes)
		input = xmlNewIOInputStream(p, bytes, XML_CHAR_ENCODING_NONE);
	if (!input) {
		xmlFreeParserInputBuffer(bytes);
		htmlFreeParserCtxt(p);
		return NULL;
	}
	inputPush(p, input);
	xmlSwitchEncoding(p, XML_CHAR_ENCODING_UTF8);
	return p;
}

/* Parse up to the end or to where it gets too deep. */
static int parse_some(struct walk *w, struct wr_str source)
{
	w->unread = source;
	w->parser = parser_new(w);
	if (!w->parser)
		return WR_ENOMEM;
	w->stopped_at = 0;
	w->skipping = NOT_SKIPPING;
	htmlParseDocument(w->parser);
	while (w->nlevels)
		pop(w);
	/* The parser's tree is empty: nobody built one. */
	htmlFreeParserCtxt(w->parser);
	w->parser = NULL;
	return 0;
}

static int walk_page(struct html_page *page, struct buf *heading, bool all)
{
	struct wr_str rest = buf_str(&page->source);
	struct walk w = { .all = all, .skipping = NOT_SKIPPING };
	int status;

	buf_clear(&page->title);
	buf_clear(&page->text);
	buf_clear(heading);
	w.text.out = &page->text;
	w.title.out = &page->title;
	w.heading.out = heading;
	while (rest.len) {
		status = parse_some(&w, rest);
		if (status)
			return status;
		if (!w.stopped_at || w.stopped_at >= rest.len)
			break;
		rest.ptr += w.stopped_at;
		rest.len -= w.stopped_at;
		if (*rest.ptr == '>') { /* of the tag that was too much */
			rest.ptr++;
			rest.len--;
		}
		fold_ask(&w.text, GAP_SPACE);
	}
	if (!page->title.len)
		buf_add_str(&page->title, buf_str(heading));
	if (buf_status(&page->title) || buf_status(&page->text))
		return WR_ENOMEM;
	return 0;
}

/* libxml2 has its globals made before threads could race for it. */
static void init_parser(void)
{
	xmlInitParser();
}

/* Whatever the parser did, this is clean. */
static int clean(struct buf *b)
{
	uint64_t repaired = 0, nuls = 0;
	struct buf mended = { 0 };

	if (text_is_clean(buf_str(b)))
		return 0;
	text_clean(&mended, buf_str(b), &repaired, &nuls);
	buf_release(b);
	*b = mended;
	return buf_status(b);
}

int html_read(struct html_page *page, struct wr_str bytes, struct wr_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct buf heading = { 0 };
	int status;

	pthread_once(&once, init_parser);
	if (bytes.len > HTML_MOST)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "a page of over %zu bytes", HTML_MOST);
	buf_clear(&page->source);
	status = charset_to_utf8(&page->source, bytes);
	if (status)
		goto out;
	if (page->source.len)
		html_guard(page->source.ptr, page->source.len);
	status = walk_page(page, &heading, false);
	if (!status && !page->text.len)
		status = walk_page(page, &heading, true);
	if (status)
		goto out;
	if (page->title.len > TITLE_MOST) {
		page->title.len =
			str_clip(buf_str(&page->title), TITLE_MOST).len;
		page->title.ptr[page->title.len] = '\0';
	}
	if ((status = clean(&page->title)) || (status = clean(&page->text)))
		goto out;
out:
	buf_release(&heading);
	return status ? error_nomem(err, WHERE) : 0;
}

void html_page_release(struct html_page *page)
{
	buf_release(&page->title);
	buf_release(&page->text);
	buf_release(&page->source);
}
