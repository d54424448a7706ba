#include "backend/postgres/filter_sql.h"

#include "base/str.h"
#include "record/url.h"

/*
 * Of the metadata: what the filter names, put over the document's, changes
 * nothing where the document has it already.  Containment, @>, is less than
 * that for lists and objects, but an index can serve it.  A list that stands
 * where an object should is never equal to itself and one more.
 */
const char filter_sql_condition[] =
	"($1::text IS NULL OR starts_with(d.url, $1)) "
	"AND ($2::text IS NULL OR d.url ~ $2) "
	"AND ($3 = '-infinity' OR :d_fetched_at >= $3) "
	"AND ($4 = 'infinity' OR :d_fetched_at < $4) "
	"AND ($5::jsonb IS NULL OR (:d_metadata @> $5 "
	"AND :d_metadata || $5 = :d_metadata))";

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c & 0x80);
}

static bool host_is(struct wr_str host, const char *behind)
{
	struct buf url = { 0 };
	bool is;

	buf_puts(&url, "x://");
	buf_add_str(&url, host);
	buf_puts(&url, behind);
	is = !buf_status(&url) && str_eq(url_host(buf_str(&url)), host);
	buf_release(&url);
	return is;
}

/*
 * A host has none of "/?#@": the last @ before one of these is that of the
 * user's name.  Whether a port may follow, or must, depends on the host alone.
 */
void filter_sql_host(struct buf *to, struct wr_str host)
{
	bool bare = host_is(host, ""), with_port = host_is(host, ":1");

	buf_puts(to, "^[A-Za-z0-9+.-]+://([^/?#]*@)?");
	for (size_t i = 0; i < host.len; i++) {
		if (!is_word(host.ptr[i]))
			buf_putc(to, '\\');
		buf_putc(to, host.ptr[i]);
	}
	if (with_port)
		buf_puts(to, bare ? "(:[^:@/?#]*)?" : ":[^:@/?#]*");
	/* What is no host at all is found nowhere. */
	buf_puts(to, bare || with_port ? "([/?#]|$)" : "(?!)");
}

int filter_sql_params(struct params *p, const struct filter *f,
		      const struct layout *l)
{
	const struct wr_str none = { NULL, 0 };
	struct buf host = { 0 };
	int status;

	if (f && f->host.len)
		filter_sql_host(&host, f->host);
	status = buf_status(&host);
	params_add_text(p, f && f->url_prefix.len ? f->url_prefix : none);
	params_add_text(p, host.len ? buf_str(&host) : none);
	params_add_time(p, l->time_oid, f && f->since ? f->since : INT64_MIN);
	params_add_time(p, l->time_oid, f && f->until ? f->until : INT64_MAX);
	params_add_jsonb(p, f && f->members ? f->metadata : none);
	buf_release(&host);
	return status;
}
