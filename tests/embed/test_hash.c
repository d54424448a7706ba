#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rand.h"
#include "base/str.h"
#include "embed/hash.h"
#include "record/vector.h"
#include <math.h>
#include <string.h>

static void embed(const char *text, float *out)
{
	hash_embed(str_of(text), out, HASH_DIM);
}

static float similarity(const char *left, const char *right)
{
	float a[HASH_DIM], b[HASH_DIM];

	embed(left, a);
	embed(right, b);
	return vector_cosine(a, b, HASH_DIM);
}

static void nearer(const char *text, const char *near, const char *far)
{
	float x = similarity(text, near), y = similarity(text, far);

	if (!(x > y))
		fail_msg("\"%s\": %g to \"%s\", %g to \"%s\"", text, (double)x,
			 near, (double)y, far);
}

static void the_same_text_gives_the_same_vector_of_length_one(void **state)
{
	float a[HASH_DIM], b[HASH_DIM];

	(void)state;
	embed("Some text, with some words.", a);
	embed("Some text, with some words.", b);
	assert_memory_equal(a, b, sizeof(a));
	assert_true(fabsf(vector_norm(a, HASH_DIM) - 1) < 1e-6f);
	/* Case, accents and punctuation do not count. */
	embed("SOME t\xc3\xa9xt with (some) words", b);
	assert_memory_equal(a, b, sizeof(a));
}

/* Stored vectors depend on it: see HASH_MODEL. */
static void the_vector_of_a_text_never_changes(void **state)
{
	float a[8];

	(void)state;
	hash_embed(str_of("the quick brown fox jumps over the lazy dog"), a, 8);
	static const float want[8] = { 0x0p+0f,	       0x1.3b602ap-1f,
				       0x1.f899dep-4f, 0x1.f899dep-2f,
				       0x1.4b24fap-2f, -0x1.f899dep-2f,
				       0x1.f899dep-4f, 0x0p+0f };
	for (int i = 0; i < 8; i++)
		if (a[i] != want[i])
			fail_msg("%d: %.9g, not %.9g", i, (double)a[i],
				 (double)want[i]);
}

static void texts_that_share_words_are_nearer(void **state)
{
	(void)state;
	nearer("create an index on a table", "how to index a table",
	       "the weather in spring");
	nearer("vacuum removes dead rows", "dead rows are removed by vacuum",
	       "the planner reads statistics");
	/* Word pairs: the order counts. */
	nearer("dog bites man", "now dog bites man", "man bites now dog");
	nearer("lock table", "lock table now", "table lock now");
	/* Common words count little. */
	nearer("what is the vacuum of a table", "vacuum table",
	       "what is the name of a man");
}

static void a_text_without_words_is_zero_and_any_other_is_not(void **state)
{
	struct rand_state rnd = { 3 };
	char text[40];
	float a[64];

	(void)state;
	hash_embed(str_of(""), a, 64);
	assert_true(vector_norm(a, 64) == 0);
	hash_embed(str_of(" -- !? "), a, 64);
	assert_true(vector_norm(a, 64) == 0);
	hash_embed(str_of("the"), a, 64);
	assert_true(vector_is_sound(a, 64));
	for (int i = 0; i < 20000; i++) {
		size_t dim = 1 + rand_below(&rnd, 3), n = 1;

		text[0] = (char)('a' + rand_below(&rnd, 26));
		while (n < sizeof(text) && rand_below(&rnd, 12))
			text[n++] = " abcdef"[rand_below(&rnd, 7)];
		hash_embed((struct wr_str){ text, n }, a, dim);
		if (!vector_is_sound(a, dim))
			fail_msg("\"%.*s\" in %zu dimensions", (int)n, text,
				 dim);
	}
}

static void a_long_text_is_near_to_its_half(void **state)
{
	struct rand_state rnd = { 4 };
	struct buf text = { 0 };
	float whole[HASH_DIM], half[HASH_DIM];

	(void)state;
	/* More different features than are counted at a time. */
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "w%llu ",
			   (unsigned long long)rand_below(&rnd, 2000));
	assert_int_equal(buf_status(&text), 0);
	hash_embed(buf_str(&text), whole, HASH_DIM);
	hash_embed((struct wr_str){ text.ptr, text.len / 2 }, half, HASH_DIM);
	assert_true(vector_is_sound(whole, HASH_DIM));
	assert_true(vector_cosine(whole, half, HASH_DIM) > 0.4f);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_same_text_gives_the_same_vector_of_length_one),
		cmocka_unit_test(the_vector_of_a_text_never_changes),
		cmocka_unit_test(texts_that_share_words_are_nearer),
		cmocka_unit_test(
			a_text_without_words_is_zero_and_any_other_is_not),
		cmocka_unit_test(a_long_text_is_near_to_its_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
