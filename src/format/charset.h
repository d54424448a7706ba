/*
 * charset.h - the characters of a page from the web as UTF-8.
 */
#ifndef FORMAT_CHARSET_H
#define FORMAT_CHARSET_H

#include "base/buf.h"
#include "windrow.h"

/*
 * Append page as UTF-8, whatever it was.  What it is written in is told by a
 * byte order mark, by <meta charset> or its http-equiv form near its beginning,
 * by an XML declaration; else it is UTF-8 if it can be, and windows-1252 if
 * not.  Names mean what browsers take them to mean.  What is broken becomes
 * U+FFFD; NUL bytes stay.  0 or WR_ENOMEM.
 */
int charset_to_utf8(struct buf *out, struct wr_str page);

#endif
