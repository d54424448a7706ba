#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "record/url.h"
#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

/* Does url become want?  NULL: it is refused. */
static void expect(enum wr_urls mode, const char *url, const char *want)
{
	struct wr_str out, again;
	struct wr_error err = { 0 };
	int status = url_canonical(&out, str_of(url), mode, &arena, &err);

	if (!want) {
		if (status != WR_EDATA)
			print_error("\"%s\" was not refused: %d\n", url,
				    status);
		assert_int_equal(status, WR_EDATA);
		assert_true(strlen(err.message) > 10);
		return;
	}
	if (status)
		print_error("\"%s\": %s\n", url, err.message);
	assert_int_equal(status, 0);
	if (!str_eq(out, str_of(want)))
		print_error("\"%s\" became \"%.*s\", not \"%s\"\n", url,
			    (int)out.len, out.ptr, want);
	assert_true(str_eq(out, str_of(want)));
	assert_int_equal(url_canonical(&again, out, mode, &arena, &err), 0);
	assert_true(str_eq(again, out));
}

static void good(const char *url, const char *want)
{
	expect(WR_URLS_CONSERVATIVE, url, want);
	expect(WR_URLS_DEFAULT, url, want);
}

static void the_examples_of_rfc_3986_come_out_equal(void **state)
{
	(void)state;
	/* Section 6.2.2 and 6.2.3. */
	good("HTTP://www.EXAMPLE.com/", "http://www.example.com/");
	good("http://example.com", "http://example.com/");
	good("http://example.com/", "http://example.com/");
	good("http://example.com:/", "http://example.com/");
	good("http://example.com:80/", "http://example.com/");
	good("https://example.com:443", "https://example.com/");
	good("https://example.com:80", "https://example.com:80/");
	good("eXAMPLE://a/./b/../b/%63/%7bfoo%7d", "example://a/b/c/%7Bfoo%7D");
	good("http://a/%7Esmith/%3a%3A", "http://a/~smith/%3A%3A");
	good("http://a/b#c", "http://a/b");
	good("http://a/b?c#d?e#f", "http://a/b?c");
}

static void dot_segments_are_removed_as_in_section_5_2_4(void **state)
{
	static const char *const pairs[][2] = {
		{ "/a/b/c/./../../g", "/a/g" },
		{ "/b/c/../", "/b/" },
		{ "/b/c/..", "/b/" },
		{ "/b/c/.", "/b/c/" },
		{ "/../../../g", "/g" },
		{ "/./g", "/g" },
		{ "/g.", "/g." },
		{ "/.g", "/.g" },
		{ "/g..", "/g.." },
		{ "/..g", "/..g" },
		{ "/...", "/..." },
		{ "/./g/.", "/g/" },
		{ "/g/./h", "/g/h" },
		{ "/g/../h", "/h" },
		{ "/g;x=1/../y", "/y" },
		{ "/..", "/" },
		{ "/.", "/" },
		{ "//a/..", "//" },
		{ "/a//../b", "/a/b" },
		{ "/%2e%2E/x", "/x" },
		{ "/a/%2e", "/a/" },
		{ "/?a/../b", "/?a/../b" },
		{ "/a?/./", "/a?/./" },
	};
	char url[100], want[100];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		snprintf(url, sizeof(url), "http://a%s", pairs[i][0]);
		snprintf(want, sizeof(want), "http://a%s", pairs[i][1]);
		good(url, want);
	}
}

static void bytes_that_a_url_cannot_hold_are_encoded(void **state)
{
	(void)state;
	good("http://a/b c?d e", "http://a/b%20c?d%20e");
	good("http://a/\"<>\\^`{|}", "http://a/%22%3C%3E%5C%5E%60%7B%7C%7D");
	good("http://a/caf\xc3\xa9", "http://a/caf%C3%A9");
	good("http://a/caf\xe9", "http://a/caf%E9");
	good("http://a/caf%c3%a9", "http://a/caf%C3%A9");
	good("http://a/100%", "http://a/100%25");
	good("http://a/%zz%4", "http://a/%25zz%254");
	good("http://a/%%34%31", "http://a/%2541");
	good("http://a/%2541", "http://a/%2541");
	good("http://a/?q[]=1&r=a+b", "http://a/?q[]=1&r=a+b");
	good("http://a/\x01\x7f", "http://a/%01%7F");
	good(" \t\nhttp://a/b \r\n", "http://a/b");
	good("http://a/long\n\tpath", "http://a/longpath");
	good("http://a?b", "http://a/?b");
	good("http://a/?", "http://a/?");
	good("http://a/b?c?d/../e", "http://a/b?c?d/../e");
}

static void hosts_and_ports_have_one_form(void **state)
{
	(void)state;
	good("http://EXAMPLE.org./x", "http://example.org/x");
	good("http://ex%41mple.org/", "http://example.org/");
	good("http://a:0080/", "http://a/");
	good("http://a:08080/", "http://a:8080/");
	good("http://a:8080/", "http://a:8080/");
	good("http://a:65535/", "http://a:65535/");
	good("http://user:Pass@EXAMPLE.org/", "http://user:Pass@example.org/");
	good("http://a%40b:c@d/", "http://a%40b:c@d/");
	good("http://a@b:c@d/", "http://a%40b:c@d/");
	good("http://@a/", "http://a/");
	good("http://:@a/", "http://a/");
	good("http://[FE80:0::1]:80/", "http://[fe80::1]/");
	good("http://[::1]:81/", "http://[::1]:81/");
	good("http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/");
	good("http://0x7f.1/", "http://127.0.0.1/");
	good("http://1.2.3./", "http://1.2.0.3/");
	good("http://127.0.0.1:80/", "http://127.0.0.1/");
	good("http://my_host.example/", "http://my_host.example/");
	good("ftp://h:21/", "ftp://h/");
	good("wss://h:443/", "wss://h/");
	expect(WR_URLS_CONSERVATIVE, "http://a:65536/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://a:99999999999999999999/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://a:b/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://a b/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://a|b/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://a%2fb/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://a%00b/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://[::1/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://[::1]x/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://[zz]/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://a:b:c/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://good.org\\@evil.org/", NULL);
	expect(WR_URLS_CONSERVATIVE, "http://./", NULL);
}

static void international_hosts_are_kept_in_ascii_whatever_the_locale(
	void **state)
{
	static const char *const locales[] = { "C", "C.UTF-8" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_non_null(setlocale(LC_ALL, locales[i]));
		good("http://b\xc3\xbc"
		     "cher.de/",
		     "http://xn--bcher-kva.de/");
		good("http://B\xc3\x9c"
		     "CHER.de/",
		     "http://xn--bcher-kva.de/");
		good("http://b%C3%BCcher.de/", "http://xn--bcher-kva.de/");
		good("http://xn--bcher-kva.de/", "http://xn--bcher-kva.de/");
		good("http://a\xe3\x80\x82"
		     "b/",
		     "http://a.b/");
		/* Full-width digits: an address in the end. */
		good("http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.1/",
		     "http://127.0.0.1/");
		good("http://\xff/", "http://%FF/");
	}
	setlocale(LC_ALL, "C");
}

static void other_schemes_are_kept_with_their_hosts(void **state)
{
	(void)state;
	good("file:///home/x/../y.html", "file:///home/y.html");
	good("FILE://LocalHost/a", "file:///a");
	good("file://Server/a", "file://server/a");
	good("file://", "file:///");
	good("s3://Bucket/Key", "s3://bucket/Key");
	good("s3://123/Key", "s3://123/Key");
	good("s3://%41%2541%2f%3A/", "s3://a%2541%2F%3A/");
	good("s3://a./", "s3://a./");
	good("a.b+c-1://h:80/", "a.b+c-1://h:80/");
}

static void what_is_no_url_is_refused_with_a_reason(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"\n\t",
		"#",
		"doc-123",
		"www.example.org/x",
		"//example.org/",
		"/path",
		"mailto:x@example.org",
		"http:",
		"http:/",
		"http://",
		"http:///path",
		"http:x",
		"1http://a/",
		"://a",
		"javascript:1",
		"http://?x",
		"http://:80/",
		"http://@/",
		"data:text/html,x",
		"http:\\\\a\\b",
		"x y://example",
	};
	struct wr_error err;
	struct wr_str out;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		expect(WR_URLS_CONSERVATIVE, bad[i], NULL);
		expect(WR_URLS_AGGRESSIVE, bad[i], NULL);
	}
	assert_int_equal(url_canonical(&out, str_of("doc-123"), WR_URLS_DEFAULT,
				       &arena, &err),
			 WR_EDATA);
	assert_string_equal(err.message,
			    "URL \"doc-123\" has no scheme and host; give all "
			    "of it, or a key instead");
	assert_int_equal(url_canonical(&out, (struct wr_str){ 0 },
				       WR_URLS_AS_GIVEN, &arena, &err),
			 WR_EDATA);
}

static void a_url_may_have_2048_bytes_and_no_more(void **state)
{
	char url[URL_MAX + 4000];
	struct wr_error err;
	struct wr_str out;

	(void)state;
	memset(url, 'a', sizeof(url));
	memcpy(url, "http://a/", 9);
	for (int mode = WR_URLS_DEFAULT; mode <= WR_URLS_AGGRESSIVE; mode++) {
		assert_int_equal(
			url_canonical(&out, (struct wr_str){ url, URL_MAX },
				      (enum wr_urls)mode, &arena, &err),
			0);
		assert_int_equal(out.len, URL_MAX);
		assert_int_equal(
			url_canonical(&out, (struct wr_str){ url, URL_MAX + 1 },
				      (enum wr_urls)mode, &arena, &err),
			WR_EDATA);
		assert_non_null(strstr(err.message, "2049"));
		assert_non_null(strstr(err.message, "2048"));
	}
	/* What counts is the canonical form. */
	url[1000] = '#';
	assert_int_equal(url_canonical(&out,
				       (struct wr_str){ url, sizeof(url) },
				       WR_URLS_DEFAULT, &arena, &err),
			 0);
	assert_int_equal(out.len, 1000);
	memset(url + 100, ' ', 700);
	url[1000] = 'a';
	url[1600] = '#';
	assert_int_equal(url_canonical(&out,
				       (struct wr_str){ url, sizeof(url) },
				       WR_URLS_DEFAULT, &arena, &err),
			 WR_EDATA);
}

static void as_given_changes_nothing(void **state)
{
	static const char *const urls[] = { "HTTP://A:80/../%7e#x", "doc-1",
					    " x ", "?" };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
		expect(WR_URLS_AS_GIVEN, urls[i], urls[i]);
}

static void aggressive_drops_tracking_and_sorts(void **state)
{
	static const char *const pairs[][2] = {
		{ "?b=2&a=1", "?a=1&b=2" },
		{ "?a=2&b=0&a=1", "?a=2&a=1&b=0" },
		{ "?utm_source=x", "" },
		{ "?UTM_Campaign=x&id=7", "?id=7" },
		{ "?utm%5Fsource=x&id=7", "?id=7" },
		{ "?gclid=1&fbclid=2&q=r&_ga=3", "?q=r" },
		{ "?ref=a&source=b&id=c&page=2",
		  "?id=c&page=2&ref=a&source=b" },
		{ "?", "" },
		{ "?&&a&", "?a" },
		{ "?a=1", "?a=1" },
		{ "?a", "?a" },
		{ "?a=&a", "?a=&a" },
		{ "?utm=1", "?utm=1" },
		{ "?gclid", "" },
		{ "?x=utm_source", "?x=utm_source" },
		{ "?b=/../&a=%7e", "?a=~&b=/../" },
		{ "", "" },
	};
	char url[100], want[100];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		snprintf(url, sizeof(url), "http://a/p%s", pairs[i][0]);
		snprintf(want, sizeof(want), "http://a/p%s", pairs[i][1]);
		expect(WR_URLS_AGGRESSIVE, url, want);
		snprintf(url, sizeof(url), "http://A/p%s#x", pairs[i][0]);
		expect(WR_URLS_AGGRESSIVE, url, want);
	}
}

static void a_canonical_url_is_not_copied(void **state)
{
	static const char *const urls[] = {
		"http://example.org/",
		"https://www.example.org:8443/a/b.html?q=a%20b&c=%C3%A9",
		"https://a-b.example.org/~x/.well-known/?u=http://a/../b",
	};
	struct wr_str out;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
		for (int mode = WR_URLS_DEFAULT; mode <= WR_URLS_CONSERVATIVE;
		     mode++) {
			assert_int_equal(url_canonical(&out, str_of(urls[i]),
						       (enum wr_urls)mode, NULL,
						       NULL),
					 0);
			assert_ptr_equal(out.ptr, urls[i]);
		}
}

/* Pieces that, put together at random, make odd URLs. */
static const char *const nasty[] = {
	"http://",
	"https://",
	"HTTP://",
	"s3://",
	"file://",
	"ftp://",
	"/",
	"..",
	".",
	"//",
	"?",
	"#",
	"&",
	"=",
	"%",
	"%2e",
	"%2F",
	"%41",
	"%7E",
	"%zz",
	"%00",
	"@",
	":",
	"80",
	"443",
	"[",
	"]",
	"::1",
	"a",
	"B",
	"example",
	".org",
	"1",
	"0x7f",
	" ",
	"\t",
	"\xc3\xbc",
	"\xc3\x9c",
	"\xff",
	"\xe3\x80\x82",
	"\xef\xbc\x91",
	"utm_a=1",
	"b=2",
	"a=1",
	"\\",
	"~",
	"_",
	"xn--",
	"-",
	"|",
	"'",
	"+",
	"\xe2\x80\x8b",
};

static struct wr_str random_url(struct rand_state *rnd, char text[600])
{
	size_t n = 1 + rand_below(rnd, 14), len = 0;

	if (rand_below(rnd, 10)) {
		len = (size_t)snprintf(text, 600, "%s%s",
				       nasty[rand_below(rnd, 6)],
				       rand_below(rnd, 2) ? "a.b" : "");
	}
	for (size_t i = 0; i < n; i++) {
		if (!rand_below(rnd, 8)) {
			text[len++] = (char)rand_below(rnd, 256);
			continue;
		}
		len += (size_t)snprintf(
			text + len, 600 - len, "%s",
			nasty[rand_below(rnd, sizeof(nasty) / sizeof(*nasty))]);
	}
	return (struct wr_str){ text, len };
}

static void canonicalising_twice_changes_nothing(void **state)
{
	uint64_t seed = 20261123, accepted = 0;
	struct rand_state rnd = { seed };
	char text[600], more[URL_MAX + 2];

	(void)state;
	for (int i = 0; i < 60000; i++) {
		struct wr_str url = random_url(&rnd, text), once, twice;
		enum wr_urls mode = rand_below(&rnd, 2) ? WR_URLS_AGGRESSIVE
							: WR_URLS_CONSERVATIVE;
		struct wr_error err;

		if (url_canonical(&once, url, mode, &arena, &err))
			continue;
		accepted++;
		if (url_canonical(&twice, once, mode, &arena, &err) ||
		    !str_eq(once, twice)) {
			print_error("seed %llu, run %d: \"%.*s\" became "
				    "\"%.*s\"\n",
				    (unsigned long long)seed, i, (int)url.len,
				    url.ptr, (int)once.len, once.ptr);
			fail();
		}
		for (size_t k = 0; k < once.len; k++)
			assert_in_range((unsigned char)once.ptr[k], 0x21, 0x7e);
		/* The fast way and the thorough way agree. */
		memcpy(more, once.ptr, once.len);
		more[once.len] = '#';
		assert_int_equal(
			url_canonical(&twice,
				      (struct wr_str){ more, once.len + 1 },
				      mode, &arena, &err),
			0);
		if (!str_eq(once, twice))
			print_error("\"%.*s\" and \"%.*s\"\n", (int)once.len,
				    once.ptr, (int)twice.len, twice.ptr);
		assert_true(str_eq(once, twice));
		arena_release(&arena);
	}
	assert_true(accepted > 10000);
}

static void the_host_is_found_in_a_canonical_url(void **state)
{
	static const char *const pairs[][2] = {
		{ "http://www.example.org/x", "www.example.org" },
		{ "https://u:p@h:8443/@:", "h" },
		{ "http://[::1]:81/", "[::1]" },
		{ "http://[::1]/", "[::1]" },
		{ "file:///x", "" },
		{ "doc-123", "" },
		{ "", "" },
		{ "http://h", "h" },
		{ "see http://h/", "" },
		{ "://h/", "" },
		{ "http://", "" },
		{ "http://h?x@y", "h" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct wr_str host = url_host(str_of(pairs[i][0]));

		if (!str_eq(host, str_of(pairs[i][1])))
			print_error("\"%s\": \"%.*s\"\n", pairs[i][0],
				    (int)host.len, host.ptr);
		assert_true(str_eq(host, str_of(pairs[i][1])));
	}
	assert_int_equal(url_host((struct wr_str){ 0 }).len, 0);
}

static bool refuse_all(void *arg)
{
	(void)arg;
	return false;
}

static void no_memory_is_said_and_a_canonical_url_needs_none(void **state)
{
	struct wr_error err = { 0 };
	struct wr_str out;

	(void)state;
	mem_set_gate(refuse_all, NULL);
	assert_int_equal(url_canonical(&out, str_of("http://a/b"),
				       WR_URLS_DEFAULT, &arena, &err),
			 0);
	assert_int_equal(url_canonical(&out, str_of("HTTP://a/b"),
				       WR_URLS_DEFAULT, &arena, &err),
			 WR_ENOMEM);
	assert_int_equal(url_canonical(&out, str_of("http://a/?c&b"),
				       WR_URLS_AGGRESSIVE, &arena, &err),
			 WR_ENOMEM);
	mem_set_gate(NULL, NULL);
	assert_int_equal(err.status, WR_ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_examples_of_rfc_3986_come_out_equal),
		TEST(dot_segments_are_removed_as_in_section_5_2_4),
		TEST(bytes_that_a_url_cannot_hold_are_encoded),
		TEST(hosts_and_ports_have_one_form),
		TEST(international_hosts_are_kept_in_ascii_whatever_the_locale),
		TEST(other_schemes_are_kept_with_their_hosts),
		TEST(what_is_no_url_is_refused_with_a_reason),
		TEST(a_url_may_have_2048_bytes_and_no_more),
		TEST(as_given_changes_nothing),
		TEST(aggressive_drops_tracking_and_sorts),
		TEST(a_canonical_url_is_not_copied),
		TEST(canonicalising_twice_changes_nothing),
		TEST(the_host_is_found_in_a_canonical_url),
		TEST(no_memory_is_said_and_a_canonical_url_needs_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
