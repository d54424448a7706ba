#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "moment.h"
#include "output.h"

enum { OPTIONS_MAX = 40, FIRST_LONG = 256 };

const struct option_spec common_options[] = {
	{ OPTION_TEXT, "db", 0, offsetof(struct common, db), "URL",
	  "The store, such as sqlite:///pages.db (in this folder), "
	  "sqlite:////var/lib/pages.db or postgresql://user@host/database.  "
	  "Else $WINDROW_DB, else sqlite:///windrow.db.  Other users of the "
	  "machine can see a password in a command: put it in ~/.pgpass or "
	  "$PGPASSWORD.",
	  0, 0 },
	{ OPTION_TEXT, "schema", 0, offsetof(struct common, schema), "NAME",
	  "PostgreSQL: the schema of the table; default public.", 0, 0 },
	{ OPTION_TEXT, "table", 0, offsetof(struct common, table), "NAME",
	  "PostgreSQL: the table; default scraped_documents.", 0, 0 },
	{ OPTION_NUMBER, "pool-size", 0, offsetof(struct common, pool_size),
	  "N",
	  "PostgreSQL: so many connections are kept, once they were needed; "
	  "default 20.",
	  1, 10000 },
	{ OPTION_COUNT, "max-overflow", 0,
	  offsetof(struct common, max_overflow), "N",
	  "PostgreSQL: so many more at a time; default 10.", 0, 10000 },
	{ OPTION_FLAG, "json", 0, offsetof(struct common, json), NULL,
	  "Print the result as JSON.", 0, 0 },
	{ OPTION_FLAG, "help", 'h', offsetof(struct common, help), NULL,
	  "Show this help.", 0, 0 },
	{ 0 },
};

static void *field(const struct option_spec *spec, void *settings)
{
	return (char *)settings + spec->offset;
}

/* --------------------------------------------------------------- values -- */

static int parse_choice(int *out, const char *choices, const char *s)
{
	size_t n = strlen(s);
	int i = 1;

	for (; *choices; i++) {
		size_t len = strcspn(choices, "|");

		if (len == n && !memcmp(choices, s, n)) {
			*out = i;
			return 0;
		}
		choices += len;
		choices += *choices == '|';
	}
	return -1;
}

static int parse_number(uint64_t *out, const char *s, bool size)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	unsigned long long n;
	char *end;

	if (*s < '0' || *s > '9')
		return -1;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno)
		return -1;
	if (size && *end && (suffix = strchr(suffixes, *end & ~0x20))) {
		int shift = 10 * (int)(suffix - suffixes + 1);

		if (n > UINT64_MAX >> shift)
			return -1;
		n <<= shift;
		end++;
		if (*end == 'i')
			end++;
		if (*end == 'B')
			end++;
	}
	if (*end)
		return -1;
	*out = n;
	return 0;
}

static int bad_value(const char *command, const struct option_spec *spec,
		     const char *s, const char *wanted)
{
	output_error("%s: --%s wants %s, not '%s'", command, spec->name, wanted,
		     s);
	return -1;
}

static int set_number(const char *command, const struct option_spec *spec,
		      void *settings, const char *s)
{
	uint64_t max = spec->max ? spec->max : INT64_MAX, n;
	char wanted[80];

	if (!parse_number(&n, s, spec->kind == OPTION_SIZE) && n >= spec->min &&
	    n <= max) {
		*(uint64_t *)field(spec, settings) =
			n + (spec->kind == OPTION_COUNT);
		return 0;
	}
	if (spec->max)
		snprintf(wanted, sizeof(wanted), "a number from %llu to %llu",
			 (unsigned long long)spec->min,
			 (unsigned long long)spec->max);
	else if (spec->kind == OPTION_SIZE)
		snprintf(wanted, sizeof(wanted),
			 "a number of bytes, such as 64M");
	else
		snprintf(wanted, sizeof(wanted), "a number from %llu",
			 (unsigned long long)spec->min);
	return bad_value(command, spec, s, wanted);
}

static void add_item(struct option_list *list, const char *s)
{
	list->items = memory_grow(list->items, &list->room, list->n + 1,
				  sizeof(*list->items));
	list->items[list->n++] = s;
}

static int set(const char *command, const struct option_spec *spec,
	       void *settings, const char *s)
{
	int64_t us;

	switch (spec->kind) {
	case OPTION_END:
		return 0;
	case OPTION_FLAG:
		*(bool *)field(spec, settings) = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)field(spec, settings) = s;
		return 0;
	case OPTION_LIST:
		add_item(field(spec, settings), s);
		return 0;
	case OPTION_CHOICE:
		if (parse_choice(field(spec, settings), spec->value, s))
			return bad_value(command, spec, s, spec->value);
		return 0;
	case OPTION_NUMBER:
	case OPTION_COUNT:
	case OPTION_SIZE:
		return set_number(command, spec, settings, s);
	case OPTION_AGE:
		if (moment_parse_age(&us, s) || !us)
			return bad_value(command, spec, s,
					 "an age, such as 30d or 12h");
		*(int64_t *)field(spec, settings) = us;
		return 0;
	case OPTION_TIME:
		if (moment_parse(&us, s, moment_now()))
			return bad_value(command, spec, s,
					 "a time, such as 2024-05-01, "
					 "2024-05-01T12:30:00Z or 7d (ago)");
		*(int64_t *)field(spec, settings) = us;
		return 0;
	}
	return -1;
}

/* -------------------------------------------------------------- parsing -- */

struct parser {
	const char *command;
	const struct option_spec *specs[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1];
	char shorts[3 * OPTIONS_MAX];
	size_t n;
};

static void add_table(struct parser *p, const struct option_spec *table)
{
	size_t at = strlen(p->shorts);

	for (; table->kind != OPTION_END && p->n < OPTIONS_MAX; table++) {
		bool argument = table->kind != OPTION_FLAG;

		p->longs[p->n] = (struct option){
			.name = table->name,
			.has_arg = argument ? required_argument : no_argument,
			.val = FIRST_LONG + (int)p->n,
		};
		p->specs[p->n++] = table;
		if (!table->letter)
			continue;
		p->shorts[at++] = table->letter;
		if (argument)
			p->shorts[at++] = ':';
	}
}

static const struct option_spec *find_letter(const struct parser *p, int c)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->specs[i]->letter == c)
			return p->specs[i];
	}
	return NULL;
}

static void lacks_value(const struct parser *p)
{
	if (optopt >= FIRST_LONG)
		output_error("%s: --%s wants a value", p->command,
			     p->specs[optopt - FIRST_LONG]->name);
	else
		output_error("%s: -%c wants a value", p->command, optopt);
}

static void unknown(const struct parser *p, const char *arg)
{
	const char *names[OPTIONS_MAX] = { 0 }, *near = NULL;
	char word[64];
	size_t i, matches = 0, len;

	/* Of a letter getopt tells which one; arg may be the one before. */
	if (optopt && optopt < FIRST_LONG) {
		output_error("%s has no option '-%c' (see windrow %s --help)",
			     p->command, optopt, p->command);
		return;
	}
	arg += strspn(arg, "-");
	len = strcspn(arg, "=");
	snprintf(word, sizeof(word), "%.*s", (int)(len < 60 ? len : 60), arg);
	for (i = 0; i < p->n; i++) {
		names[i] = p->specs[i]->name;
		matches += !strncmp(names[i], word, strlen(word));
		if (!strcmp(names[i], word)) {
			output_error("%s: --%s takes no value", p->command,
				     word);
			return;
		}
	}
	near = options_nearest(word, names, p->n);
	if (matches > 1)
		output_error("%s: '--%s' could be several options (see "
			     "windrow %s --help)",
			     p->command, word, p->command);
	else if (near)
		output_error("%s has no option '--%s'; did you mean '--%s'?",
			     p->command, word, near);
	else
		output_error("%s has no option '--%s' (see windrow %s --help)",
			     p->command, word, p->command);
}

int options_parse(const char *command, const struct option_spec *own,
		  void *settings, int n, char **args)
{
	struct parser p = { .command = command };
	const struct option_spec *spec;
	int c, i, count = 0;

	/* A colon first: a missing value is told from an unknown option. */
	p.shorts[0] = ':';
	add_table(&p, own);
	add_table(&p, common_options);
	opterr = 0;
	optind = 0;
	for (;;) {
		c = getopt_long(n, args, p.shorts, p.longs, NULL);
		if (c == -1)
			break;
		if (c == '?') {
			unknown(&p, args[optind - 1]);
			return -1;
		}
		if (c == ':') {
			lacks_value(&p);
			return -1;
		}
		spec = c >= FIRST_LONG ? p.specs[c - FIRST_LONG]
				       : find_letter(&p, c);
		if (!spec || set(command, spec, settings, optarg))
			return -1;
	}
	for (i = optind; i < n; i++)
		args[count++] = args[i];
	return count;
}

void options_release(const struct option_spec *own, void *settings)
{
	for (; own->kind != OPTION_END; own++) {
		if (own->kind == OPTION_LIST) {
			struct option_list *list = field(own, settings);

			memory_free(list->items);
		}
	}
}

/* ----------------------------------------------------------------- help -- */

void options_describe(struct text *t, const struct option_spec *table,
		      size_t columns)
{
	enum { INDENT = 8 };
	char letter[8];

	for (; table->kind != OPTION_END; table++) {
		snprintf(letter, sizeof(letter),
			 table->letter ? "-%c, " : "    ", table->letter);
		text_printf(t, "  %s--%s%s%s\n", letter, table->name,
			    table->value ? " " : "",
			    table->value ? table->value : "");
		output_wrap(t,
			    (struct wr_str){ table->help, strlen(table->help) },
			    INDENT, columns, false, 0, 0);
	}
}

/* ------------------------------------------------------------- nearness -- */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance (Levenshtein, with swaps of neighbours counting one). */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][40], i, j, n = strlen(a), m = strlen(b);
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;

	if (n >= 40 || m >= 40)
		return 40;
	for (j = 0; j <= m; j++) {
		before[j] = 0;
		row[j] = j;
	}
	for (i = 1; i <= n; i++) {
		spare = before;
		before = above;
		above = row;
		row = spare;
		row[0] = i;
		for (j = 1; j <= m; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[m];
}

const char *options_nearest(const char *word, const char *const *names,
			    size_t n)
{
	size_t best = strlen(word) / 3 + 1, i;
	const char *near = NULL;

	for (i = 0; i < n; i++) {
		size_t d = distance(word, names[i]);

		if (d <= best && (!near || d < best)) {
			best = d;
			near = names[i];
		}
	}
	return near;
}
