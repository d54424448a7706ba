#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "record/digest.h"
#include <stdio.h>
#include <string.h>

static void expect(struct wr_str s, const char *want)
{
	uint8_t out[DIGEST_SIZE];
	char text[2 * DIGEST_SIZE + 1];

	digest_of(s, out);
	for (int i = 0; i < DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", out[i]);
	assert_string_equal(text, want);
}

static void the_vectors_of_fips_180_come_out(void **state)
{
	char *million = mem_alloc(1000000);

	(void)state;
	expect(str_of(""), "e3b0c44298fc1c149afbf4c8996fb924"
			   "27ae41e4649b934ca495991b7852b855");
	expect((struct wr_str){ 0 }, "e3b0c44298fc1c149afbf4c8996fb924"
				     "27ae41e4649b934ca495991b7852b855");
	expect(str_of("abc"), "ba7816bf8f01cfea414140de5dae2223"
			      "b00361a396177a9cb410ff61f20015ad");
	expect(str_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnop"
		      "q"),
	       "248d6a61d20638b8e5c026930c3e6039"
	       "a33ce45964ff2167f6ecedd419db06c1");
	assert_non_null(million);
	memset(million, 'a', 1000000);
	expect((struct wr_str){ million, 1000000 },
	       "cdc76e5c9914fb9281a1c7e284d73e67"
	       "f1809a48a497200e046d39ccc7112cd0");
	mem_free(million);
}

static void the_hash_is_the_first_eight_bytes_on_every_machine(void **state)
{
	(void)state;
	assert_true(digest_hash(str_of("abc")) == 0xba7816bf8f01cfeau);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_fips_180_come_out),
		cmocka_unit_test(
			the_hash_is_the_first_eight_bytes_on_every_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
