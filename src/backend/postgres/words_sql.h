/*
 * words_sql.h - the words of a document as full text has them: expressions for
 * statements that store words, make them on the fly, or look for them.
 *
 * Case and accents do not matter: what stands over a Latin letter is taken off
 * before the language's own rules apply (a text in ASCII, as most are, is not
 * looked at twice).  A title and a content make no phrase: a place is left free
 * between them.
 */
#ifndef BACKEND_POSTGRES_WORDS_SQL_H
#define BACKEND_POSTGRES_WORDS_SQL_H

/* text is named several times: a column, or something as cheap. */
#define WORDS_FOLDED(text)                                          \
	"CASE WHEN octet_length(" text ") = char_length(" text ") " \
	"THEN " text " "                                            \
	"ELSE regexp_replace(normalize(" text ", NFD), "            \
	"'([A-Za-z])[\\u0300-\\u036f]+', '\\1', 'g') END"

/* Neither is ever NULL; words are the first || the second. */
#define WORDS_OF_TITLE(title)                             \
	"setweight(to_tsvector(:language, " WORDS_FOLDED( \
		"left(coalesce(" title ", ''), 10000)") "), 'A')"
#define WORDS_OF_CONTENT(content, characters)                 \
	"ts_delete(''' '':1'::tsvector || "                   \
	"setweight(to_tsvector(:language, " WORDS_FOLDED(     \
		"left(coalesce(" content ", ''), " characters \
		")") "), 'D'), ' ')"

#endif
