/*
 * options.h - options as tables.
 *
 * A command declares a table of its options; parsing them, checking their
 * values and writing the help all go by it.  A value is stored in a field of
 * the command's settings, which start zeroed: zero means "not given".
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

enum option_kind {
	OPTION_END,
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char * */
	OPTION_LIST,   /* struct option_list; may be given again and again */
	OPTION_CHOICE, /* int: 1 for the first of value, "update|skip|fail" */
	OPTION_NUMBER, /* uint64_t, min to max */
	OPTION_COUNT,  /* uint64_t, one more than was said: 0 may be said */
	OPTION_SIZE,   /* uint64_t, in bytes: "64M"; min to max */
	OPTION_AGE,    /* int64_t, in microseconds: "30d"; never 0 */
	OPTION_TIME    /* int64_t, in microseconds since 1970; never 0 */
};

struct option_list {
	const char **items; /* options_release() frees it */
	size_t n, room;
};

struct option_spec {
	enum option_kind kind;
	const char *name;  /* without dashes */
	char letter;	   /* or 0 */
	size_t offset;	   /* of the field */
	const char *value; /* what help calls the value */
	const char *help;  /* one sentence; wrapped */
	uint64_t min, max; /* max 0: no limit */
};

/* What every command takes; its settings begin with this. */
struct common {
	const char *db;
	const char *schema, *table;
	uint64_t pool_size, max_overflow; /* the latter plus 1 */
	bool json;
	bool help;
};

extern const struct option_spec common_options[];

/*
 * Parse args[0 .. n - 1]: options go into settings, arguments to the front of
 * args.  Returns how many arguments there are, or -1 after saying why not.
 */
int options_parse(const char *command, const struct option_spec *own,
		  void *settings, int n, char **args);
void options_release(const struct option_spec *own, void *settings);

/* Append the help of a table. */
void options_describe(struct text *t, const struct option_spec *table,
		      size_t columns);

/* The name nearest to word, or NULL if none is near. */
const char *options_nearest(const char *word, const char *const *names,
			    size_t n);

#endif
