#include "backend/postgres/conninfo.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------- what kind it is -- */

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The length of "postgresql://" or of "postgres+asyncpg://"; 0: neither. */
static size_t uri_start(const char *s, bool *has_driver)
{
	size_t n = strspn(s, "postgresql");

	*has_driver = false;
	if (!str_eq((struct wr_str){ s, n }, str_of("postgresql")) &&
	    !str_eq((struct wr_str){ s, n }, str_of("postgres")))
		return 0;
	if (s[n] == '+') {
		size_t name = ++n;

		while (is_word_char(s[n]))
			n++;
		*has_driver = n > name;
		if (!*has_driver)
			return 0;
	}
	return s[n] == ':' ? n + 1 : 0;
}

/* "host=... dbname=...": a word of libpq's, and an equals sign behind it. */
static bool is_pairs(const char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	for (n = 0; is_word_char(s[n]);)
		n++;
	return n && s[n + strspn(s + n, " \t\r\n")] == '=';
}

bool conninfo_is_ours(const char *location)
{
	bool driver;

	return location && (uri_start(location, &driver) || is_pairs(location));
}

/* ------------------------------------------------------------ the URI -- */

/* One that is being taken apart. */
struct uri {
	struct conninfo *info;
	PQconninfoOption *known; /* libpq's words */
	bool has_driver;
	struct buf rest; /* what is left of it for libpq */
	bool has_query;	 /* in rest */
	/* SQLAlchemy's "host=a:1&host=b:2". */
	struct buf hosts, ports;
};

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

static int bad_uri(struct wr_error *err)
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
		return bad_uri(err);
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
}

static int add_parameter(struct uri *u, struct wr_str raw, struct wr_error *err)
{
	const char *equals = memchr(raw.ptr, '=', raw.len);
	struct wr_str text;
	char *name, *value;
	int status;

	if (!equals)
		return bad_uri(err);
	text = (struct wr_str){ raw.ptr, (size_t)(equals - raw.ptr) };
	status = decode(u->info, text, &name);
	text = (struct wr_str){ equals + 1, raw.len - text.len - 1 };
	if (!status)
		status = decode(u->info, text, &value);
	if (status)
		return status == WR_ENOMEM ? error_nomem(err, "postgres")
					   : bad_uri(err);
	if (!strcmp(name, "schema")) {
		u->info->schema = value;
	} else if (!strcmp(name, "table")) {
		u->info->table = value;
	} else if (u->has_driver && is_drivers(name)) {
		return 0;
	} else if (u->has_driver && !strcmp(name, "host")) {
		add_host(u, value);
	} else if (!is_known(u->known, name)) {
		return unknown_parameter(name, err);
	} else {
		buf_putc(&u->rest, u->has_query ? '&' : '?');
		u->has_query = true;
		if (strcmp(name, "ssl") != 0) {
			buf_add_str(&u->rest, raw);
		} else {
			buf_puts(&u->rest, "sslmode=");
			buf_add_str(&u->rest, sslmode_of(value, text));
		}
	}
	return 0;
}

static int add_parameters(struct uri *u, struct wr_str query,
			  struct wr_error *err)
{
	int status = 0;

	while (!status && query.len) {
		const char *end = memchr(query.ptr, '&', query.len);
		size_t n = end ? (size_t)(end - query.ptr) : query.len;

		if (n)
			status = add_parameter(
				u, (struct wr_str){ query.ptr, n }, err);
		n += end ? 1 : 0;
		query.ptr += n;
		query.len -= n;
	}
	return status;
}

/* ------------------------------------------------------- the result -- */

enum { OPTIONS = 96 };

/* A value of what connecting will be told; NULL: not given. */
static const char **find_value(const struct conninfo *c, const char *keyword)
{
	size_t i = 0;

	while (c->keywords[i] && strcmp(c->keywords[i], keyword) != 0)
		i++;
	return c->keywords[i] ? &c->values[i] : NULL;
}

static const char *value_of(const struct conninfo *c, const char *keyword)
{
	const char **value = find_value(c, keyword);

	return value && **value ? *value : NULL;
}

static int put(struct conninfo *c, const char *keyword, const char *value)
{
	const char **at = find_value(c, keyword);
	struct wr_str key, copy;
	size_t n = 0;

	if (arena_dup(&c->arena, &key, str_of(keyword)) ||
	    arena_dup(&c->arena, &copy, str_of(value)))
		return WR_ENOMEM;
	if (at) {
		*at = copy.ptr;
		return 0;
	}
	while (c->keywords[n])
		n++;
	if (n + 1 >= OPTIONS)
		return WR_EBUG;
	c->keywords[n] = key.ptr;
	c->values[n] = copy.ptr;
	return 0;
}

static int put_unless_given(struct conninfo *c, const char *keyword,
			    const char *value)
{
	return find_value(c, keyword) ? 0 : put(c, keyword, value);
}

static int put_all(struct conninfo *c, const PQconninfoOption *options)
{
	int status = 0;

	for (; !status && options->keyword; options++)
		if (options->val)
			status = put(c, options->keyword, options->val);
	return status;
}

static int put_ours(struct conninfo *c)
{
	/* A connection that is dead is noticed within a minute. */
	static const struct {
		const char *keyword, *value;
	} wanted[] = {
		{ "fallback_application_name", "windrow" },
		{ "keepalives_idle", "30" },
		{ "keepalives_interval", "10" },
		{ "keepalives_count", "3" },
		{ "tcp_user_timeout", "60000" },
	};
	int status = put(c, "client_encoding", "UTF8");

	for (size_t i = 0; !status && i < sizeof(wanted) / sizeof(wanted[0]);
	     i++)
		status =
			put_unless_given(c, wanted[i].keyword, wanted[i].value);
	return status;
}

/*
 * libpq would quote what it cannot read as a port: in "scheme://user:password",
 * without a host, that is the password.
 */
static int check_ports(const struct conninfo *c, struct wr_error *err)
{
	const char *p = value_of(c, "port");

	while (p && *p) {
		size_t n = strspn(p, "0123456789");
		int64_t port = 1;

		if (n)
			str_to_int64((struct wr_str){ p, n > 9 ? 9 : n },
				     &port);
		if ((p[n] && p[n] != ',') || port < 1 || port > 65535)
			return error_set(err, WR_EINVAL, 0, "postgres",
					 "the port of the store is not a "
					 "number from 1 to 65535");
		p += n + (p[n] == ',');
	}
	return 0;
}

static int add_secret(struct conninfo *c, struct wr_str secret)
{
	static const char *const open_names[] = { "user", "dbname", "host" };
	struct wr_str copy;

	/* What is the name of something shown is no secret by being shown. */
	for (size_t i = 0; i < 3; i++)
		if (value_of(c, open_names[i]) &&
		    str_eq(secret, str_of(value_of(c, open_names[i]))))
			return 0;
	if (!secret.len || str_eq(secret, str_of("postgres")))
		return 0;
	if (arena_dup(&c->arena, &copy, secret))
		return WR_ENOMEM;
	c->secrets[c->nsecrets++] = copy.ptr;
	return 0;
}

/* raw: as it stands in the URI. */
static int add_secrets(struct conninfo *c, struct wr_str raw,
		       const PQconninfoOption *defaults)
{
	int status;

	c->secrets = arena_zalloc(&c->arena, 6, sizeof(*c->secrets));
	if (!c->secrets)
		return WR_ENOMEM;
	status = add_secret(c, raw);
	if (!status)
		status = add_secret(c, str_of(value_of(c, "password")));
	if (!status)
		status = add_secret(c, str_of(value_of(c, "sslpassword")));
	for (; !status && defaults && defaults->keyword; defaults++)
		if (!strcmp(defaults->keyword, "password") ||
		    !strcmp(defaults->keyword, "sslpassword"))
			status = add_secret(c, str_of(defaults->val));
	return status;
}

/* ------------------------------------------------------------ display -- */

static const char *shown(const struct conninfo *c, const char *keyword,
			 const PQconninfoOption *defaults)
{
	if (value_of(c, keyword))
		return value_of(c, keyword);
	for (; defaults && defaults->keyword; defaults++)
		if (!strcmp(defaults->keyword, keyword))
			return defaults->val;
	return NULL;
}

/* "a:1,b:2": item i of each list, the last port for all where it is one. */
static void show_hosts(struct buf *b, const char *hosts, const char *ports)
{
	bool one_port = ports && !strchr(ports, ',');

	for (;;) {
		size_t n = strcspn(hosts, ",");
		bool v6 = memchr(hosts, ':', n) != NULL;

		buf_printf(b, v6 ? "[%.*s]" : "%.*s", (int)n, hosts);
		if (ports) {
			size_t m = strcspn(ports, ",");

			if (m)
				buf_printf(b, ":%.*s", (int)m, ports);
			if (!one_port)
				ports += m + (ports[m] == ',');
		}
		if (!hosts[n])
			return;
		buf_putc(b, ',');
		hosts += n + 1;
	}
}

static int make_display(struct conninfo *c, const PQconninfoOption *defaults)
{
	const char *host = shown(c, "host", defaults);
	const char *port = shown(c, "port", defaults);
	const char *database = shown(c, "dbname", defaults);
	struct buf b = { 0 };
	struct wr_str copy = { 0 };
	int status;

	if (!host || !*host)
		host = shown(c, "hostaddr", defaults);
	if (!database)
		database = shown(c, "user", defaults);
	buf_puts(&b, "postgresql://");
	if (host && *host && *host != '/' && *host != '@')
		show_hosts(&b, host, port);
	buf_printf(&b, "/%s", database ? database : "");
	if (host && *host == '/')
		buf_printf(&b, "?host=%s&port=%s", host, port ? port : "");
	status = buf_status(&b);
	if (!status)
		status = arena_dup(&c->arena, &copy, buf_str(&b));
	buf_release(&b);
	c->display = copy.ptr;
	return status;
}

/* ---------------------------------------------------------- all of it -- */

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

/* libpq's parser of text: what it says of errors is not for the world. */
static int parse(struct conninfo *c, const char *text, bool is_uri,
		 struct wr_error *err)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &message);
	int status;

	if (message)
		PQfreemem(message);
	if (!options && is_uri)
		return bad_uri(err);
	if (!options)
		return error_set(err, WR_EINVAL, 0, "postgres",
				 "the connection string is not a list of "
				 "name=value with names that PostgreSQL's "
				 "client library knows; values with blanks are "
				 "written in single quotes");
	status = put_all(c, options);
	PQconninfoFree(options);
	return status ? error_nomem(err, "postgres") : 0;
}

static int parse_uri(struct conninfo *c, struct wr_str text, bool has_driver,
		     struct wr_str *password, struct wr_error *err)
{
	struct uri u = { .info = c, .has_driver = has_driver };
	size_t query = text.len, authority;
	const char *mark;
	int status;

	authority = strcspn(text.ptr, "/?");
	mark = memchr(text.ptr, '?', text.len);
	if (mark)
		query = (size_t)(mark - text.ptr);
	status = check_at_signs(text, authority, err);
	if (status)
		return status;
	*password = raw_password(text, authority);
	u.known = PQconninfoParse("", NULL);
	if (!u.known)
		return error_nomem(err, "postgres");
	buf_puts(&u.rest, "postgresql://");
	buf_add(&u.rest, text.ptr, query);
	if (mark)
		status = add_parameters(
			&u, (struct wr_str){ mark + 1, text.len - query - 1 },
			err);
	if (!status && (buf_status(&u.rest) || buf_status(&u.hosts) ||
			buf_status(&u.ports)))
		status = error_nomem(err, "postgres");
	if (!status)
		status = parse(c, u.rest.ptr, true, err);
	if (!status && u.hosts.len && put(c, "host", u.hosts.ptr))
		status = error_nomem(err, "postgres");
	if (!status && u.ports.len && strspn(u.ports.ptr, ",") != u.ports.len &&
	    put(c, "port", u.ports.ptr))
		status = error_nomem(err, "postgres");
	PQconninfoFree(u.known);
	buf_release(&u.rest);
	buf_release(&u.hosts);
	buf_release(&u.ports);
	return status;
}

static int fill(struct conninfo *c, struct wr_str password,
		struct wr_error *err)
{
	PQconninfoOption *defaults;
	int64_t seconds = 0;
	int status = check_ports(c, err);

	if (status)
		return status;
	defaults = PQconndefaults();
	if (put_ours(c) || add_secrets(c, password, defaults) ||
	    make_display(c, defaults))
		status = error_nomem(err, "postgres");
	if (!status && shown(c, "connect_timeout", defaults))
		str_to_int64(str_of(shown(c, "connect_timeout", defaults)),
			     &seconds);
	if (seconds > 0 && seconds < UINT32_MAX / 1000)
		c->connect_timeout_ms = (uint32_t)seconds * 1000;
	PQconninfoFree(defaults);
	return status;
}

int conninfo_init(struct conninfo *c, const char *location,
		  struct wr_error *err)
{
	struct wr_str password = { "", 0 };
	bool has_driver = false;
	size_t start = location ? uri_start(location, &has_driver) : 0;
	int status;

	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
	c->keywords = arena_zalloc(&c->arena, OPTIONS, sizeof(*c->keywords));
	c->values = arena_zalloc(&c->arena, OPTIONS, sizeof(*c->values));
	if (!c->keywords || !c->values)
		status = error_nomem(err, "postgres");
	else if (start && !strncmp(location + start, "//", 2))
		status = parse_uri(c, str_of(location + start + 2), has_driver,
				   &password, err);
	else if (!start && location && is_pairs(location))
		status = parse(c, location, false, err);
	else
		status = bad_uri(err);
	if (!status)
		status = fill(c, password, err);
	if (status)
		conninfo_release(c);
	return status;
}

void conninfo_release(struct conninfo *c)
{
	if (!c)
		return;
	arena_release(&c->arena);
	memset(c, 0, sizeof(*c));
}

/* ---------------------------------------------------------- redacting -- */

static bool is_letter(char c)
{
	return is_word_char(c) || (c >= 'A' && c <= 'Z') || c < 0;
}

/* One or two letters are everywhere: only where they stand alone. */
static bool is_shown(const char *text, const char *at, const char *secret,
		     size_t n)
{
	return strncmp(at, secret, n) == 0 &&
	       (n > 2 ||
		((at == text || !is_letter(at[-1])) && !is_letter(at[n])));
}

void conninfo_redact(const struct conninfo *c, char *text)
{
	for (size_t i = 0; i < c->nsecrets; i++) {
		const char *secret = c->secrets[i];
		size_t n = strlen(secret), stars = n < 3 ? n : 3;

		if (!n)
			continue;
		for (char *p = text; *p; p++) {
			if (!is_shown(text, p, secret, n))
				continue;
			memset(p, '*', stars);
			memmove(p + stars, p + n, strlen(p + n) + 1);
			p += stars - 1;
		}
	}
}
