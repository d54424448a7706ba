#include "lines.h"

#include <errno.h>
#include <string.h>

#include "memory.h"
#include "output.h"

void lines_init(struct lines *l, char **paths, size_t npaths)
{
	static char dash[] = "-";
	static char *standard_input[] = { dash };

	*l = (struct lines){ .paths = paths, .npaths = npaths };
	if (!npaths) {
		l->paths = standard_input;
		l->npaths = 1;
	}
}

void lines_init_args(struct lines *l, char **args, size_t nargs)
{
	*l = (struct lines){
		.paths = args,
		.npaths = nargs,
		.are_lines = true,
	};
}

static void close_file(struct lines *l)
{
	if (l->file && l->file != stdin)
		fclose(l->file);
	l->file = NULL;
}

void lines_pass(struct lines *to, struct lines *from)
{
	to->paths = from->paths;
	to->are_lines = from->are_lines;
	to->npaths = from->npaths;
	to->next = from->next;
	to->file = from->file;
	from->file = NULL;
}

void lines_release(struct lines *l)
{
	close_file(l);
	memory_free(l->line);
	text_release(&l->text);
	memory_free(l->ends);
	memory_free(l->items);
	*l = (struct lines){ 0 };
}

static int open_next(struct lines *l)
{
	const char *path = l->paths[l->next++];

	l->file = !strcmp(path, "-") ? stdin : fopen(path, "re");
	if (!l->file)
		return output_cannot(errno == ENOENT ? WR_ENOENT : WR_EIO,
				     "cannot read %s: %s", path,
				     strerror(errno));
	return EXIT_FINE;
}

static struct wr_str trim(const char *s, size_t n)
{
	static const char white[] = " \t\r\n\v\f";

	while (n && *s && strchr(white, *s)) {
		s++;
		n--;
	}
	while (n && s[n - 1] && strchr(white, s[n - 1]))
		n--;
	return (struct wr_str){ s, n };
}

static void add(struct lines *l, struct wr_str s)
{
	if (!s.len)
		return;
	text_add(&l->text, s.ptr, s.len);
	l->ends =
		memory_grow(l->ends, &l->ends_room, l->n + 1, sizeof(*l->ends));
	l->ends[l->n++] = l->text.len;
}

int lines_read(struct lines *l, size_t max)
{
	size_t i, from = 0;

	l->n = 0;
	text_clear(&l->text);
	while (l->n < max) {
		ssize_t n;

		if (!l->file) {
			if (l->next == l->npaths)
				break;
			if (l->are_lines && strcmp(l->paths[l->next], "-")) {
				const char *s = l->paths[l->next++];

				add(l, trim(s, strlen(s)));
				continue;
			}
			if (open_next(l))
				return EXIT_CANNOT;
		}
		n = getline(&l->line, &l->line_room, l->file);
		if (n >= 0) {
			add(l, trim(l->line, (size_t)n));
			continue;
		}
		if (ferror(l->file))
			return output_cannot(WR_EIO, "cannot read %s: %s",
					     l->paths[l->next - 1],
					     strerror(errno));
		close_file(l);
	}
	l->items =
		memory_grow(l->items, &l->items_room, l->n, sizeof(*l->items));
	for (i = 0; i < l->n; i++) {
		l->items[i] = (struct wr_str){ l->text.ptr + from,
					       l->ends[i] - from };
		from = l->ends[i];
	}
	return EXIT_FINE;
}
