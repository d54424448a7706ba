#include "backend/postgres/conninfo.h"

#include "backend/postgres/conninfo_uri.h"
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

/* ------------------------------------------------------- the result -- */

enum { OPTIONS = 96, SECRETS = 5 };

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

static int add_secrets(struct conninfo *c, const PQconninfoOption *defaults)
{
	int status = add_secret(c, str_of(value_of(c, "password")));

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
		return uri_is_bad(err);
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

static int parse_uri(struct conninfo *c, const char *text, bool has_driver,
		     struct wr_error *err)
{
	struct uri u;
	int status = uri_init(&u, c, text, has_driver, err);

	if (!status)
		status = parse(c, u.rest.ptr, true, err);
	if (!status && ((u.hosts.len && put(c, "host", u.hosts.ptr)) ||
			(u.has_ports && put(c, "port", u.ports.ptr)) ||
			add_secret(c, u.password)))
		status = error_nomem(err, "postgres");
	uri_release(&u);
	return status;
}

static int fill(struct conninfo *c, struct wr_error *err)
{
	PQconninfoOption *defaults;
	int64_t seconds = 0;
	int status = check_ports(c, err);

	if (status)
		return status;
	defaults = PQconndefaults();
	if (put_ours(c) || add_secrets(c, defaults) ||
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
	bool has_driver = false;
	size_t start = location ? uri_start(location, &has_driver) : 0;
	int status;

	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
	c->keywords = arena_zalloc(&c->arena, OPTIONS, sizeof(*c->keywords));
	c->values = arena_zalloc(&c->arena, OPTIONS, sizeof(*c->values));
	c->secrets = arena_zalloc(&c->arena, SECRETS, sizeof(*c->secrets));
	if (!c->keywords || !c->values || !c->secrets)
		status = error_nomem(err, "postgres");
	else if (start && !strncmp(location + start, "//", 2))
		status = parse_uri(c, location + start + 2, has_driver, err);
	else if (!start && location && is_pairs(location))
		status = parse(c, location, false, err);
	else
		status = uri_is_bad(err);
	if (!status)
		status = fill(c, err);
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
