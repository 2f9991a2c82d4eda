#include "lib/trust/dane.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct dane_set set;
static char digest[65];

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct dns_record
tlsa(uint8_t usage, uint8_t selector, uint8_t matching, size_t n)
{
	return (struct dns_record){
		.type = DNS_TLSA,
		.tlsa = { usage, selector, matching, { digest, n } },
	};
}

static enum dane_status
judge(enum dns_status status, bool authentic, size_t count,
    const struct dns_record *records)
{
	const struct dns_answer answer = {
		.status = status,
		.authentic = authentic,
		.count = count,
		.records = records,
	};
	dane_read(&answer, &arena, &set);
	return set.status;
}

/* RFC 7672 2.1.1 */
static void
the_answer_says_what_counts(void **state)
{
	(void)state;
	const struct dns_record good = tlsa(3, 1, 1, 32);
	assert_int_equal(judge(DNS_FOUND, true, 1, &good), DANE_USABLE);
	assert_int_equal(judge(DNS_FOUND, false, 1, &good), DANE_INSECURE);
	assert_int_equal(set.count, 0);
	assert_int_equal(judge(DNS_NODATA, true, 0, NULL), DANE_ABSENT);
	assert_int_equal(judge(DNS_NXDOMAIN, true, 0, NULL), DANE_ABSENT);
	assert_int_equal(judge(DNS_NXDOMAIN, false, 0, NULL), DANE_INSECURE);
	assert_int_equal(judge(DNS_TEMPFAIL, false, 0, NULL), DANE_BOGUS);
}

/* RFC 7672 2.2, 3.1 */
static void
records_are_usable_or_not(void **state)
{
	static const struct {
		uint8_t usage, selector, matching;
		size_t n;
		bool usable;
	} rows[] = {
		{ 3, 1, 1, 32, true },
		{ 3, 0, 1, 32, true },
		{ 2, 0, 1, 32, true },
		{ 2, 1, 2, 64, true },
		{ 3, 1, 0, 65, false },
		{ 2, 0, 0, 65, false },
		{ 0, 0, 1, 32, false },
		{ 1, 1, 1, 32, false },
		{ 4, 1, 1, 32, false },
		{ 255, 1, 1, 32, false },
		{ 3, 2, 1, 32, false },
		{ 3, 1, 3, 32, false },
		{ 3, 1, 1, 31, false },
		{ 3, 1, 1, 33, false },
		{ 3, 1, 2, 32, false },
		{ 3, 1, 0, 0, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct dns_record r = tlsa(rows[i].usage,
		    rows[i].selector, rows[i].matching, rows[i].n);
		assert_int_equal(judge(DNS_FOUND, true, 1, &r),
		    rows[i].usable ? DANE_USABLE : DANE_UNUSABLE);
		assert_int_equal(set.count, rows[i].usable);
	}
}

/* RFC 6698 2.1.3: a key as it is, of Ed25519 (RFC 8410 10.1) */
static void
a_whole_key_is_usable(void **state)
{
	static const char key[] =
	    "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00\x19\xbf\x44"
	    "\x09\x69\x84\xcd\xfe\x85\x41\xba\xc1\x67\xdc\x3b\x96\xc8\x50"
	    "\x86\xaa\x30\xb6\xb6\xcb\x0c\x5c\x38\xad\x70\x31\x66\xe1!";
	(void)state;
	for (size_t n = 43; n <= 45; n++) {
		struct dns_record r = tlsa(3, 1, 0, n);
		r.tlsa.data.p = key;
		assert_int_equal(judge(DNS_FOUND, true, 1, &r),
		    n == 44 ? DANE_USABLE : DANE_UNUSABLE);
	}
}

static void
one_usable_record_suffices(void **state)
{
	(void)state;
	const struct dns_record records[] = { tlsa(1, 1, 1, 32),
		tlsa(3, 1, 1, 5), tlsa(3, 1, 1, 32) };
	assert_int_equal(judge(DNS_FOUND, true, 3, records), DANE_USABLE);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.records[0].tlsa.data.n, 32);
}

static void
a_set_has_a_limit(void **state)
{
	struct dns_record records[DANE_RECORDS + 1];
	(void)state;
	for (size_t i = 0; i <= DANE_RECORDS; i++)
		records[i] = tlsa(3, 1, 1, 32);
	judge(DNS_FOUND, true, DANE_RECORDS + 1, records);
	assert_int_equal(set.count, DANE_RECORDS);
}

static void
the_name_has_the_port(void **state)
{
	(void)state;
	assert_str(dane_name(STR("mx.example.com"), 25, &arena),
	    STR("_25._tcp.mx.example.com"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    the_answer_says_what_counts, teardown),
		cmocka_unit_test_teardown(records_are_usable_or_not, teardown),
		cmocka_unit_test_teardown(a_whole_key_is_usable, teardown),
		cmocka_unit_test_teardown(one_usable_record_suffices, teardown),
		cmocka_unit_test_teardown(a_set_has_a_limit, teardown),
		cmocka_unit_test_teardown(the_name_has_the_port, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
