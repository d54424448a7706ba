#include "backend/postgres/conninfo_uri.h"

#include "base/error.h"
#include "base/str.h"
#include <libpq-fe.h>
#include <string.h>

/* What a parameter is taken apart with. */
struct parser {
	struct uri *uri;
	struct conninfo *info;
	PQconninfoOption *known; /* libpq's words */
	bool has_driver;
	bool has_query; /* in uri->rest */
};

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/*
 * libpq takes a password up to the first '@', '/' or '?' and goes on with the
 * rest as a host, a database, a parameter, all of which it may print.
 */
static int check_at_signs(struct wr_str text, size_t authority,
			  struct wr_error *err)
{
	const char *at = text.len ? memchr(text.ptr, '@', text.len) : NULL;
	size_t before = at ? (size_t)(at - text.ptr) : 0;

	if (!at ||
	    (before < authority && !memchr(at + 1, '@', text.len - before - 1)))
		return 0;
	return error_set(err, WR_EINVAL, 0, "postgres",
			 "the store URL has an \"@\", \"/\" or \"?\" where it "
			 "ends a part: inside of a user name, password or "
			 "parameter these are written %%40, %%2F and %%3F");
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy without percent-encodings: 0, WR_EINVAL, WR_ENOMEM. */
static int decode(struct conninfo *c, struct wr_str s, char **out)
{
	char *to = arena_alloc(&c->arena, s.len + 1);
	size_t n = 0;

	*out = to;
	if (!to)
		return WR_ENOMEM;
	for (size_t i = 0; i < s.len; i++) {
		int high, low;

		to[n] = s.ptr[i];
		if (s.ptr[i] == '%') {
			if (s.len - i < 3)
				return WR_EINVAL;
			high = hex_value(s.ptr[++i]);
			low = hex_value(s.ptr[++i]);
			if (high < 0 || low < 0 || high + low == 0)
				return WR_EINVAL;
			to[n] = (char)(high * 16 + low);
		}
		n++;
	}
	to[n] = '\0';
	return 0;
}

int uri_is_bad(struct wr_error *err)
{
	return error_set(err, WR_EINVAL, 0, "postgres",
			 "the store URL is not of the form "
			 "postgresql://user:password@host:port/database; "
			 "special characters in its parts are percent-encoded");
}

static bool is_known(const PQconninfoOption *known, const char *name)
{
	for (; known->keyword; known++)
		if (!strcmp(known->keyword, name))
			return true;
	return !strcmp(name, "ssl");
}

/* What drivers take and libpq does not, and what changes nothing here. */
static bool is_drivers(const char *name)
{
	static const char *const names[] = {
		"async_fallback", "command_timeout", "prepare_threshold",
		"prepared_statement_cache_size", "statement_cache_size"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static int unknown_parameter(const char *name, struct wr_error *err)
{
	size_t n = 0;

	while (is_word_char(name[n]))
		n++;
	if (!n || name[n] || n > 64)
		return uri_is_bad(err);
	return error_set(err, WR_EINVAL, 0, "postgres",
			 "the store URL has a parameter \"%s\", which neither "
			 "PostgreSQL's client library nor Windrow knows",
			 name);
}

/* asyncpg's ssl=require, JDBC's ssl=true. */
static struct wr_str sslmode_of(const char *ssl, struct wr_str raw)
{
	if (!strcmp(ssl, "true") || !strcmp(ssl, "1"))
		return str_of("require");
	if (!strcmp(ssl, "false") || !strcmp(ssl, "0"))
		return str_of("disable");
	return raw;
}

/* "name:port" of SQLAlchemy's, where libpq would have a list of each. */
static void add_host(struct uri *u, const char *value)
{
	const char *colon = strrchr(value, ':');
	size_t len = strlen(value);

	if (!colon || *value == '/' || !colon[1] ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		colon = value + len;
	if (u->hosts.len) {
		buf_putc(&u->hosts, ',');
		buf_putc(&u->ports, ',');
	}
	buf_add(&u->hosts, value, (size_t)(colon - value));
	if (*colon)
		buf_puts(&u->ports, colon + 1);
	u->has_ports |= *colon != '\0';
}

static int add_parameter(struct parser *p, struct wr_str raw,
			 struct wr_error *err)
{
	const char *equals = memchr(raw.ptr, '=', raw.len);
	struct wr_str text;
	char *name, *value;
	int status;

	if (!equals)
		return uri_is_bad(err);
	text = (struct wr_str){ raw.ptr, (size_t)(equals - raw.ptr) };
	status = decode(p->info, text, &name);
	text = (struct wr_str){ equals + 1, raw.len - text.len - 1 };
	if (!status)
		status = decode(p->info, text, &value);
	if (status)
		return status == WR_ENOMEM ? error_nomem(err, "postgres")
					   : uri_is_bad(err);
	if (!strcmp(name, "schema")) {
		p->info->schema = value;
	} else if (!strcmp(name, "table")) {
		p->info->table = value;
	} else if (p->has_driver && is_drivers(name)) {
		return 0;
	} else if (p->has_driver && !strcmp(name, "host")) {
		add_host(p->uri, value);
	} else if (!is_known(p->known, name)) {
		return unknown_parameter(name, err);
	} else {
		buf_putc(&p->uri->rest, p->has_query ? '&' : '?');
		p->has_query = true;
		if (strcmp(name, "ssl") != 0) {
			buf_add_str(&p->uri->rest, raw);
		} else {
			buf_puts(&p->uri->rest, "sslmode=");
			buf_add_str(&p->uri->rest, sslmode_of(value, text));
		}
	}
	return 0;
}

static int add_parameters(struct parser *p, struct wr_str query,
			  struct wr_error *err)
{
	int status = 0;

	while (!status && query.len) {
		const char *end = memchr(query.ptr, '&', query.len);
		size_t n = end ? (size_t)(end - query.ptr) : query.len;

		if (n)
			status = add_parameter(
				p, (struct wr_str){ query.ptr, n }, err);
		n += end ? 1 : 0;
		query.ptr += n;
		query.len -= n;
	}
	return status;
}

/* The password as it is written, for it may be quoted like that. */
static struct wr_str raw_password(struct wr_str text, size_t authority)
{
	const char *at = authority ? memchr(text.ptr, '@', authority) : NULL;
	const char *colon =
		at ? memchr(text.ptr, ':', (size_t)(at - text.ptr)) : NULL;

	if (!colon)
		return (struct wr_str){ "", 0 };
	return (struct wr_str){ colon + 1, (size_t)(at - colon - 1) };
}

int uri_init(struct uri *u, struct conninfo *c, const char *text,
	     bool has_driver, struct wr_error *err)
{
	struct parser p = { .uri = u, .info = c, .has_driver = has_driver };
	size_t authority = strcspn(text, "/?"), len = strcspn(text, "?");
	int status;

	memset(u, 0, sizeof(*u));
	status = check_at_signs(str_of(text), authority, err);
	if (status)
		return status;
	u->password = raw_password(str_of(text), authority);
	p.known = PQconninfoParse("", NULL);
	if (!p.known)
		return error_nomem(err, "postgres");
	buf_puts(&u->rest, "postgresql://");
	buf_add(&u->rest, text, len);
	if (text[len])
		status = add_parameters(&p, str_of(text + len + 1), err);
	if (!status && (buf_status(&u->rest) || buf_status(&u->hosts) ||
			buf_status(&u->ports)))
		status = error_nomem(err, "postgres");
	PQconninfoFree(p.known);
	return status;
}

void uri_release(struct uri *u)
{
	buf_release(&u->rest);
	buf_release(&u->hosts);
	buf_release(&u->ports);
}
