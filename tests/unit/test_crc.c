#include "lib/base/crc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* By its definition, bit by bit. */
static uint32_t
by_bits(struct str s)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static char bytes[300];

/* RFC 3720 B.4 */
static void
vectors_of_the_rfc_are_met(void **state)
{
	(void)state;
	char zeros[32] = { 0 }, ones[32], rising[32], falling[32];
	for (int i = 0; i < 32; i++) {
		ones[i] = (char)0xff;
		rising[i] = (char)i;
		falling[i] = (char)(31 - i);
	}
	assert_int_equal(crc32c(0, (struct str){ zeros, 32 }), 0x8a9136aa);
	assert_int_equal(crc32c(0, (struct str){ ones, 32 }), 0x62a8ab43);
	assert_int_equal(crc32c(0, (struct str){ rising, 32 }), 0x46dd794e);
	assert_int_equal(crc32c(0, (struct str){ falling, 32 }), 0x113fdb5c);
	assert_int_equal(crc32c(0, STR("123456789")), 0xe3069283);
	assert_int_equal(crc32c(0, (struct str){ NULL, 0 }), 0);
}

static void
every_length_and_alignment_agrees(void **state)
{
	(void)state;
	for (size_t from = 0; from < 9; from++)
		for (size_t n = 0; n < 80; n++) {
			struct str s = { bytes + from, n };
			assert_int_equal(crc32c(0, s), by_bits(s));
		}
}

static void
pieces_add_up(void **state)
{
	(void)state;
	struct str all = { bytes, sizeof(bytes) };
	for (size_t cut = 0; cut <= all.n; cut++) {
		uint32_t crc = crc32c(0, str_sub(all, 0, cut));
		assert_int_equal(
		    crc32c(crc, str_from(all, cut)), crc32c(0, all));
	}
}

static void
a_seed_changes_the_sum(void **state)
{
	(void)state;
	struct str all = { bytes, sizeof(bytes) };
	assert_int_not_equal(crc32c(1, all), crc32c(0, all));
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * i + 7 * i);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_the_rfc_are_met),
		cmocka_unit_test(every_length_and_alignment_agrees),
		cmocka_unit_test(pieces_add_up),
		cmocka_unit_test(a_seed_changes_the_sum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
