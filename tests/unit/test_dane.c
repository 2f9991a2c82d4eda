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
	dane_read(&answer, STR("mx.example"), &arena, &set);
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

/* A key of 294 octets: RSA, of 2048 bits, whose modulus is of no matter. */
static struct dns_record
long_key(char der[294])
{
	static const char head[] =
	    "\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
	    "\x01\x01\x05\x00\x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82"
	    "\x01\x01\x00";
	memset(der, 0x7f, 294);
	memcpy(der, head, sizeof head - 1);
	memcpy(der + 289, "\x02\x03\x01\x00\x01", 5);
	struct dns_record r = tlsa(3, 1, 0, 294);
	r.tlsa.data.p = der;
	return r;
}

/* Any of them may be the one that fits; whoever writes them may write many. */
static void
a_set_has_limits(void **state)
{
	enum {
		MANY = 300
	};
	char der[294];
	struct dns_record records[MANY];
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		records[i] = tlsa(i % 2 ? 3 : 1, 1, 1, 32);
	judge(DNS_FOUND, true, MANY, records);
	assert_int_equal(set.count, 64);
	for (size_t i = 0; i < MANY; i++)
		records[i] = long_key(der);
	judge(DNS_FOUND, true, MANY, records);
	assert_int_equal(set.count, 16384 / 294);
}

static void
what_decides(void **state)
{
	(void)state;
	assert_false(dane_decides(DANE_INSECURE));
	assert_false(dane_decides(DANE_ABSENT));
	assert_true(dane_decides(DANE_USABLE));
	assert_true(dane_decides(DANE_UNUSABLE));
	assert_true(dane_decides(DANE_BOGUS));
}

/* RFC 7672 2.2.2 */
static void
records_are_looked_for_under_the_end_of_a_secure_chain_first(void **state)
{
	static const struct {
		const char *alias;
		bool secure, alias_secure;
		const char *first, *second;
	} rows[] = {
		{ "", true, false, "mx.example", NULL },
		{ "", false, false, NULL, NULL },
		{ "", false, true, NULL, NULL },
		{ "real.example", true, false, "real.example", "mx.example" },
		{ "real.example", true, true, "real.example", "mx.example" },
		{ "real.example", false, true, "mx.example", NULL },
		{ "real.example", false, false, NULL, NULL },
		{ "no\\032host.example", true, true, "mx.example", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str bases[DANE_BASES];
		const struct dane_host host = {
			.name = STR("mx.example"),
			.alias = str_of(rows[i].alias),
			.secure = rows[i].secure,
			.alias_secure = rows[i].alias_secure,
		};
		size_t count = dane_bases(&host, bases);
		assert_int_equal(count, !!rows[i].first + !!rows[i].second);
		if (count > 0)
			assert_str(bases[0], str_of(rows[i].first));
		if (count > 1)
			assert_str(bases[1], str_of(rows[i].second));
	}
}

/* RFC 7672 3.2.2 */
static void
a_certificate_may_be_for_the_next_hop(void **state)
{
	static const struct {
		const char *next_hop, *expanded, *first, *second;
	} rows[] = {
		{ "a.example", "", "a.example", "" },
		{ "a.example", "b.example", "a.example", "b.example" },
		{ "a.example", "MX.example", "a.example", "" },
		{ "MX.example", "", "", "" },
		{ "mx.example", "b.example", "b.example", "" },
		{ "a.example", "A.example", "a.example", "" },
		{ "a.example", "no\\032host.example", "a.example", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct dns_record good = tlsa(2, 0, 1, 32);
		judge(DNS_FOUND, true, 1, &good);
		assert_str(set.base, STR("mx.example"));
		dane_add_names(
		    &set, str_of(rows[i].next_hop), str_of(rows[i].expanded));
		assert_str(set.others[0], str_of(rows[i].first));
		assert_str(set.others[1], str_of(rows[i].second));
	}
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
		cmocka_unit_test_teardown(a_set_has_limits, teardown),
		cmocka_unit_test(what_decides),
		cmocka_unit_test(
		    records_are_looked_for_under_the_end_of_a_secure_chain_first),
		cmocka_unit_test_teardown(
		    a_certificate_may_be_for_the_next_hop, teardown),
		cmocka_unit_test_teardown(the_name_has_the_port, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
