#include "tests/unit/assert_str.h"
#include "tests/unit/dmarc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
psd_n_ends_the_walk(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("b.example.com", "v=DMARC1; p=quarantine; psd=n"),
		NEVER_ASKED("example.com"),
		{ 0 },
	};
	dmarc_expect(zone, "a.b.example.com", "s:x.b.example.com",
	    "pass quarantine b.example.com +", 3);
}

/* A public suffix that sends mail itself is its own organization. */
static void
psd_y_where_the_walk_begins(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("bank", "v=DMARC1; p=reject; psd=y"),
		{ 0 },
	};
	dmarc_expect(
	    zone, "bank", "s:bank d:giant.bank", "pass reject bank + -", 2);
}

/* Names that only end alike have nothing in common. */
static void
a_suffix_is_not_an_organization(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("bank.co.uk", "v=DMARC1; p=reject"),
		TXT("evil.co.uk", "v=DMARC1; p=none"),
		TXT("co.uk", "v=DMARC1; p=none; psd=y"),
		TXT("example.com", "v=DMARC1; p=reject"),
		{ 0 },
	};
	dmarc_expect(zone, "bank.co.uk", "s:evil.co.uk d:co.uk",
	    "fail reject bank.co.uk - -", 2);
	dmarc_expect(zone, "example.com", "s:badexample.com d:com",
	    "fail reject example.com - -", 2);
}

static void
below_the_organization_but_of_another(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("example.com", "v=DMARC1; p=reject"),
		TXT("hosted.example.com", "v=DMARC1; p=none; psd=y"),
		TXT("other.example.com", "v=DMARC1; p=none; psd=n"),
		{ 0 },
	};
	dmarc_expect(zone, "example.com",
	    "d:me.hosted.example.com d:other.example.com d:a.example.com",
	    "pass reject example.com - - +", 6);
}

static void
several_records_count_as_none(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("twice.test", "v=DMARC1; p=none"),
		TXT("twice.test", "v=DMARC1; p=reject"),
		TXT("a.org.test", "v=DMARC1; p=none"),
		TXT("a.org.test", "v=DMARC1; p=none"),
		TXT("org.test", "v=DMARC1; p=reject"),
		TXT("mixed.test", "v=spf1 -all"),
		TXT("mixed.test", "v=DMARC1; p=reject"),
		{ 0 },
	};
	dmarc_expect(zone, "twice.test", "s:twice.test", "none none ", 2);
	dmarc_expect(zone, "a.org.test", "", "fail reject org.test", 3);
	dmarc_expect(zone, "mixed.test", "", "fail reject mixed.test", 1);
}

/* RFC 9989 5.3.6: SPF or DKIM had no answer */
static void
what_may_have_passed_is_no_failure(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("example.com", "v=DMARC1; p=reject"),
		TXT("strict.test", "v=DMARC1; p=reject; adkim=s; aspf=s"),
		TXT("psd.test", "v=DMARC1; p=reject; psd=y"),
		{ 0 },
	};
	dmarc_expect(zone, "example.com", "?d:example.com",
	    "temperror reject example.com", 1);
	dmarc_expect(zone, "example.com", "?s:example.com",
	    "temperror reject example.com", 1);
	dmarc_expect(zone, "example.com", "s:other.test ?d:m.example.com",
	    "temperror reject example.com -", 3);
	/* What passes needs no other. */
	dmarc_expect(zone, "example.com", "s:example.com ?d:m.example.com",
	    "pass reject example.com +", 2);
	/* Not aligned, whatever the answer is. */
	dmarc_expect(zone, "example.com", "?s:other.test ?d:example.net",
	    "fail reject example.com", 1);
	dmarc_expect(zone, "strict.test", "?s:m.strict.test ?d:m.strict.test",
	    "fail reject strict.test", 1);
	dmarc_expect(
	    zone, "a.psd.test", "?d:b.psd.test", "fail reject psd.test", 2);
}

static void
t_takes_one_step_off(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("r.test", "v=DMARC1; p=reject; t=y"),
		TXT("q.test", "v=DMARC1; p=quarantine; t=y"),
		TXT("n.test", "v=DMARC1; p=none; t=y; sp=reject"),
		{ 0 },
	};
	dmarc_expect(zone, "r.test", "", "fail quarantine r.test", 1);
	dmarc_expect(zone, "q.test", "", "fail none q.test", 1);
	dmarc_expect(zone, "n.test", "", "fail none n.test", 1);
	dmarc_expect(zone, "a.n.test", "", "fail quarantine n.test", 3);
}

static void
tells_what_was_published(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("org.test", "v=DMARC1; p=none; np=reject; t=y"),
		EXISTS("www.org.test"),
		{ 0 },
	};
	struct dmarc_check check;
	fake_resolver_use(zone);
	dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
	dmarc_rig_discover(&check, STR("ghost.org.test"));
	assert_false(check.exists);
	assert_int_equal(check.published, DMARC_POLICY_REJECT);
	assert_int_equal(check.policy, DMARC_POLICY_QUARANTINE);
	assert_str(check.organizational_domain, STR("org.test"));
	dmarc_cancel(&check);
	dmarc_rig_discover(&check, STR("www.org.test"));
	assert_true(check.exists);
	assert_int_equal(check.published, DMARC_POLICY_NONE);
	dmarc_cancel(&check);
}

static void
each_mode_is_for_its_own_identifiers(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("example.com", "v=DMARC1; p=reject; aspf=s"),
		{ 0 },
	};
	static const struct fake_record other[] = {
		TXT("example.com", "v=DMARC1; p=reject; adkim=s"),
		{ 0 },
	};
	const char *ids = "s:a.example.com d:a.example.com";
	dmarc_expect(
	    zone, "example.com", ids, "pass reject example.com - +", 3);
	dmarc_expect(
	    other, "example.com", ids, "pass reject example.com + -", 3);
}

/* ---- DNS trouble ---- */

static void
trouble_is_never_no_record(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		FAILS("own.org.test"),
		TXT("org.test", "v=DMARC1; p=none"),
		FAILS("b.middle.test"),
		TXT("middle.test", "v=DMARC1; p=none"),
		TXT("low.top", "v=DMARC1; p=none"),
		FAILS("top"),
		{ 0 },
	};
	dmarc_expect(zone, "own.org.test", "", "temperror none ", 1);
	dmarc_expect(zone, "a.own.org.test", "", "temperror none ", 2);
	/* There could be a psd=n between, */
	dmarc_expect(zone, "a.b.middle.test", "", "temperror none ", 2);
	/* or a record above that is the organization's. */
	dmarc_expect(zone, "a.low.top", "", "temperror none ", 3);
	/* But a record of the author domain itself is the policy. */
	dmarc_expect(zone, "low.top", "", "fail none low.top", 1);
}

static void
trouble_matters_only_where_nothing_else_is_aligned(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("example.com", "v=DMARC1; p=reject"),
		FAILS("broken.example.com"),
		TXT("low.top", "v=DMARC1; p=reject"),
		FAILS("top"),
		{ 0 },
	};
	dmarc_expect(zone, "example.com", "d:broken.example.com",
	    "temperror reject example.com -", 3);
	dmarc_expect(zone, "example.com",
	    "d:broken.example.com s:a.example.com",
	    "pass reject example.com - +", 4);
	dmarc_expect(zone, "example.com", "d:a.broken.example.com s:x.test",
	    "temperror reject example.com - -", 4);
	dmarc_expect(
	    zone, "low.top", "d:a.low.top", "temperror reject low.top -", 2);
	dmarc_expect(zone, "low.top", "d:a.low.top s:low.top",
	    "pass reject low.top - +", 2);
	/* Whose DNS it is: a stranger's trouble is not ours. */
	dmarc_expect(zone, "low.top", "d:x.test", "fail reject low.top -", 1);
	dmarc_expect(zone, "example.com", "d:broken.example.net",
	    "fail reject example.com -", 1);
}

static void
unknown_existence_is_no_failure(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("np.test", "v=DMARC1; p=none; np=reject"),
		{ "a.np.test", 0, NULL, DNS_TEMPFAIL, false, 0 },
		{ 0 },
	};
	dmarc_expect(zone, "a.np.test", "", "temperror reject np.test", 4);
	dmarc_expect(
	    zone, "a.np.test", "s:np.test", "pass reject np.test +", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(psd_n_ends_the_walk),
		cmocka_unit_test(psd_y_where_the_walk_begins),
		cmocka_unit_test(a_suffix_is_not_an_organization),
		cmocka_unit_test(below_the_organization_but_of_another),
		cmocka_unit_test(several_records_count_as_none),
		cmocka_unit_test(what_may_have_passed_is_no_failure),
		cmocka_unit_test(t_takes_one_step_off),
		cmocka_unit_test(tells_what_was_published),
		cmocka_unit_test(each_mode_is_for_its_own_identifiers),
		cmocka_unit_test(trouble_is_never_no_record),
		cmocka_unit_test(
		    trouble_matters_only_where_nothing_else_is_aligned),
		cmocka_unit_test(unknown_existence_is_no_failure),
	};
	return cmocka_run_group_tests(tests, dmarc_rig_open, dmarc_rig_close);
}
