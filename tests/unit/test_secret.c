#include "smtpd/local/secret.h"

#include "tests/unit/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct data_folder folder;

static int
set_up(void **state)
{
	(void)state;
	data_folder_make(&folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	data_folder_remove(&folder);
	return 0;
}

static bool
read_text(const char *text, struct secret *secret, const char **why)
{
	struct buf path = { 0 };
	data_folder_write(&folder, "secret", text);
	buf_addf(&path, "%s/config/secret", folder.path);
	bool good = secret_read(secret, buf_cstr(&path), why);
	buf_free(&path);
	return good;
}

#define QUARTER "0123456789abcdef"
#define DIGITS QUARTER QUARTER QUARTER QUARTER

static void
each_label_has_a_key_that_lasts(void **state)
{
	struct secret secret, again;
	uint8_t one[16], two[16], other[16];
	const char *why;
	(void)state;
	assert_true(read_text(DIGITS "\n", &secret, &why));
	assert_int_equal(secret.octets[31], 0xef);
	assert_true(read_text(DIGITS, &again, &why));
	secret_derive(&secret, "srs", one, sizeof one);
	secret_derive(&again, "srs", two, sizeof two);
	secret_derive(&again, "salts", other, sizeof other);
	assert_memory_equal(one, two, sizeof one);
	assert_memory_not_equal(one, other, sizeof one);
}

static void
without_the_file_it_is_random(void **state)
{
	static const char *const bad[] = { "", "\n", QUARTER, DIGITS "00",
		DIGITS "x", NULL };
	struct secret secrets[6] = { 0 };
	const char *why;
	(void)state;
	for (size_t i = 0; i < 6; i++) {
		why = NULL;
		assert_false(read_text(bad[i], &secrets[i], &why));
		assert_non_null(why);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(
			    &secrets[i], &secrets[k], sizeof secrets[i]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_label_has_a_key_that_lasts),
		TEST(without_the_file_it_is_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
