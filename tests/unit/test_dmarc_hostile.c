/* Names and records that are made to hurt, and the contract of a request. */
#include "tests/fakes/loop.h"
#include "tests/unit/assert_str.h"
#include "tests/unit/dmarc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct fake_record example_com[] = {
	TXT("example.com", "v=DMARC1; p=reject"),
	{ 0 },
};

/* ---- hostile ---- */

static struct str
repeat(struct buf *out, const char *text, size_t times, const char *end)
{
	buf_clear(out);
	while (times-- > 0)
		buf_adds(out, text);
	buf_adds(out, end);
	return buf_str(out);
}

#define LABEL_64 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What can't be a name has no record and doesn't exist; its parents rule. */
static void
bears_names_that_are_none(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("np.test", "v=DMARC1; p=none; np=reject"),
		{ 0 },
	};
	struct buf name = { 0 };
	dmarc_expect(zone, "NP.Test.", "s:np.TEST.", "pass none np.test +", 1);
	dmarc_expect(zone, LABEL_64 ".np.test", "", "fail reject np.test", 2);
	dmarc_expect(zone, "a..np.test", "", "fail reject np.test", 2);
	dmarc_expect(zone, "a b.np.test", "", "fail reject np.test", 2);
	dmarc_expect(zone, "\xff.np.test", "", "fail reject np.test", 2);
	dmarc_expect(zone, "", "", "none none ", 0);
	dmarc_expect(zone, ".", "", "none none ", 0);
	dmarc_expect(zone, "..", "", "none none ", 0);
	dmarc_expect(zone, "np.test..", "", "none none ", 0);
	repeat(&name, "a.", 123, "np.test"); /* 253; too long with _dmarc */
	dmarc_expect(zone, buf_cstr(&name), "", "fail reject np.test", 8);
	repeat(&name, "a.", 500000, "np.test");
	dmarc_expect(zone, buf_cstr(&name), "", "fail reject np.test", 7);
	repeat(&name, ".", 100000, "np.test");
	dmarc_expect(zone, buf_cstr(&name), "", "fail reject np.test", 2);
	buf_free(&name);
}

static void
bears_identifiers_that_are_none(void **state)
{
	(void)state;
	struct buf ids = { 0 };
	dmarc_expect(example_com, "example.com",
	    "s: d:. d:.. d:a..example.com d:.example.com d:\xff.example.com "
	    "d:" LABEL_64 ".example.com",
	    "fail reject example.com - - - - - - -", 1);
	repeat(&ids, "d:", 1, "");
	for (int i = 0; i < 100000; i++)
		buf_adds(&ids, "a.");
	buf_adds(&ids, "example.com");
	dmarc_expect(example_com, "example.com", buf_cstr(&ids),
	    "fail reject example.com -", 1);
	buf_free(&ids);
}

/* Eight signatures of eight deep names cost no more than our share, and what
   it doesn't reach is not aligned: no pass, and no defer. */
static void
costs_no_more_than_its_share(void **state)
{
	(void)state;
	const char *ids =
	    "d:a.b.c.d.e.f.example.com d:g.h.i.j.k.l.example.com "
	    "d:m.n.o.p.q.r.example.com d:s.t.u.v.w.x.example.com "
	    "d:1.2.3.4.5.6.example.com d:7.8.9.10.11.12.example.com "
	    "d:13.14.15.16.17.18.example.com d:19.20.21.22.example.com";
	/* Two questions for the author domain, six for each of the first two;
	   three more are left. */
	dmarc_expect(example_com, "example.com", ids,
	    "pass reject example.com + + - - - - - -", BUDGET_DMARC);
	/* From nine labels the walk goes on with seven, past the record. */
	static const struct fake_record zone[] = {
		TXT("a.b.c.d.e.f.x.test", "v=DMARC1; p=reject"),
		{ 0 },
	};
	dmarc_expect(zone, "a.b.c.d.e.f.x.test",
	    "d:1.a.b.c.d.e.f.x.test d:2.a.b.c.d.e.f.x.test "
	    "d:3.a.b.c.d.e.f.x.test d:4.a.b.c.d.e.f.x.test "
	    "d:5.a.b.c.d.e.f.x.test d:6.a.b.c.d.e.f.x.test "
	    "d:7.1.2.3.4.5.6.x.test d:8.1.2.3.4.5.6.x.test",
	    "fail reject a.b.c.d.e.f.x.test - - - - - - - -", 14);
}

static void
a_spent_budget_never_passes(void **state)
{
	(void)state;
	static const char *const wanted[] = {
		"temperror none ", /* nothing could be asked */
		"fail reject example.com - -", /* the policy only */
		"fail reject example.com - -", /* and com */
		"pass reject example.com + -", /* and a.example.com */
	};
	for (unsigned left = 0; left < 4; left++) {
		struct dmarc_check check;
		struct buf got = { 0 };
		fake_resolver_use(example_com);
		dmarc_rig.budget = (struct budget){ left };
		dmarc_rig_discover(&check, STR("example.com"));
		if (check.status == DMARC_FAIL) {
			dmarc_rig_identifiers(
			    &check, "d:a.example.com d:b.example.com");
			dmarc_rig_align(&check);
		}
		dmarc_rig_describe(&check, &got);
		assert_str(buf_str(&got), str_of(wanted[left]));
		assert_int_equal(fake_resolver_asked(), left);
		buf_free(&got);
		dmarc_cancel(&check);
	}
}

/* In the middle of the walk, and before the question about existence. */
static void
a_spent_budget_is_no_missing_record(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("np.test", "v=DMARC1; p=none; np=reject"),
		{ 0 },
	};
	static const enum dmarc_status wanted[] = { DMARC_TEMPERROR,
		DMARC_TEMPERROR, DMARC_TEMPERROR, DMARC_TEMPERROR, DMARC_FAIL };
	for (unsigned left = 0; left < 5; left++) {
		struct dmarc_check check;
		fake_resolver_use(zone);
		dmarc_rig.budget = (struct budget){ left };
		dmarc_rig_discover(&check, STR("ghost.np.test"));
		if (check.status == DMARC_FAIL)
			dmarc_rig_align(&check);
		assert_int_equal(check.status, wanted[left]);
		assert_int_equal(fake_resolver_asked(), left);
		dmarc_cancel(&check);
	}
}

static void
looks_at_eight_identifiers_at_most(void **state)
{
	(void)state;
	struct dmarc_check check;
	fake_resolver_use(example_com);
	dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
	dmarc_rig_discover(&check, STR("example.com"));
	check.count = 1000;
	dmarc_rig_align(&check);
	assert_int_equal(check.count, DMARC_IDENTIFIERS);
	assert_int_equal(check.status, DMARC_FAIL);
	dmarc_cancel(&check);
}

/* ---- the contract of a request ---- */

static void
on_done_cancel(struct dmarc_check *check)
{
	dmarc_rig.answers++;
	dmarc_cancel(check);
}

static void
can_be_cancelled_from_done(void **state)
{
	(void)state;
	struct dmarc_check check = { 0 };
	fake_resolver_use(example_com);
	dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
	dmarc_rig.answers = 0;
	dmarc_discover(&check, dmarc_rig.loop, dmarc_rig.resolver,
	    &dmarc_rig.budget, STR("example.com"), on_done_cancel);
	fake_loop_settle(dmarc_rig.loop);
	assert_int_equal(dmarc_rig.answers, 1);
	assert_null(check.run);
	dmarc_rig_discover(&check, STR("example.com"));
	dmarc_rig_identifiers(&check, "d:a.example.com");
	dmarc_align(&check, on_done_cancel);
	fake_loop_settle(dmarc_rig.loop);
	assert_int_equal(dmarc_rig.answers, 2);
	assert_null(check.run);
}

static void
can_be_cancelled_while_it_waits(void **state)
{
	(void)state;
	struct dmarc_check check = { 0 };
	dmarc_cancel(&check);
	fake_resolver_use(example_com);
	dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
	dmarc_rig.answers = 0;
	dmarc_discover(&check, dmarc_rig.loop, dmarc_rig.resolver,
	    &dmarc_rig.budget, STR("example.com"), dmarc_rig_on_done);
	dmarc_cancel(&check);
	dmarc_cancel(&check);
	fake_resolver_hold(true);
	dmarc_discover(&check, dmarc_rig.loop, dmarc_rig.resolver,
	    &dmarc_rig.budget, STR("example.com"), dmarc_rig_on_done);
	fake_loop_settle(dmarc_rig.loop);
	dmarc_cancel(&check);
	fake_resolver_hold(false);
	dmarc_rig_discover(&check, STR("example.com"));
	dmarc_rig_identifiers(&check, "d:a.example.com");
	dmarc_rig.answers = 0;
	dmarc_align(&check, dmarc_rig_on_done);
	dmarc_cancel(&check);
	fake_loop_settle(dmarc_rig.loop);
	assert_int_equal(dmarc_rig.answers, 0);
}

static void
can_be_cancelled_in_the_middle_of_alignment(void **state)
{
	(void)state;
	struct dmarc_check check = { 0 };
	fake_resolver_use(example_com);
	dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
	dmarc_rig_discover(&check, STR("example.com"));
	dmarc_rig_identifiers(&check, "d:a.example.com");
	fake_resolver_hold(true);
	dmarc_rig.answers = 0;
	dmarc_align(&check, dmarc_rig_on_done);
	fake_loop_settle(dmarc_rig.loop);
	assert_int_equal(fake_resolver_asked(), 2);
	dmarc_cancel(&check);
	fake_resolver_hold(false);
	fake_loop_settle(dmarc_rig.loop);
	assert_int_equal(dmarc_rig.answers, 0);
}

static void
waits_no_longer_than_the_deadline(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("np.test", "v=DMARC1; p=none; np=reject"),
		{ 0 },
	};
	struct dmarc_check check = { 0 };
	fake_resolver_use(zone);
	fake_resolver_hold(true);
	dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
	dmarc_rig.answers = 0;
	dmarc_discover(&check, dmarc_rig.loop, dmarc_rig.resolver,
	    &dmarc_rig.budget, STR("a.np.test"), dmarc_rig_on_done);
	fake_loop_advance(dmarc_rig.loop, 19999);
	assert_int_equal(dmarc_rig.answers, 0);
	fake_loop_advance(dmarc_rig.loop, 1);
	assert_int_equal(dmarc_rig.answers, 1);
	assert_int_equal(check.status, DMARC_TEMPERROR);
	dmarc_cancel(&check);
	fake_resolver_hold(false);

	dmarc_rig_discover(&check, STR("np.test"));
	dmarc_rig_identifiers(&check, "d:a.np.test s:np.test");
	fake_resolver_hold(true);
	dmarc_rig.answers = 0;
	dmarc_align(&check, dmarc_rig_on_done);
	fake_loop_advance(dmarc_rig.loop, 20000);
	assert_int_equal(dmarc_rig.answers, 1);
	assert_int_equal(check.status, DMARC_PASS);
	dmarc_cancel(&check);

	fake_resolver_hold(false);
	dmarc_rig_discover(&check, STR("np.test"));
	dmarc_rig_identifiers(&check, "d:a.np.test");
	fake_resolver_hold(true);
	dmarc_rig.answers = 0;
	dmarc_align(&check, dmarc_rig_on_done);
	fake_loop_advance(dmarc_rig.loop, 20000);
	assert_int_equal(dmarc_rig.answers, 1);
	assert_int_equal(check.status, DMARC_TEMPERROR);
	dmarc_cancel(&check);
	fake_resolver_hold(false);
}

/* The answers that are due come; what is asked then waits. */
static void
one_round(void)
{
	fake_resolver_hold(false);
	fake_resolver_hold(true);
	fake_loop_settle(dmarc_rig.loop);
}

static void
waits_no_longer_for_existence(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("np.test", "v=DMARC1; p=none; np=reject"),
		{ 0 },
	};
	struct dmarc_check check = { 0 };
	fake_resolver_use(zone);
	fake_resolver_hold(true);
	dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
	dmarc_rig.answers = 0;
	dmarc_discover(&check, dmarc_rig.loop, dmarc_rig.resolver,
	    &dmarc_rig.budget, STR("a.np.test"), dmarc_rig_on_done);
	fake_loop_settle(dmarc_rig.loop);
	for (int i = 0; i < 3; i++)
		one_round();
	assert_int_equal(fake_resolver_asked(), 4);
	assert_int_equal(dmarc_rig.answers, 0);
	fake_loop_advance(dmarc_rig.loop, 20000);
	assert_int_equal(dmarc_rig.answers, 1);
	assert_int_equal(check.status, DMARC_FAIL);
	assert_int_equal(check.policy, DMARC_POLICY_REJECT);
	fake_resolver_hold(false);
	dmarc_rig_align(&check);
	assert_int_equal(check.status, DMARC_TEMPERROR);
	dmarc_cancel(&check);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bears_names_that_are_none),
		cmocka_unit_test(bears_identifiers_that_are_none),
		cmocka_unit_test(costs_no_more_than_its_share),
		cmocka_unit_test(a_spent_budget_never_passes),
		cmocka_unit_test(a_spent_budget_is_no_missing_record),
		cmocka_unit_test(looks_at_eight_identifiers_at_most),
		cmocka_unit_test(can_be_cancelled_from_done),
		cmocka_unit_test(can_be_cancelled_while_it_waits),
		cmocka_unit_test(can_be_cancelled_in_the_middle_of_alignment),
		cmocka_unit_test(waits_no_longer_than_the_deadline),
		cmocka_unit_test(waits_no_longer_for_existence),
	};
	return cmocka_run_group_tests(tests, dmarc_rig_open, dmarc_rig_close);
}
