#include "smtpd/delivery/tls_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One letter for each outcome, in the order of the columns:
   s sends, p sends in plain text, - goes to the next host. */
static const enum tls_outcome columns[] = { TLS_NO_STARTTLS, TLS_NO_HANDSHAKE,
	TLS_WRONG_NAME, TLS_EXPIRED, TLS_UNTRUSTED, TLS_NO_MATCH, TLS_GOOD };

enum {
	COLUMNS = sizeof columns / sizeof *columns
};

static const struct {
	enum dane_status dane;
	enum sts_mode sts;
	bool listed;
	const char *actions;
} rows[] = {
	{ DANE_INSECURE, STS_NONE, false, "ppsssss" },
	{ DANE_INSECURE, STS_TESTING, true, "ppsssss" },
	{ DANE_INSECURE, STS_TESTING, false, "ppsssss" },
	{ DANE_INSECURE, STS_ENFORCE, true, "------s" },
	{ DANE_INSECURE, STS_ENFORCE, false, "-------" },
	{ DANE_ABSENT, STS_NONE, false, "ppsssss" },
	{ DANE_ABSENT, STS_TESTING, true, "ppsssss" },
	{ DANE_ABSENT, STS_TESTING, false, "ppsssss" },
	{ DANE_ABSENT, STS_ENFORCE, true, "------s" },
	{ DANE_ABSENT, STS_ENFORCE, false, "-------" },
	{ DANE_USABLE, STS_NONE, false, "------s" },
	{ DANE_USABLE, STS_TESTING, true, "------s" },
	{ DANE_USABLE, STS_TESTING, false, "------s" },
	{ DANE_USABLE, STS_ENFORCE, true, "------s" },
	{ DANE_USABLE, STS_ENFORCE, false, "------s" },
	{ DANE_UNUSABLE, STS_NONE, false, "--sssss" },
	{ DANE_UNUSABLE, STS_TESTING, true, "--sssss" },
	{ DANE_UNUSABLE, STS_TESTING, false, "--sssss" },
	{ DANE_UNUSABLE, STS_ENFORCE, true, "------s" },
	{ DANE_UNUSABLE, STS_ENFORCE, false, "-------" },
	{ DANE_BOGUS, STS_NONE, false, "-------" },
	{ DANE_BOGUS, STS_TESTING, true, "-------" },
	{ DANE_BOGUS, STS_TESTING, false, "-------" },
	{ DANE_BOGUS, STS_ENFORCE, true, "-------" },
	{ DANE_BOGUS, STS_ENFORCE, false, "-------" },
};

/* RFC 8689 2: what proves a host for REQUIRETLS, with an MX that isn't secure
   and with one that is. */
static const struct {
	enum dane_status dane;
	enum sts_mode sts;
	bool listed;
	const char *weak, *named;
} proofs[] = {
	{ DANE_INSECURE, STS_NONE, false, "none", "certificate" },
	{ DANE_INSECURE, STS_TESTING, true, "sts", "sts" },
	{ DANE_INSECURE, STS_TESTING, false, "none", "certificate" },
	{ DANE_INSECURE, STS_ENFORCE, true, "sts", "sts" },
	{ DANE_INSECURE, STS_ENFORCE, false, "none", "none" },
	{ DANE_ABSENT, STS_NONE, false, "none", "certificate" },
	{ DANE_ABSENT, STS_TESTING, true, "sts", "sts" },
	{ DANE_ABSENT, STS_TESTING, false, "none", "certificate" },
	{ DANE_ABSENT, STS_ENFORCE, true, "sts", "sts" },
	{ DANE_ABSENT, STS_ENFORCE, false, "none", "none" },
	{ DANE_USABLE, STS_NONE, false, "dane", "dane" },
	{ DANE_USABLE, STS_TESTING, true, "dane", "dane" },
	{ DANE_USABLE, STS_TESTING, false, "dane", "dane" },
	{ DANE_USABLE, STS_ENFORCE, true, "dane", "dane" },
	{ DANE_USABLE, STS_ENFORCE, false, "dane", "dane" },
	{ DANE_UNUSABLE, STS_NONE, false, "none", "certificate" },
	{ DANE_UNUSABLE, STS_TESTING, true, "sts", "sts" },
	{ DANE_UNUSABLE, STS_TESTING, false, "none", "certificate" },
	{ DANE_UNUSABLE, STS_ENFORCE, true, "sts", "sts" },
	{ DANE_UNUSABLE, STS_ENFORCE, false, "none", "none" },
	{ DANE_BOGUS, STS_NONE, false, "none", "none" },
	{ DANE_BOGUS, STS_TESTING, true, "none", "none" },
	{ DANE_BOGUS, STS_TESTING, false, "none", "none" },
	{ DANE_BOGUS, STS_ENFORCE, true, "none", "none" },
	{ DANE_BOGUS, STS_ENFORCE, false, "none", "none" },
};

enum {
	ROWS = sizeof rows / sizeof *rows
};

static struct tls_demand
demand(size_t row, enum tls_wish wish)
{
	return (struct tls_demand){
		.wish = wish,
		.dane = rows[row].dane,
		.sts = rows[row].sts,
		.listed = rows[row].listed,
	};
}

static char
letter(struct tls_demand d, size_t column)
{
	static const char letters[] = {
		[TLS_SEND] = 's',
		[TLS_SEND_IN_PLAIN] = 'p',
		[TLS_NEXT_HOST] = '-',
	};
	return letters[tls_policy(d, columns[column]).action];
}

/* Both tables have each combination once; without a policy no host is
   listed. */
static void
no_combination_is_missing(void **state)
{
	enum {
		PER_DANE = 5
	};
	(void)state;
	assert_int_equal(ROWS, (DANE_BOGUS + 1) * PER_DANE);
	assert_int_equal(sizeof proofs / sizeof *proofs, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		size_t kind = i % PER_DANE;
		enum sts_mode mode = kind == 0 ? STS_NONE
		    : kind < 3		       ? STS_TESTING
					       : STS_ENFORCE;
		assert_int_equal(rows[i].dane, i / PER_DANE);
		assert_int_equal(rows[i].sts, mode);
		assert_int_equal(rows[i].listed, kind % 2);
		assert_int_equal(proofs[i].dane, rows[i].dane);
		assert_int_equal(proofs[i].sts, rows[i].sts);
		assert_int_equal(proofs[i].listed, rows[i].listed);
	}
}

static void
every_combination_does_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		char actions[COLUMNS + 1] = "";
		for (size_t k = 0; k < COLUMNS; k++)
			actions[k] = letter(demand(i, TLS_WISH_NONE), k);
		assert_string_equal(actions, rows[i].actions);
	}
}

/* RFC 8689 4.2.2 */
static void
a_sender_may_do_without(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (size_t k = 0; k < COLUMNS; k++)
			assert_int_not_equal(
			    letter(demand(i, TLS_WISH_OPTIONAL), k), '-');
}

/* Whoever can't be proven isn't met; the rest must have all right. */
static void
check_insisting(struct tls_demand d, const char *proof)
{
	struct tls_need need = tls_need(d);
	bool met = strcmp(proof, "none") != 0;
	assert_string_equal(need.proof, proof);
	assert_int_equal(need.refusal == TLS_NOT_REFUSED, met);
	assert_int_equal(need.announced, met && d.wish == TLS_WISH_REQUIRED);
	for (size_t k = 0; k < COLUMNS; k++)
		assert_int_equal(
		    letter(d, k), met && columns[k] == TLS_GOOD ? 's' : '-');
}

static void
a_sender_may_insist(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++)
		for (int report = 0; report < 2; report++) {
			struct tls_demand d = {
				.wish = report ? TLS_WISH_PROVEN
					       : TLS_WISH_REQUIRED,
				.dane = proofs[i].dane,
				.sts = proofs[i].sts,
				.listed = proofs[i].listed,
			};
			check_insisting(d, proofs[i].weak);
			d.named = true;
			check_insisting(d, proofs[i].named);
		}
}

/* It is for REQUIRETLS alone that the MX matters. */
static void
a_name_proves_nothing_by_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (size_t k = 0; k < COLUMNS; k++) {
			struct tls_demand d = demand(i, TLS_WISH_NONE);
			d.named = true;
			assert_int_equal(letter(d, k), rows[i].actions[k]);
			assert_false(tls_need(d).announced);
		}
}

/* Where a bad certificate ends the attempt, it is looked at before MAIL; and
   what may go in plain text isn't forced into TLS. */
static void
the_need_agrees_with_the_actions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct tls_need need = tls_need(demand(i, TLS_WISH_NONE));
		const char *a = rows[i].actions;
		assert_int_equal(
		    need.refusal != TLS_NOT_REFUSED, strcmp(a, "-------") == 0);
		if (need.refusal != TLS_NOT_REFUSED)
			continue;
		assert_int_equal(need.encrypted, a[0] == '-');
		assert_int_equal(need.check == TLS_CHECK_PKIX ||
			need.check == TLS_CHECK_DANE,
		    a[2] == '-');
	}
}

static const struct {
	struct tls_demand demand;
	enum tls_outcome outcome;
	const char *name;
} reports[] = {
	{ { .dane = DANE_ABSENT }, TLS_GOOD, "success" },
	{ { .dane = DANE_ABSENT }, TLS_NO_STARTTLS, "starttls-not-supported" },
	{ { .dane = DANE_ABSENT }, TLS_WRONG_NAME, "success" },
	{ { .sts = STS_TESTING, .listed = true }, TLS_GOOD, "success" },
	{ { .sts = STS_TESTING }, TLS_GOOD, "validation-failure" },
	{ { .sts = STS_TESTING, .listed = true }, TLS_WRONG_NAME,
	    "certificate-host-mismatch" },
	{ { .sts = STS_TESTING, .listed = true }, TLS_EXPIRED,
	    "certificate-expired" },
	{ { .sts = STS_ENFORCE, .listed = true }, TLS_UNTRUSTED,
	    "certificate-not-trusted" },
	{ { .sts = STS_ENFORCE }, TLS_GOOD, "validation-failure" },
	{ { .dane = DANE_USABLE }, TLS_NO_MATCH, "validation-failure" },
	{ { .dane = DANE_USABLE }, TLS_NO_HANDSHAKE, "validation-failure" },
	{ { .dane = DANE_BOGUS }, TLS_GOOD, "dnssec-invalid" },
	{ { .dane = DANE_UNUSABLE }, TLS_GOOD, "tlsa-invalid" },
	{ { .dane = DANE_UNUSABLE }, TLS_WRONG_NAME, "tlsa-invalid" },
	{ { .dane = DANE_UNUSABLE }, TLS_NO_STARTTLS,
	    "starttls-not-supported" },
	{ { .dane = DANE_UNUSABLE, .sts = STS_ENFORCE, .listed = true },
	    TLS_EXPIRED, "certificate-expired" },
};

static void
reports_call_it_by_its_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
		assert_string_equal(tls_report_name(tls_policy(
					reports[i].demand, reports[i].outcome)
							.report),
		    reports[i].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_combination_is_missing),
		cmocka_unit_test(every_combination_does_what_the_table_says),
		cmocka_unit_test(a_sender_may_do_without),
		cmocka_unit_test(a_sender_may_insist),
		cmocka_unit_test(a_name_proves_nothing_by_itself),
		cmocka_unit_test(the_need_agrees_with_the_actions),
		cmocka_unit_test(reports_call_it_by_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
