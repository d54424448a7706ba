#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rand.h"
#include "base/str.h"
#include "base/text.h"
#include "gate.h"
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FFFD "\xef\xbf\xbd"

static void broken_sequences_are_replaced_by_maximal_subparts(void **state)
{
	static const struct {
		const char *text, *cleaned;
		uint64_t repaired;
	} cases[] = {
		{ "", "", 0 },
		{ "plain", "plain", 0 },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 0 },
		{ "\xf4\x8f\xbf\xbf\xef\xbf\xbf",
		  "\xf4\x8f\xbf\xbf\xef\xbf\xbf", 0 },
		/* Overlong forms, surrogates, beyond U+10FFFF. */
		{ "\xc0\xaf", FFFD FFFD, 2 },
		{ "\xe0\x9f\xbf", FFFD FFFD FFFD, 3 },
		{ "\xf0\x8f\xbf\xbf", FFFD FFFD FFFD FFFD, 4 },
		{ "\xed\xa0\x80\xed\xbf\xbf", FFFD FFFD FFFD FFFD FFFD FFFD,
		  6 },
		{ "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD, 4 },
		{ "\xf8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD, 5 },
		/* The Unicode Standard's own examples, tables 3-8 to 3-11. */
		{ "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41",
		  FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", 8 },
		{ "\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41",
		  FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", 8 },
		{ "\xf4\x91\x92\x93\xff\x41\x80\xbf\x42",
		  FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B", 7 },
		{ "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41",
		  FFFD FFFD FFFD FFFD "A", 4 },
		/* Cut off at the end. */
		{ "a\xc3", "a" FFFD, 1 },
		{ "a\xe2\x82", "a" FFFD, 1 },
		{ "a\xf0\x9f\x98", "a" FFFD, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wr_str s = str_of(cases[i].text);
		uint64_t repaired = 0, nuls = 0;
		struct buf b = { 0 };

		text_clean(&b, s, &repaired, &nuls);
		assert_string_equal(buf_str(&b).ptr, cases[i].cleaned);
		assert_int_equal(repaired, cases[i].repaired);
		assert_int_equal(nuls, 0);
		assert_int_equal(text_is_clean(s), !cases[i].repaired);
		assert_true(text_is_clean(buf_str(&b)));
		buf_release(&b);
	}
}

static void nul_bytes_are_removed_and_counted(void **state)
{
	uint64_t repaired = 0, nuls = 0;
	struct buf b = { 0 };

	(void)state;
	text_clean(&b, (struct wr_str){ "\0a\0\xff\0\0b\0", 8 }, &repaired,
		   &nuls);
	assert_string_equal(b.ptr, "a" FFFD "b");
	assert_int_equal(nuls, 5);
	assert_int_equal(repaired, 1);
	text_clean(&b, (struct wr_str){ 0 }, &repaired, &nuls);
	assert_int_equal(nuls, 5);
	assert_true(text_is_clean((struct wr_str){ 0 }));
	buf_release(&b);
}

/* One character of code point c: how many bytes, 0 if there is no such. */
static size_t encode(uint32_t c, char *to)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return c ? 1 : 0;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return c < 0xd800 || c > 0xdfff ? 3 : 0;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void each_character_is_clean_and_each_of_its_starts_is_not(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x110000; c++) {
		char s[4];
		size_t n = encode(c, s);

		for (size_t len = 1; len < n; len++)
			if (text_is_clean((struct wr_str){ s, len }))
				fail_msg("%zu bytes of U+%04X", len, c);
		if (n && !text_is_clean((struct wr_str){ s, n }))
			fail_msg("U+%04X", c);
	}
}

static void one_bad_byte_is_found_wherever_it_stands(void **state)
{
	static const char bad[] = { '\0', '\x80', '\xff', '\xc3' };

	(void)state;
	for (size_t len = 1; len < 200; len += 7) {
		for (size_t at = 0; at < len; at++) {
			/* Of this size, so that reading too far is seen. */
			char *s = mem_alloc(len);
			struct wr_str text = { s, len };

			memset(s, 'x', len);
			assert_true(text_is_clean(text));
			s[at] = bad[at % sizeof(bad)];
			if (text_is_clean(text))
				fail_msg("byte %zu of %zu", at, len);
			mem_free(s);
		}
	}
}

static void any_bytes_become_clean_text_of_the_same_good_parts(void **state)
{
	struct rand_state rnd = { 77 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char s[120];
		size_t len = rand_below(&rnd, sizeof(s));
		uint64_t repaired = 0, nuls = 0;
		struct buf b = { 0 }, again = { 0 };

		for (size_t k = 0; k < len; k++)
			s[k] = (char)rand_below(&rnd, i % 2 ? 256 : 160);
		text_clean(&b, (struct wr_str){ s, len }, &repaired, &nuls);
		assert_true(text_is_clean(buf_str(&b)));
		assert_int_equal(text_is_clean((struct wr_str){ s, len }),
				 !repaired && !nuls);
		text_clean(&again, buf_str(&b), &repaired, &nuls);
		assert_true(str_eq(buf_str(&b), buf_str(&again)));
		buf_release(&b);
		buf_release(&again);
	}
}

static void cleaning_without_memory_says_so(void **state)
{
	uint64_t repaired = 0, nuls = 0;
	struct buf b = { 0 };
	struct gate g;

	(void)state;
	gate_close(&g, 1);
	text_clean(&b,
		   str_of("a\xff"
			  "b"),
		   &repaired, &nuls);
	mem_set_gate(NULL, NULL);
	assert_int_equal(buf_status(&b), WR_ENOMEM);
	buf_release(&b);
}

/* All words in brackets: raw, and folded where that differs. */
static void check_words(const char *text, const char *expected)
{
	struct text_words w;
	struct text_word word;
	struct buf b = { 0 };

	text_words_init(&w, str_of(text));
	while (text_words_next(&w, &word)) {
		buf_putc(&b, '[');
		buf_add_str(&b, word.raw);
		if (!str_eq(word.raw, word.folded)) {
			buf_putc(&b, '|');
			buf_add_str(&b, word.folded);
		}
		buf_putc(&b, ']');
	}
	assert_false(text_words_next(&w, &word));
	assert_string_equal(buf_str(&b).ptr, expected);
	buf_release(&b);
}

static void words_are_runs_of_letters_marks_and_digits(void **state)
{
	(void)state;
	check_words("", "");
	check_words(" .,;-_ ", "");
	check_words("Hello, world! x2", "[Hello|hello][world][x2]");
	check_words("pg_stat_activity don't", "[pg][stat][activity][don][t]");
	check_words("\xf0\x9f\x98\x80ok\xf0\x9f\x98\x80", "[ok]");
	check_words("\xcc\x81 a", "[a]");
	check_words("soft\xc2\xadhyphen", "[soft\xc2\xadhyphen|softhyphen]");
	check_words("end\xc2\xad x", "[end][x]");
}

static void words_are_folded_and_lose_their_accents(void **state)
{
	(void)state;
	check_words("\xc3\x9c"
		    "BER Stra\xc3\x9f"
		    "e",
		    "[\xc3\x9c"
		    "BER|uber][Stra\xc3\x9f"
		    "e|strasse]");
	check_words("caf\xc3\xa9 cafe\xcc\x81",
		    "[caf\xc3\xa9|cafe][cafe\xcc\x81|cafe]");
	/* The Turkish capital I, a ligature, a Roman number, a fraction. */
	check_words("\xc4\xb0 \xef\xac\x81n \xe2\x85\xa3 \xc2\xbd",
		    "[\xc4\xb0|i][\xef\xac\x81n|fin][\xe2\x85\xa3|iv]"
		    "[\xc2\xbd|12]");
	/* Both forms of a small sigma. */
	check_words("\xcf\x82 \xce\xa3",
		    "[\xcf\x82|\xcf\x83][\xce\xa3|\xcf\x83]");
	/* Full-width letters. */
	check_words("\xef\xbc\xa1\xef\xbd\x81",
		    "[\xef\xbc\xa1\xef\xbd\x81|aa]");
}

static void marks_that_make_another_word_stay(void **state)
{
	(void)state;
	/* Devanagari ke; Thai thi. */
	check_words("\xe0\xa4\x95\xe0\xa5\x87", "[\xe0\xa4\x95\xe0\xa5\x87]");
	check_words("\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88",
		    "[\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88]");
	/* Arabic vowel signs go. */
	check_words("\xd9\x85\xd9\x8f\xd8\xad",
		    "[\xd9\x85\xd9\x8f\xd8\xad|\xd9\x85\xd8\xad]");
}

static void an_ideograph_or_kana_is_a_word(void **state)
{
	(void)state;
	check_words("abc\xe6\xbc\xa2\xe5\xad\x97"
		    "def",
		    "[abc][\xe6\xbc\xa2][\xe5\xad\x97][def]");
	check_words("\xe3\x82\xab\xe3\x81\xae", "[\xe3\x82\xab][\xe3\x81\xae]");
	/* ga: composed, with a mark, and in half width. */
	check_words("\xe3\x81\x8c \xe3\x81\x8b\xe3\x82\x99 "
		    "\xef\xbd\xb6\xef\xbe\x9e",
		    "[\xe3\x81\x8c|\xe3\x81\x8b\xe3\x82\x99]"
		    "[\xe3\x81\x8b\xe3\x82\x99]"
		    "[\xef\xbd\xb6\xef\xbe\x9e|\xe3\x82\xab\xe3\x82\x99]");
	/* Hangul is written with blanks, composed or not. */
	check_words("\xea\xb0\x80 \xe1\x84\x80\xe1\x85\xa1",
		    "[\xea\xb0\x80|\xe1\x84\x80\xe1\x85\xa1]"
		    "[\xe1\x84\x80\xe1\x85\xa1]");
}

static void a_long_word_is_cut_between_characters(void **state)
{
	char text[1300] = "a";
	struct text_words w;
	struct text_word word;

	(void)state;
	for (size_t i = 1; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xd1\x8f", 3); /* ya, of two bytes */
	text_words_init(&w, str_of(text));
	assert_true(text_words_next(&w, &word));
	assert_int_equal(word.raw.len, strlen(text));
	assert_int_equal(word.folded.len, 255);
	assert_true(text_is_clean(word.folded));
	assert_false(text_words_next(&w, &word));
}

static void words_of_any_bytes_stay_inside_the_text(void **state)
{
	struct rand_state rnd = { 6 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = rand_below(&rnd, 60);
		char *s = mem_alloc(len);
		const char *end = s;
		struct text_words w;
		struct text_word word;

		for (size_t k = 0; k < len; k++)
			s[k] = (char)rand_below(&rnd, 256);
		text_words_init(&w, (struct wr_str){ s, len });
		while (text_words_next(&w, &word)) {
			assert_true(word.raw.ptr >= end);
			assert_true(word.raw.len > 0);
			end = word.raw.ptr + word.raw.len;
			assert_true(end <= s + len);
			assert_true(text_is_clean(word.folded));
		}
		mem_free(s);
	}
}

static void folding_a_folded_word_changes_nothing(void **state)
{
	(void)state;
	for (uint32_t c = 0x21; c < 0x30000; c++) {
		char s[4], once[256];
		struct text_words w;
		struct text_word word;
		size_t n = encode(c, s), len;

		text_words_init(&w, (struct wr_str){ s, n });
		if (!n || !text_words_next(&w, &word))
			continue;
		len = word.folded.len;
		memcpy(once, word.folded.ptr, len);
		text_words_init(&w, (struct wr_str){ once, len });
		/* A mark alone is no word; some letters are one of those. */
		if (!text_words_next(&w, &word))
			continue;
		if (word.raw.len == len &&
		    !str_eq(word.folded, (struct wr_str){ once, len }))
			fail_msg("U+%04X", c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			broken_sequences_are_replaced_by_maximal_subparts),
		cmocka_unit_test(nul_bytes_are_removed_and_counted),
		cmocka_unit_test(
			each_character_is_clean_and_each_of_its_starts_is_not),
		cmocka_unit_test(one_bad_byte_is_found_wherever_it_stands),
		cmocka_unit_test(
			any_bytes_become_clean_text_of_the_same_good_parts),
		cmocka_unit_test(cleaning_without_memory_says_so),
		cmocka_unit_test(words_are_runs_of_letters_marks_and_digits),
		cmocka_unit_test(words_are_folded_and_lose_their_accents),
		cmocka_unit_test(marks_that_make_another_word_stay),
		cmocka_unit_test(an_ideograph_or_kana_is_a_word),
		cmocka_unit_test(a_long_word_is_cut_between_characters),
		cmocka_unit_test(words_of_any_bytes_stay_inside_the_text),
		cmocka_unit_test(folding_a_folded_word_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
