#include "backend/result.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include <stdint.h>
#include <string.h>

void result_init(struct result *r)
{
	memset(r, 0, sizeof(*r));
	arena_init(&r->arena);
}

void result_release(struct result *r)
{
	if (!r)
		return;
	mem_free(r->docs);
	mem_free(r->stats);
	mem_free(r->properties);
	mem_free(r->findings);
	arena_release(&r->arena);
	result_init(r);
}

/* Room for one more element of size bytes: the array, moved maybe, or NULL. */
static void *grow(void *items, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 16;

	if (n < *room)
		return items;
	if (*room > SIZE_MAX / 2)
		return NULL;
	items = mem_resize(items, more, size);
	if (items)
		*room = more;
	return items;
}

struct document *result_add(struct result *r)
{
	struct document *docs =
		grow(r->docs, r->ndocs, &r->room, sizeof(*docs));

	if (!docs)
		return NULL;
	r->docs = docs;
	docs += r->ndocs++;
	memset(docs, 0, sizeof(*docs));
	return docs;
}

int result_add_stat(struct result *r, const char *name, uint64_t value)
{
	struct stat_pair *stats =
		grow(r->stats, r->nstats, &r->stats_room, sizeof(*stats));

	if (!stats)
		return WR_ENOMEM;
	r->stats = stats;
	stats[r->nstats++] = (struct stat_pair){ name, value };
	return 0;
}

int result_add_property(struct result *r, const char *name, const char *value)
{
	struct property *properties =
		grow(r->properties, r->nproperties, &r->properties_room,
		     sizeof(*properties));
	struct wr_str copy;

	if (!properties)
		return WR_ENOMEM;
	r->properties = properties;
	if (arena_dup(&r->arena, &copy, str_of(value ? value : "")))
		return WR_ENOMEM;
	properties[r->nproperties++] = (struct property){ name, copy.ptr };
	return 0;
}

int result_add_finding(struct result *r, enum wr_log_level level,
		       const char *advice, const char *fmt, ...)
{
	struct finding *findings = grow(r->findings, r->nfindings,
					&r->findings_room, sizeof(*findings));
	struct wr_str what, what_to_do;
	struct buf text = { 0 };
	va_list args;
	int status;

	if (!findings)
		return WR_ENOMEM;
	r->findings = findings;
	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	status = buf_status(&text);
	if (!status)
		status = arena_dup(&r->arena, &what,
				   text.len ? buf_str(&text) : str_of(""));
	if (!status)
		status = arena_dup(&r->arena, &what_to_do,
				   str_of(advice ? advice : ""));
	buf_release(&text);
	if (status)
		return status;
	findings[r->nfindings++] =
		(struct finding){ level, what.ptr, what_to_do.ptr };
	return 0;
}
