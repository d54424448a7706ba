/*
 * What a filter looks like to the server, and keys in order: what can be told
 * without one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/places.h"
#include "backend/postgres/filter_sql.h"
#include "base/rand.h"
#include "base/str.h"
#include "record/url.h"
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 20000, KEYS = 300, LONGEST = 40 };

static uint64_t seed(void)
{
	const char *wanted = getenv("WINDROW_SEED");

	return wanted ? strtoull(wanted, NULL, 10) : 1;
}

/* ---------------------------------------------------------------- hosts -- */

/* PostgreSQL's expressions are POSIX's, as far as these go. */
static bool expression_finds(const char *expression, const char *url)
{
	regex_t compiled;
	bool finds;

	/* Found nowhere: POSIX has no word for that. */
	if (strstr(expression, "(?!)"))
		return false;
	if (regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB))
		fail_msg("no expression: %s", expression);
	finds = !regexec(&compiled, url, 0, NULL, 0);
	regfree(&compiled);
	return finds;
}

static void check_host(const char *host, const char *url)
{
	struct buf expression = { 0 };
	bool is = str_eq(url_host(str_of(url)), str_of(host));

	filter_sql_host(&expression, str_of(host));
	assert_int_equal(buf_status(&expression), 0);
	if (expression_finds(expression.ptr, url) != is)
		fail_msg("%s is %s host of %s, but not by %s", host,
			 is ? "the" : "not the", url, expression.ptr);
	buf_release(&expression);
}

static void a_host_is_found_as_the_reference_finds_it(void **state)
{
	static const char *const hosts[] = { "example.org", "org", "[::1]",
					     "[fe80::1%25eth0]", "a+b" };
	static const char *const urls[] = {
		"https://example.org",
		"https://example.org/",
		"https://example.org:8080/a",
		"https://user:secret@example.org?q",
		"https://example.org@evil.org/",
		"https://a@b@example.org#f",
		"https://evil.org/https://example.org/",
		"https://exampleXorg/",
		"https://www.example.org/",
		"example.org",
		"no url: https://example.org/",
		"://example.org/",
		"http://[::1]/",
		"http://[::1]:80/",
		"http://u@[::1]:80?",
		"http://[::1",
		"http://[fe80::1%25eth0]/",
		"x+y-z.1://a+b/",
	};

	(void)state;
	for (size_t h = 0; h < sizeof(hosts) / sizeof(hosts[0]); h++)
		for (size_t u = 0; u < sizeof(urls) / sizeof(urls[0]); u++)
			check_host(hosts[h], urls[u]);
}

static void random_text(struct rand_state *rand, char *to, const char *letters)
{
	size_t len = 1 + rand_below(rand, 6);

	for (size_t i = 0; i < len; i++)
		to[i] = letters[rand_below(rand, strlen(letters))];
	to[len] = '\0';
}

/* As filter_init() lets hosts through. */
static void random_host(struct rand_state *rand, char *to)
{
	if (rand_below(rand, 2)) {
		random_text(rand, to, "ab.-[]$^*%");
		return;
	}
	to[0] = '[';
	random_text(rand, to + 1, "ab:]]");
}

static void random_hosts_are_found_as_the_reference_finds_them(void **state)
{
	struct rand_state rand = { seed() };
	char host[16], user[16], behind[16], url[80];

	(void)state;
	print_message("WINDROW_SEED=%llu\n", (unsigned long long)seed());
	for (int i = 0; i < ROUNDS; i++) {
		random_host(&rand, host);
		random_text(&rand, user, "a:@/[");
		random_text(&rand, behind, ":1@/?#]");
		snprintf(url, sizeof(url), "%s://%s%s%s",
			 rand_below(&rand, 9) ? "s" : "s:",
			 rand_below(&rand, 2) ? user : "", host,
			 rand_below(&rand, 3) ? behind : "");
		check_host(host, url);
	}
}

/* --------------------------------------------------------------- places -- */

static void keys_are_sorted_by_bytes_and_found_again(void **state)
{
	struct rand_state rand = { seed() };
	static char texts[KEYS][LONGEST];
	static struct place places[KEYS];

	(void)state;
	for (int round = 0; round < 200; round++) {
		size_t n = rand_below(&rand, KEYS), at = 0;

		for (size_t i = 0; i < n; i++) {
			char tail[16];

			random_text(&rand, tail, "ab\xff");
			snprintf(texts[i], LONGEST, "%.*s%s",
				 (int)(rand_below(&rand, 3) * 8),
				 "https://example.org/", tail);
			places[i] = (struct place){ .key = str_of(texts[i]),
						    .i = i };
		}
		places_sort(places, n);
		for (size_t i = 1; i < n; i++)
			assert_true(str_cmp(places[i - 1].key, places[i].key) <=
				    0);
		for (size_t i = 0; i < n; i++) {
			size_t k =
				rand_below(&rand, 2) ? i : rand_below(&rand, n);
			size_t found =
				places_find(places, n, places[k].key, &at);

			assert_true(found < n);
			assert_true(str_eq(places[found].key, places[k].key));
			assert_true(!found || str_cmp(places[found - 1].key,
						      places[k].key) < 0);
			assert_int_equal(
				places_find(places, n, str_of("https"), &at),
				n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_found_as_the_reference_finds_it),
		cmocka_unit_test(
			random_hosts_are_found_as_the_reference_finds_them),
		cmocka_unit_test(keys_are_sorted_by_bytes_and_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
