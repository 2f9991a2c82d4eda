/* RFC 9989: its examples, by their numbers. */
#include "lib/trust/dmarc_walk.h"
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

static void
rfc_4_4_alignment_table(void **state)
{
	(void)state;
	static const struct fake_record strict[] = {
		TXT("news.example.com", "v=DMARC1; p=reject; aspf=s; adkim=s"),
		{ 0 },
	};
	dmarc_expect(example_com, "news.example.com", "s:foo.example.com",
	    "pass reject example.com +", 4);
	dmarc_expect(strict, "news.example.com", "s:news.example.com",
	    "pass reject news.example.com +", 1);
	dmarc_expect(example_com, "news.example.com", "s:foo.example.net",
	    "fail reject example.com -", 3);
}

static void
rfc_4_10_eight_queries_for_a_long_name(void **state)
{
	(void)state;
	static const struct fake_record none[] = {
		NEVER_ASKED("b.c.d.e.f.g.h.i.j.mail.example.com"),
		NEVER_ASKED("c.d.e.f.g.h.i.j.mail.example.com"),
		NEVER_ASKED("d.e.f.g.h.i.j.mail.example.com"),
		NEVER_ASKED("e.f.g.h.i.j.mail.example.com"),
		NEVER_ASKED("f.g.h.i.j.mail.example.com"),
		{ 0 },
	};
	/* Each of the eight is asked: a record there is found. */
	static const char *const names[] = {
		"_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com",
		"_dmarc.g.h.i.j.mail.example.com",
		"_dmarc.h.i.j.mail.example.com",
		"_dmarc.i.j.mail.example.com",
		"_dmarc.j.mail.example.com",
		"_dmarc.mail.example.com",
		"_dmarc.example.com",
		"_dmarc.com",
	};
	const char *author = "a.b.c.d.e.f.g.h.i.j.mail.example.com";
	dmarc_expect(none, author, "", "none none ", 8);
	for (unsigned i = 0; i < DMARC_WALK; i++) {
		struct fake_record one[] = {
			{ names[i], DNS_TXT, "v=DMARC1; p=reject; psd=n",
			    DNS_FOUND, false, 60 },
			{ 0 },
		};
		struct buf wanted = { 0 };
		buf_addf(&wanted, "fail reject %s", names[i] + 7);
		dmarc_expect(one, author, "", buf_cstr(&wanted), i + 1);
		buf_free(&wanted);
	}
}

static void
rfc_4_10_eight_labels_are_not_shortened(void **state)
{
	(void)state;
	static const struct fake_record seven[] = {
		TXT("b.c.d.e.f.example.com", "v=DMARC1; p=reject"),
		{ 0 },
	};
	static const struct fake_record eight[] = {
		TXT("b.c.d.e.f.g.example.com", "v=DMARC1; p=reject"),
		{ 0 },
	};
	dmarc_expect(seven, "a.b.c.d.e.f.example.com", "",
	    "fail reject b.c.d.e.f.example.com", 8);
	dmarc_expect(eight, "a.b.c.d.e.f.g.example.com", "", "none none ", 8);
}

/* The three examples at the end of 4.10.2, and the first condition of its
   note. */
static void
rfc_4_10_2_organizational_domain(void **state)
{
	(void)state;
	static const struct {
		struct fake_record zone[3];
		const char *wanted;
	} cases[] = {
		{ { TXT("mail.example.com", "v=DMARC1; p=none"),
		      TXT("example.com", "v=DMARC1; p=none") },
		    "example.com" },
		{ { TXT("mail.example.com", "v=DMARC1; p=none; psd=n"),
		      TXT("example.com", "v=DMARC1; p=none") },
		    "mail.example.com" },
		{ { TXT("com", "v=DMARC1; p=none; psd=y") }, "example.com" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dmarc_check check;
		fake_resolver_use(cases[i].zone);
		dmarc_rig.budget = (struct budget){ BUDGET_MESSAGE };
		dmarc_rig_discover(&check, STR("a.mail.example.com"));
		assert_str(
		    check.organizational_domain, str_of(cases[i].wanted));
		dmarc_cancel(&check);
	}
}

static void
rfc_4_10_2_no_walk_where_none_is_needed(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("mail.example.com", "v=DMARC1; p=reject"),
		TXT("strict.example.com",
		    "v=DMARC1; p=reject; adkim=s; "
		    "aspf=s"),
		NEVER_ASKED("example.com"),
		{ 0 },
	};
	dmarc_expect(zone, "mail.example.com",
	    "s:mail.example.com d:Mail.Example.COM",
	    "pass reject mail.example.com + +", 1);
	dmarc_expect(
	    zone, "mail.example.com", "", "fail reject mail.example.com", 1);
	dmarc_expect(zone, "strict.example.com",
	    "s:example.com d:a.strict.example.com",
	    "fail reject strict.example.com - -", 1);
	/* They have not even a top-level domain in common. */
	dmarc_expect(zone, "mail.example.com",
	    "s:example.net d:mail.example.org",
	    "fail reject mail.example.com - -", 1);
}

static void
rfc_4_10_1_author_organizational_public_suffix(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("own.org.bank", "v=DMARC1; p=none"),
		TXT("org.bank", "v=DMARC1; p=quarantine"),
		TXT("bank", "v=DMARC1; p=reject; psd=y"),
		TXT("low.bare.bank", "v=DMARC1; p=none"),
		{ 0 },
	};
	dmarc_expect(zone, "own.org.bank", "", "fail none own.org.bank", 1);
	dmarc_expect(zone, "a.org.bank", "", "fail quarantine org.bank", 3);
	dmarc_expect(zone, "a.own.org.bank", "", "fail quarantine org.bank", 4);
	dmarc_expect(zone, "bare.bank", "", "fail reject bank", 2);
	dmarc_expect(zone, "a.b.bare.bank", "", "fail reject bank", 4);
	dmarc_expect(zone, "bank", "", "fail reject bank", 1);
	/* Neither the author's, nor the organization's, nor the suffix's. */
	dmarc_expect(zone, "a.low.bare.bank", "", "fail reject bank", 4);
}

static void
rfc_4_10_1_p_sp_and_np(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("p.test", "v=DMARC1; p=reject"),
		TXT("sp.test", "v=DMARC1; p=reject; sp=quarantine"),
		TXT("np.test", "v=DMARC1; p=quarantine; sp=none; np=reject"),
		TXT("only-np.test", "v=DMARC1; p=none; np=reject"),
		TXT("same.test", "v=DMARC1; p=none; sp=reject; np=reject"),
		EXISTS("www.np.test"),
		EXISTS("www.only-np.test"),
		EXISTS("_dmarc.text.np.test"),
		TXT("other.np.test", "v=spf1 -all"),
		{ 0 },
	};
	dmarc_expect(zone, "p.test", "", "fail reject p.test", 1);
	dmarc_expect(zone, "a.p.test", "", "fail reject p.test", 3);
	dmarc_expect(zone, "sp.test", "", "fail reject sp.test", 1);
	dmarc_expect(zone, "a.sp.test", "", "fail quarantine sp.test", 3);
	dmarc_expect(zone, "np.test", "", "fail quarantine np.test", 1);
	/* one question more, because np and sp differ */
	dmarc_expect(zone, "ghost.np.test", "", "fail reject np.test", 4);
	dmarc_expect(zone, "www.np.test", "", "fail none np.test", 4);
	dmarc_expect(
	    zone, "ghost.only-np.test", "", "fail reject only-np.test", 4);
	dmarc_expect(zone, "www.only-np.test", "", "fail none only-np.test", 4);
	/* and none where _dmarc is there: so is the domain, RFC 8020 */
	dmarc_expect(zone, "text.np.test", "", "fail none np.test", 3);
	dmarc_expect(zone, "other.np.test", "", "fail none np.test", 3);
	dmarc_expect(zone, "ghost.same.test", "", "fail reject same.test", 3);
}

static void
rfc_4_10_1_np_of_a_public_suffix(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("bank", "v=DMARC1; p=reject; sp=none; np=reject; psd=y"),
		EXISTS("real.bank"),
		{ 0 },
	};
	dmarc_expect(zone, "real.bank", "", "fail none bank", 3);
	dmarc_expect(zone, "forged.bank", "", "fail reject bank", 3);
}

static void
rfc_4_10_1_invalid_policies(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("bad.test", "v=DMARC1; p=block"),
		TXT("bad-sp.test", "v=DMARC1; p=reject; sp=block"),
		TXT("bad-np.test",
		    "v=DMARC1; p=reject; np=block; rua=mailto:a@bad-np.test"),
		TXT("no-p.test", "v=DMARC1; rua=mailto:a@no-p.test"),
		TXT("test", "v=DMARC1; p=reject"),
		{ 0 },
	};
	/* It is there, so nothing above it is asked. */
	dmarc_expect(zone, "bad.test", "", "none none bad.test", 1);
	dmarc_expect(zone, "bad-sp.test", "", "none none bad-sp.test", 1);
	dmarc_expect(zone, "bad-np.test", "", "fail none bad-np.test", 1);
	dmarc_expect(
	    zone, "no-p.test", "s:no-p.test", "pass none no-p.test +", 1);
}

static void
rfc_b_1_1_spf(void **state)
{
	(void)state;
	dmarc_expect(example_com, "example.com", "s:example.com",
	    "pass reject example.com +", 1);
	dmarc_expect(example_com, "example.com", "s:child.example.com",
	    "pass reject example.com +", 3);
	dmarc_expect(example_com, "child.example.com", "s:example.net",
	    "fail reject example.com -", 3);
}

static void
rfc_b_1_2_dkim(void **state)
{
	(void)state;
	dmarc_expect(example_com, "example.com", "d:example.com",
	    "pass reject example.com +", 1);
	dmarc_expect(example_com, "child.example.com", "d:example.com",
	    "pass reject example.com +", 3);
	dmarc_expect(example_com, "child.example.com", "d:example.net",
	    "fail reject example.com -", 3);
}

static void
rfc_b_2_5_testing(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("test.example.com",
		    "v=DMARC1; p=quarantine; "
		    "rua=mailto:dmarc-feedback@example.com,"
		    "mailto:tld-test@thirdparty.example.net; t=y"),
		{ 0 },
	};
	dmarc_expect(zone, "test.example.com", "s:example.net",
	    "fail none test.example.com -", 1);
}

static void
rfc_b_3_1_smtp_session(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("example.com",
		    "v=DMARC1; p=reject; aspf=r; "
		    "rua=mailto:dmarc-feedback@example.com"),
		{ 0 },
	};
	dmarc_expect(zone, "example.com", "s:mail.example.com d:example.com",
	    "pass reject example.com + +", 3);
}

static const struct fake_record signing[] = {
	TXT("example.com", "v=DMARC1; p=reject"),
	TXT("signing.example.com", "v=DMARC1; p=none"),
	{ 0 },
};

static void
rfc_b_4_1_simple(void **state)
{
	(void)state;
	/* example.com, com, signing.example.com: each once */
	dmarc_expect(signing, "example.com",
	    "s:example.com d:signing.example.com",
	    "pass reject example.com + +", 3);
}

static void
rfc_b_4_2_deep_tree_walk(void **state)
{
	(void)state;
	/* the eight of the author domain, and signing.example.com */
	dmarc_expect(signing, "a.b.c.d.e.f.g.h.i.j.k.example.com",
	    "s:example.com d:signing.example.com",
	    "pass reject example.com + +", 9);
}

static void
rfc_b_4_3_public_suffix(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("bank.example", "v=DMARC1; p=none; psd=y"),
		TXT("giant.bank.example", "v=DMARC1; p=reject"),
		NEVER_ASKED("example"),
		{ 0 },
	};
	/* giant, bank, mail.giant; mega is not below giant */
	dmarc_expect(zone, "giant.bank.example",
	    "s:mail.giant.bank.example d:mail.mega.bank.example",
	    "pass reject giant.bank.example + -", 3);
	dmarc_expect(zone, "giant.bank.example", "d:mail.mega.bank.example",
	    "fail reject giant.bank.example -", 2);
}

/* An attacker below example.com may not speak for another organization below
   it, once that has said psd=n. */
static void
rfc_11_8_relaxed_alignment(void **state)
{
	(void)state;
	static const struct fake_record zone[] = {
		TXT("mail.example.com", "v=DMARC1; p=reject; psd=n"),
		TXT("example.com", "v=DMARC1; p=reject"),
		{ 0 },
	};
	dmarc_expect(zone, "a.mail.example.com", "s:mail.example.com",
	    "pass reject mail.example.com +", 2);
	dmarc_expect(zone, "evil.example.com", "s:mail.example.com",
	    "fail reject example.com -", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_4_4_alignment_table),
		cmocka_unit_test(rfc_4_10_eight_queries_for_a_long_name),
		cmocka_unit_test(rfc_4_10_eight_labels_are_not_shortened),
		cmocka_unit_test(rfc_4_10_2_organizational_domain),
		cmocka_unit_test(rfc_4_10_2_no_walk_where_none_is_needed),
		cmocka_unit_test(
		    rfc_4_10_1_author_organizational_public_suffix),
		cmocka_unit_test(rfc_4_10_1_p_sp_and_np),
		cmocka_unit_test(rfc_4_10_1_np_of_a_public_suffix),
		cmocka_unit_test(rfc_4_10_1_invalid_policies),
		cmocka_unit_test(rfc_b_1_1_spf),
		cmocka_unit_test(rfc_b_1_2_dkim),
		cmocka_unit_test(rfc_b_2_5_testing),
		cmocka_unit_test(rfc_b_3_1_smtp_session),
		cmocka_unit_test(rfc_b_4_1_simple),
		cmocka_unit_test(rfc_b_4_2_deep_tree_walk),
		cmocka_unit_test(rfc_b_4_3_public_suffix),
		cmocka_unit_test(rfc_11_8_relaxed_alignment),
	};
	return cmocka_run_group_tests(tests, dmarc_rig_open, dmarc_rig_close);
}
