#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "moment.h"
#include "output.h"

/* Seconds between two looks of a terminal, and of anything else. */
#define TERMINAL_EVERY 0.1
#define LINE_EVERY 1.0
/* A bar that comes and goes at once only flickers. */
#define TERMINAL_FIRST 0.15

/* Columns of a bar, and of the percentage behind it. */
enum { BAR_MIN = 9, BAR_MAX = 24, PERCENT = 7 };

void progress_init(struct progress *p, bool quiet)
{
	const char *term = getenv("TERM");

	*p = (struct progress){
		.quiet = quiet,
		.terminal = isatty(STDERR_FILENO) && term &&
			    strcmp(term, "dumb") != 0,
		.started = moment_clock(),
	};
	p->rate_at = p->started;
	p->shown = p->started;
	if (p->terminal)
		p->shown += TERMINAL_FIRST - TERMINAL_EVERY;
}

static double due_in(const struct progress *p)
{
	double every = p->terminal ? TERMINAL_EVERY : LINE_EVERY;

	return p->shown + every - moment_clock();
}

bool progress_is_due(const struct progress *p)
{
	return !p->quiet && due_in(p) <= 0;
}

int progress_wait(const struct progress *p)
{
	double left = due_in(p);

	if (p->quiet)
		return -1;
	return left <= 0 ? 0 : (int)(left * 1000) + 1;
}

double progress_elapsed(const struct progress *p)
{
	return moment_clock() - p->started;
}

double progress_rate(struct progress *p, uint64_t done)
{
	double now = moment_clock(), span = now - p->rate_at, recent, keep;

	if (span < 0.05)
		return p->rate;
	recent = (double)(done - p->rate_done) / span;
	/* The average of the first seconds, then one that forgets. */
	if (now - p->started < 3) {
		p->rate = (double)done / (now - p->started);
	} else {
		keep = span < 3 ? 1 - span / 3 : 0;
		p->rate = p->rate * keep + recent * (1 - keep);
	}
	p->rate_at = now;
	p->rate_done = done;
	return p->rate;
}

static void add_bar(struct text *t, double fraction, size_t cells)
{
	bool unicode = output_unicode();
	size_t full = (size_t)(fraction * (double)cells + 0.5), i;
	bool colour = output_colour(stderr);

	if (colour)
		text_puts(t, output_escape(COLOUR_GREEN));
	for (i = 0; i < cells; i++) {
		if (i == full && colour) {
			text_puts(t, output_escape(COLOUR_NONE));
			text_puts(t, output_escape(COLOUR_DIM));
		}
		if (unicode)
			text_puts(t,
				  i < full ? "\xe2\x94\x81" : "\xe2\x94\x80");
		else
			text_putc(t, i < full ? '#' : '.');
	}
	if (colour)
		text_puts(t, output_escape(COLOUR_NONE));
	text_printf(t, " %3.0f%%  ", fraction * 100);
}

/* line, cut to columns. */
static void add_cut(struct text *t, struct wr_str line, size_t columns)
{
	size_t used = 0;

	while (line.len) {
		const char *from = line.ptr;

		used += (size_t)text_columns(text_next(&line));
		if (used > columns)
			break;
		text_add(t, from, (size_t)(line.ptr - from));
	}
}

/* "  ETA 0:42", where that can be told. */
static void add_left(struct text *t, const struct progress *p, double fraction)
{
	double elapsed = progress_elapsed(p);
	char left[MOMENT_TEXT];

	if (fraction <= 0.002 || fraction >= 1 || elapsed <= 1)
		return;
	moment_format_seconds(left, elapsed / fraction - elapsed);
	text_printf(t, "  ETA %s", left);
}

/* A bar, as wide as there is room for it, and the line, cut to columns. */
static void add_line(struct text *t, double fraction, struct wr_str line,
		     size_t columns)
{
	size_t bar = columns > line.len + PERCENT + BAR_MIN
			     ? columns - line.len - PERCENT
			     : 0;

	if (bar > BAR_MAX)
		bar = BAR_MAX;
	if (fraction >= 0 && bar) {
		add_bar(t, fraction, bar);
		columns -= bar + PERCENT;
	}
	add_cut(t, line, columns);
}

static void draw(const struct progress *p, double fraction, const char *line,
		 const char *more)
{
	size_t columns = output_columns(stderr) - 1;
	struct text first = { 0 }, shown = { 0 };
	size_t room;

	text_puts(&first, line);
	add_left(&first, p, fraction);
	room = columns > first.len ? columns - first.len : 0;
	if (more && strlen(more) + 2 + PERCENT + BAR_MIN < room) {
		text_printf(&first, "  %s", more);
		more = NULL;
	}
	add_line(&shown, fraction, text_str(&first), columns);
	if (more) {
		text_putc(&shown, '\n');
		add_cut(&shown, (struct wr_str){ more, strlen(more) }, columns);
	}
	output_set_footer(shown.ptr);
	text_release(&shown);
	text_release(&first);
}

void progress_show(struct progress *p, double fraction, const char *line,
		   const char *more)
{
	struct text all = { 0 };

	if (p->quiet)
		return;
	p->shown = moment_clock();
	if (fraction > 1)
		fraction = 1;
	if (p->terminal) {
		draw(p, fraction, line, more);
		return;
	}
	text_puts(&all, line);
	if (more)
		text_printf(&all, "  %s", more);
	add_left(&all, p, fraction);
	output_note("%s", all.ptr);
	text_release(&all);
}

void progress_done(struct progress *p)
{
	if (!p->quiet && p->terminal)
		output_set_footer(NULL);
}

void progress_count(struct progress *p, const char *did, uint64_t done,
		    uint64_t total, const char *things)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT];
	struct text t = { 0 };
	double rate;

	if (!progress_is_due(p))
		return;
	/* It was an estimate, and is none any more. */
	if (done > total)
		total = 0;
	rate = progress_rate(p, done);
	text_printf(&t, "%s %s", did, output_number(a, done));
	if (total)
		text_printf(&t, " of %s", output_number(b, total));
	text_printf(&t, " %s  %s/s", things,
		    output_number(c, (uint64_t)(rate + 0.5)));
	progress_show(p, total ? (double)done / (double)total : -1, t.ptr,
		      NULL);
	text_release(&t);
}
