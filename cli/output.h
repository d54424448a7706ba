/*
 * output.h - what the commands say: data on standard output, all else on
 * standard error.
 *
 * Main thread only, except output_error() and output_note(), which any thread
 * may call.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "text.h"
#include "windrow.h"

/* How a command ends. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_SOME = 1, /* some records failed, or something was not found */
	EXIT_CANNOT = 2
};

void output_init(void);
/* Whatever was printed is out.  EXIT_CANNOT, with a reason, where it is not. */
int output_finish(int status);

/* With --json the reason of EXIT_CANNOT is printed as data too. */
void output_set_json(bool json);

/* "windrow: ..." as one line on standard error. */
void output_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same without "windrow: ". */
void output_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* output_error(), also as data with --json; returns EXIT_CANNOT. */
int output_cannot(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, for an error of the library; what may be "". */
int output_failed(const char *what, const struct wr_error *err);
/* The same, for an event whose status is not 0. */
int output_event_failed(const struct wr_event *ev);
/* An error's message, never empty. */
const char *output_reason(const struct wr_error *err);

/*
 * Lines that are drawn over, below what goes by (progress.c); none of them
 * wider than the terminal.  While there are any, messages are written above
 * them.
 */
void output_set_footer(const char *lines);

void output_print(const struct text *t);
/* The same with a line end, and t is empty again. */
void output_line(struct text *t);

/* May f be coloured, and how many columns has it (80: unknown)? */
bool output_colour(FILE *f);
size_t output_columns(FILE *f);
/* Can the user's terminal show more than ASCII? */
bool output_unicode(void);

enum colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_BLUE,
	COLOUR_MATCH
};

/* Escape sequences; COLOUR_NONE ends all. */
const char *output_escape(enum colour c);
/* Text in colour where on. */
void output_put(struct text *t, bool on, enum colour c, const char *s);

/* "1,234,567"; returned in out. */
enum { NUMBER_TEXT = 32 };
const char *output_number(char out[NUMBER_TEXT], uint64_t n);
/* "512 B", "4.0 KB", "12 MB"; powers of 1,000. */
const char *output_bytes(char out[NUMBER_TEXT], double n);

/*
 * Append s as lines of at most columns, each after indent spaces, white space
 * folded.  Between the bytes start and end it is shown as a match, where colour
 * is on; both are left out.
 */
void output_wrap(struct text *t, struct wr_str s, size_t indent, size_t columns,
		 bool colour, char start, char end);

#endif
