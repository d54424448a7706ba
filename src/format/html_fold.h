/*
 * html_fold.h - running text put together from the pieces of a page.
 *
 * White space is folded as a browser does it; a gap between two pieces is
 * written only once something follows it, and then as the widest that was asked
 * for.  The pieces are UTF-8, cut between characters.
 */
#ifndef FORMAT_HTML_FOLD_H
#define FORMAT_HTML_FOLD_H

#include "base/buf.h"
#include "windrow.h"
#include <stdbool.h>

enum fold_gap { GAP_NONE, GAP_SPACE, GAP_TAB, GAP_LINE, GAP_PARA };

/* Zero before first use, but for out. */
struct fold {
	struct buf *out;
	enum fold_gap gap;
	size_t lines, paras; /* gaps that were written; a paragraph is both */
	bool fresh;	 /* at the start of an item or a cell: what opens in it
			    starts no line of its own */
	unsigned pre;	 /* <pre>s that are open */
	bool pre_begun;	 /* the outermost of them has text */
	size_t pre_from; /* where that text starts in out */
};

/* What comes next is at least so far away from what was. */
void fold_ask(struct fold *f, enum fold_gap gap);
/* A <br>: a line, a second one makes a paragraph. */
void fold_break(struct fold *f);
/* An item or a cell starts, gap away from what was. */
void fold_open(struct fold *f, enum fold_gap gap);
/* It ends: gap is enough again, whatever ended inside it. */
void fold_close(struct fold *f, enum fold_gap gap);

/* Text that keeps its lines and blanks. */
void fold_open_pre(struct fold *f);
void fold_close_pre(struct fold *f);

void fold_text(struct fold *f, struct wr_str text);

#endif
