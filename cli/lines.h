/*
 * lines.h - URLs, one a line, from files or standard input.
 */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "text.h"
#include "windrow.h"

/* Some lines, as strings that live until the next lines_read(). */
struct lines {
	/* Where they come from: files in turn, "-" is standard input. */
	char **paths;
	bool are_lines; /* the paths are lines themselves, "-" excepted */
	size_t npaths, next;
	FILE *file;
	char *line; /* getline's */
	size_t line_room;

	struct text text;
	size_t *ends; /* of line i in text */
	size_t ends_room;
	struct wr_str *items;
	size_t items_room;
	size_t n;
};

/* No paths: standard input. */
void lines_init(struct lines *l, char **paths, size_t npaths);
/* The arguments themselves are the lines; "-" is standard input. */
void lines_init_args(struct lines *l, char **args, size_t nargs);
/*
 * Read up to max lines, without white space around them; empty ones are left
 * out.  EXIT_FINE with l->n == 0 at the end, or EXIT_CANNOT after saying why.
 */
int lines_read(struct lines *l, size_t max);
/* to goes on reading where from is; from keeps its lines. */
void lines_pass(struct lines *to, struct lines *from);
void lines_release(struct lines *l);

#endif
