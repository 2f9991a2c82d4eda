#include "smtpd/delivery/tls_counters.h"

#include "tests/fakes/clock.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct loop *loop;
static struct tally *tally;
static struct tls_counters counters;

static const struct str lines[] = { { "version: STSv1", 14 },
	{ "mode: enforce", 13 } };
static const struct str patterns[] = { { "*.a.test", 8 } };

static struct tls_attempt attempt;

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	fake_pairs_open(loop);
	fake_clock.wall_ms = 20777 * (int64_t)86400000;
	tally = tally_open(loop, fake_pairs.store, &tls_counters_kind);
	tls_counters_init(&counters, tally);
	attempt = (struct tls_attempt){
		.recipients = STR("a.test"),
		.domain = STR("a.test"),
		.type = TLS_POLICY_STS,
		.string_count = 2,
		.strings = lines,
		.mx_count = 1,
		.mx = patterns,
		.sender = { 4, { 192, 0, 2, 1 } },
		.host = STR("mx.a.test"),
		.receiver = { 4, { 192, 0, 2, 2 } },
		.result = TLS_REPORT_EXPIRED,
		.reason = STR("expired"),
	};
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	tally_free(tally);
	fake_loop_settle(loop);
	fake_pairs_close();
	loop_free(loop);
	return 0;
}

static void
tell(void)
{
	counters.listener.attempted(&counters.listener, &attempt);
}

static void
look(struct row_sheet *sheet)
{
	const struct tally_topic *topic =
	    tally_find(tally, 20777, STR("a.test"));
	assert_non_null(topic);
	tally_copy(tally, topic, sheet);
}

static void
an_attempt_is_a_row(void **state)
{
	(void)state;
	struct row_sheet sheet;
	struct tls_row row;
	tell();
	tell();
	look(&sheet);
	assert_int_equal(sheet.count, 1);
	assert_int_equal(sheet.rows[0].count, 2);
	assert_true(tls_row_decode(buf_str(&sheet.rows[0].key), &row));
	assert_int_equal(row.day, 20777);
	assert_int_equal(row.type, TLS_POLICY_STS);
	assert_int_equal(row.string_count, 2);
	assert_true(str_eq(row.strings[1], lines[1]));
	assert_true(str_eq(row.mx[0], patterns[0]));
	assert_true(str_eq(row.result, STR("certificate-expired")));
	assert_true(ip_eq(row.sender, attempt.sender));
	assert_true(str_eq(row.host, attempt.host));
	assert_true(ip_eq(row.receiver, attempt.receiver));
	assert_true(str_eq(row.reason, attempt.reason));
	row_sheet_free(&sheet);
}

static void
what_went_well_is_one_row_for_all_hosts(void **state)
{
	(void)state;
	struct row_sheet sheet;
	struct tls_row row;
	attempt.result = TLS_REPORT_SUCCESS;
	tell();
	attempt.host = STR("mx2.a.test");
	tell();
	look(&sheet);
	assert_int_equal(sheet.count, 1);
	assert_int_equal(sheet.rows[0].count, 2);
	assert_true(tls_row_decode(buf_str(&sheet.rows[0].key), &row));
	assert_true(str_empty(row.result));
	row_sheet_free(&sheet);
}

static void
a_hostile_policy_costs_little(void **state)
{
	(void)state;
	static struct str many[1000];
	static char text[4000];
	struct row_sheet sheet;
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < 1000; i++)
		many[i] = (struct str){ text, sizeof text };
	attempt.strings = attempt.mx = many;
	attempt.string_count = attempt.mx_count = 1000;
	tell();
	look(&sheet);
	assert_in_range(sheet.rows[0].key.n, 1000, 6000);
	row_sheet_free(&sheet);
}

static void
one_domain_cant_fill_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TLS_COUNTERS_DOMAIN_ROWS + 3; i++) {
		attempt.receiver.bytes[2] = (uint8_t)(i >> 8);
		attempt.receiver.bytes[3] = (uint8_t)i;
		tell();
	}
	assert_int_equal(tally_dropped(tally), 3);
	attempt.recipients = attempt.domain = STR("b.test");
	tell();
	assert_int_equal(tally_dropped(tally), 3);
}

static void
a_failure_of_a_good_session_has_its_reason(void **state)
{
	(void)state;
	static const struct {
		enum tls_report result;
		enum tls_policy_type type;
		const char *given, *kept;
	} cases[] = {
		{ TLS_REPORT_TLSA_INVALID, TLS_POLICY_TLSA, "",
		    "None of the TLSA records can be used" },
		{ TLS_REPORT_VALIDATION, TLS_POLICY_STS, "",
		    "The policy doesn't name this MX host" },
		{ TLS_REPORT_VALIDATION, TLS_POLICY_STS, "alert", "alert" },
		{ TLS_REPORT_VALIDATION, TLS_POLICY_NONE, "", "" },
		{ TLS_REPORT_EXPIRED, TLS_POLICY_STS, "", "" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct row_sheet sheet;
		struct tls_row row;
		fake_clock.wall_ms = (20777 + (int64_t)i * 10) * 86400000;
		attempt.result = cases[i].result;
		attempt.type = cases[i].type;
		attempt.reason = str_of(cases[i].given);
		tell();
		tally_copy(tally, tally_next(tally, NULL), &sheet);
		assert_true(tls_row_decode(buf_str(&sheet.rows[0].key), &row));
		assert_true(str_eq(row.reason, str_of(cases[i].kept)));
		row_sheet_free(&sheet);
	}
}

/* RFC 8460 1.1: both may have a TLSRPT record, and the first is the one that
   domains have. */
static void
tlsa_records_concern_the_domain_and_the_host(void **state)
{
	(void)state;
	attempt.type = TLS_POLICY_TLSA;
	attempt.domain = STR("mx.a.test");
	tell();
	static const char *const domains[] = { "a.test", "mx.a.test" };
	for (size_t i = 0; i < 2; i++) {
		struct row_sheet sheet;
		struct tls_row row;
		const struct tally_topic *topic =
		    tally_find(tally, 20777, str_of(domains[i]));
		assert_non_null(topic);
		tally_copy(tally, topic, &sheet);
		assert_int_equal(sheet.count, 1);
		assert_true(tls_row_decode(buf_str(&sheet.rows[0].key), &row));
		assert_true(str_eq(row.domain, str_of(domains[i])));
		assert_true(str_eq(row.policy_domain, STR("mx.a.test")));
		row_sheet_free(&sheet);
	}
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(an_attempt_is_a_row),
		CASE(what_went_well_is_one_row_for_all_hosts),
		CASE(a_hostile_policy_costs_little),
		CASE(one_domain_cant_fill_it),
		CASE(a_failure_of_a_good_session_has_its_reason),
		CASE(tlsa_records_concern_the_domain_and_the_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
