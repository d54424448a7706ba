#include "output.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.h"
#include "memory.h"

static struct {
	bool json;
	bool unicode;
	pthread_mutex_t lock; /* guards footer, and lines on stderr */
	struct text footer;
} output = { .lock = PTHREAD_MUTEX_INITIALIZER };

void output_init(void)
{
	locale_t user = newlocale(LC_CTYPE_MASK, "", (locale_t)0);

	if (user) {
		output.unicode = !strcmp(nl_langinfo_l(CODESET, user), "UTF-8");
		freelocale(user);
	}
}

bool output_unicode(void)
{
	return output.unicode;
}

void output_set_json(bool json)
{
	output.json = json;
}

int output_finish(int status)
{
	output_set_footer(NULL);
	text_release(&output.footer);
	if (fflush(stdout) || ferror(stdout)) {
		output_error("cannot write to standard output: %s",
			     strerror(errno ? errno : EIO));
		return EXIT_CANNOT;
	}
	return status;
}

/* ------------------------------------------------------- standard error -- */

static void write_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(fd, s, n);

		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			s += done;
			n -= (size_t)done;
		}
	}
}

/* The cursor is at the end of the footer, which may have several lines. */
static void erase_footer(struct text *t)
{
	size_t i;

	if (!output.footer.len)
		return;
	for (i = 0; i < output.footer.len; i++) {
		if (output.footer.ptr[i] == '\n')
			text_puts(t, "\r\033[K\033[A");
	}
	text_puts(t, "\r\033[K");
}

static void say(const char *prefix, const char *fmt, va_list ap)
{
	struct text raw = { 0 }, line = { 0 };
	char message[2048];

	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = '\0';
	text_puts(&raw, message);
	pthread_mutex_lock(&output.lock);
	erase_footer(&line);
	text_puts(&line, prefix);
	text_add_shown(&line, text_str(&raw), 0);
	text_putc(&line, '\n');
	if (output.footer.len)
		text_add(&line, output.footer.ptr, output.footer.len);
	write_all(STDERR_FILENO, line.ptr, line.len);
	pthread_mutex_unlock(&output.lock);
	text_release(&line);
	text_release(&raw);
}

void output_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("windrow: ", fmt, ap);
	va_end(ap);
}

void output_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

static void print_reason(int status, const char *message)
{
	struct text t = { 0 };

	if (!output.json)
		return;
	json_open(&t);
	json_put_text(&t, "error", message);
	json_put_text(&t, "status", wr_status_name(status));
	json_close(&t);
	output_line(&t);
	text_release(&t);
}

int output_cannot(int status, const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = '\0';
	va_end(ap);
	output_error("%s", message);
	print_reason(status, message);
	return EXIT_CANNOT;
}

const char *output_reason(const struct wr_error *err)
{
	return err->message[0] ? err->message : wr_status_name(err->status);
}

int output_failed(const char *what, const struct wr_error *err)
{
	return output_cannot(err->status, "%s%s%s", what, *what ? ": " : "",
			     output_reason(err));
}

int output_event_failed(const struct wr_event *ev)
{
	struct wr_error err = { .status = ev->status };

	if (ev->reply && wr_reply_error(ev->reply)->status)
		err = *wr_reply_error(ev->reply);
	return output_failed("", &err);
}

void output_set_footer(const char *lines)
{
	struct text t = { 0 };

	pthread_mutex_lock(&output.lock);
	erase_footer(&t);
	text_clear(&output.footer);
	if (lines)
		text_puts(&output.footer, lines);
	text_add(&t, output.footer.ptr, output.footer.len);
	write_all(STDERR_FILENO, t.ptr, t.len);
	pthread_mutex_unlock(&output.lock);
	text_release(&t);
}

/* ------------------------------------------------------ standard output -- */

void output_print(const struct text *t)
{
	if (t->len)
		fwrite(t->ptr, 1, t->len, stdout);
}

void output_line(struct text *t)
{
	text_putc(t, '\n');
	output_print(t);
	text_clear(t);
}

/* ----------------------------------------------------- what it looks like --
 */

bool output_colour(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(f)) && !(no && *no) && term &&
	       strcmp(term, "dumb") != 0;
}

size_t output_columns(FILE *f)
{
	const char *env = getenv("COLUMNS");
	struct winsize size;
	long n;

	if (env) {
		n = strtol(env, NULL, 10);
		if (n >= 20 && n <= 1000)
			return (size_t)n;
	}
	if (!ioctl(fileno(f), TIOCGWINSZ, &size) && size.ws_col >= 20)
		return size.ws_col;
	return 80;
}

const char *output_escape(enum colour c)
{
	static const char *const sequences[] = {
		[COLOUR_NONE] = "\033[0m",   [COLOUR_BOLD] = "\033[1m",
		[COLOUR_DIM] = "\033[2m",    [COLOUR_RED] = "\033[31m",
		[COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
		[COLOUR_BLUE] = "\033[34m",  [COLOUR_MATCH] = "\033[1;33m",
	};

	return sequences[c];
}

void output_put(struct text *t, bool on, enum colour c, const char *s)
{
	if (on)
		text_puts(t, output_escape(c));
	text_puts(t, s);
	if (on)
		text_puts(t, output_escape(COLOUR_NONE));
}

const char *output_number(char out[NUMBER_TEXT], uint64_t n)
{
	char plain[24];
	size_t len = (size_t)snprintf(plain, sizeof(plain), "%llu",
				      (unsigned long long)n);
	size_t i, at = 0;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = '\0';
	return out;
}

const char *output_bytes(char out[NUMBER_TEXT], double n)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	size_t i = 0;

	while (n >= 999.5 && i < 4) {
		n /= 1000;
		i++;
	}
	snprintf(out, NUMBER_TEXT, i && n < 9.95 ? "%.1f %s" : "%.0f %s", n,
		 units[i]);
	return out;
}

/* ------------------------------------------------------------- wrapping -- */

struct wrap {
	struct text *out;
	size_t indent, columns;
	bool colour, matched;
	char start, end;
	size_t at; /* columns used in this line */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The next word, marks and all, off the front of s. */
static struct wr_str word(struct wr_str *s)
{
	struct wr_str w;

	while (s->len && is_blank(*s->ptr)) {
		s->ptr++;
		s->len--;
	}
	w = (struct wr_str){ s->ptr, 0 };
	while (s->len && !is_blank(*s->ptr)) {
		s->ptr++;
		s->len--;
		w.len++;
	}
	return w;
}

static bool is_mark(const struct wrap *w, char c)
{
	return c == w->start || c == w->end;
}

static size_t width(const struct wrap *w, struct wr_str s)
{
	size_t n = 0;

	while (s.len) {
		if (is_mark(w, *s.ptr)) {
			s.ptr++;
			s.len--;
		} else {
			n += (size_t)text_columns(text_next(&s));
		}
	}
	return n;
}

static void begin_line(struct wrap *w)
{
	size_t i;

	if (w->matched && w->colour)
		text_puts(w->out, output_escape(COLOUR_NONE));
	if (w->at)
		text_putc(w->out, '\n');
	for (i = 0; i < w->indent; i++)
		text_putc(w->out, ' ');
	if (w->matched && w->colour)
		text_puts(w->out, output_escape(COLOUR_MATCH));
	w->at = w->indent;
}

static void put_word(struct wrap *w, struct wr_str s)
{
	while (s.len) {
		struct wr_str one = { s.ptr, 0 };
		size_t n;

		if (is_mark(w, *s.ptr)) {
			w->matched = *s.ptr == w->start;
			s.ptr++;
			s.len--;
			if (w->colour)
				text_puts(w->out,
					  output_escape(w->matched
								? COLOUR_MATCH
								: COLOUR_NONE));
			continue;
		}
		n = (size_t)text_columns(text_next(&s));
		one.len = (size_t)(s.ptr - one.ptr);
		/* A word that is longer than a line is broken. */
		if (w->at + n > w->columns && w->at > w->indent)
			begin_line(w);
		text_add_shown(w->out, one, 0);
		w->at += n;
	}
}

void output_wrap(struct text *t, struct wr_str s, size_t indent, size_t columns,
		 bool colour, char start, char end)
{
	struct wrap w = {
		.out = t,
		.indent = indent,
		.columns = columns > indent + 20 ? columns : indent + 20,
		.colour = colour,
		.start = start,
		.end = end,
	};

	for (;;) {
		struct wr_str one = word(&s);
		size_t n = width(&w, one);

		if (!one.len)
			break;
		if (!w.at || (n && w.at + 1 + n > w.columns)) {
			begin_line(&w);
		} else if (n && w.at > w.indent) {
			text_putc(t, ' ');
			w.at++;
		}
		put_word(&w, one);
	}
	if (w.matched && colour)
		text_puts(t, output_escape(COLOUR_NONE));
	if (w.at)
		text_putc(t, '\n');
}
