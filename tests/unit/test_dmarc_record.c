#include "lib/trust/dmarc_record.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char psd_letters[] = "uyn";

/* "p=reject sp=none np=none s/r t u rua" and so on; "-" for no record, "none"
   for one that lets no DMARC apply. */
static void
describe(bool is_record, const struct dmarc_record *r, struct buf *out)
{
	buf_clear(out);
	if (!is_record || !r->applicable) {
		buf_adds(out, is_record ? "none" : "-");
		return;
	}
	buf_addf(out, "%s %s %s %c%c%c%c", dmarc_policy_name(r->p),
	    dmarc_policy_name(r->sp), dmarc_policy_name(r->np),
	    r->strict_dkim ? 's' : 'r', r->strict_spf ? 's' : 'r',
	    psd_letters[r->psd], r->testing ? 'y' : 'n');
	if (r->rua.n > 0)
		buf_addf(out, " %.*s", STR_ARG(r->rua));
}

static void
expect_record(struct str text, const char *wanted)
{
	struct arena arena = { 0 };
	struct buf got = { 0 };
	struct dmarc_record record;
	const char *why = NULL;
	bool is_record = dmarc_record_parse(text, &arena, &record, &why);
	assert_non_null(why);
	assert_true(is_record || *why);
	describe(is_record, &record, &got);
	assert_str(buf_str(&got), str_of(wanted));
	buf_free(&got);
	arena_free(&arena);
}

struct record_case {
	const char *text, *wanted;
};

static void
expect_all(const struct record_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_record(str_of(cases[i].text), cases[i].wanted);
}

#define EXPECT_ALL(cases) expect_all(cases, sizeof cases / sizeof *cases)

/* p, sp, np, adkim and aspf, psd, t, rua */
static void
reads_every_tag(void **state)
{
	(void)state;
	static const struct record_case cases[] = {
		{ "v=DMARC1; p=none", "none none none rrun" },
		{ "v=DMARC1;p=quarantine;",
		    "quarantine quarantine quarantine rrun" },
		{ "v=DMARC1; p=reject", "reject reject reject rrun" },
		{ "v=DMARC1; p=reject; sp=none", "reject none none rrun" },
		{ "v=DMARC1; p=none; np=reject", "none none reject rrun" },
		{ "v=DMARC1; p=reject; sp=quarantine; np=none",
		    "reject quarantine none rrun" },
		{ "v=DMARC1; p=none; adkim=s", "none none none srun" },
		{ "v=DMARC1; p=none; aspf=s", "none none none rsun" },
		{ "v=DMARC1; p=none; adkim=r; aspf=r; psd=u; t=n",
		    "none none none rrun" },
		{ "v=DMARC1; p=none; psd=y", "none none none rryn" },
		{ "v=DMARC1; p=none; psd=n", "none none none rrnn" },
		{ "v=DMARC1; p=reject; t=y", "reject reject reject rruy" },
		{ "v=DMARC1; rua=mailto:a@b.test; p=none",
		    "none none none rrun mailto:a@b.test" },
	};
	EXPECT_ALL(cases);
}

static void
wants_the_version_first(void **state)
{
	(void)state;
	static const struct record_case cases[] = {
		{ "", "-" },
		{ "v", "-" },
		{ "v=", "-" },
		{ "v=DMARC", "-" },
		{ "v=DMARC2; p=reject", "-" },
		{ "v=DMARC10; p=reject", "-" },
		{ "v=dmarc1; p=reject", "-" },
		{ "v=DMARC1 p=reject", "-" },
		{ "p=reject; v=DMARC1", "-" },
		{ ";v=DMARC1; p=reject", "-" },
		{ " v=DMARC1; p=reject", "-" },
		{ "\"v=DMARC1; p=reject\"", "-" },
		{ "v=spf1 -all", "-" },
		{ "v;p=reject", "-" },
		{ "version=DMARC1; p=reject", "-" },
		{ "v = DMARC1 ; p=none", "none none none rrun" },
		{ "V=DMARC1; p=none", "none none none rrun" },
	};
	EXPECT_ALL(cases);
}

static void
takes_space_and_case_as_the_grammar_does(void **state)
{
	(void)state;
	static const struct record_case cases[] = {
		{ "v=DMARC1;p=reject", "reject reject reject rrun" },
		{ "v\t=\tDMARC1\t;\tp\t=\treject\t;\t",
		    "reject reject reject rrun" },
		{ "v=DMARC1; p=REJECT; ADKIM=S; T=Y; psd=N",
		    "reject reject reject srny" },
		{ "v=DMARC1; P=Quarantine",
		    "quarantine quarantine quarantine rrun" },
		{ "v=DMARC1;;; p=reject;;", "reject reject reject rrun" },
	};
	EXPECT_ALL(cases);
}

/* RFC 9989 4.7, 4.8 */
static void
ignores_what_it_does_not_know(void **state)
{
	(void)state;
	static const struct record_case cases[] = {
		{ "v=DMARC1; p=reject; pct=20; rf=afrf; ri=86400",
		    "reject reject reject rrun" },
		{ "v=DMARC1; fo=1:d:s; ruf=mailto:x@y.test; p=none",
		    "none none none rrun" },
		{ "v=DMARC1; p=reject; x=\xff\x01; garbage; =; a==b",
		    "reject reject reject rrun" },
		{ "v=DMARC1; pp=none; p=reject; spx=none",
		    "reject reject reject rrun" },
	};
	EXPECT_ALL(cases);
}

/* RFC 9989 4.8: a syntax error gives the default */
static void
defaults_what_is_not_valid(void **state)
{
	(void)state;
	static const struct record_case cases[] = {
		{ "v=DMARC1; p=reject; adkim=x; aspf=; psd=maybe; t=1",
		    "reject reject reject rrun" },
		{ "v=DMARC1; p=reject; adkim=strict; t=yes",
		    "reject reject reject rrun" },
		{ "v=DMARC1; p=reject; adkim=s; adkim=s; t=y; t=n; psd=y; "
		  "psd=y",
		    "reject reject reject rrun" },
	};
	EXPECT_ALL(cases);
}

/* RFC 9989 4.10.1 */
static void
monitors_or_does_nothing_without_valid_policies(void **state)
{
	(void)state;
	static const struct record_case cases[] = {
		{ "v=DMARC1", "none" },
		{ "v=DMARC1;", "none" },
		{ "v=DMARC1; p=", "none" },
		{ "v=DMARC1; p=block", "none" },
		{ "v=DMARC1; p=rejected", "none" },
		{ "v=DMARC1; p=re ject", "none" },
		{ "v=DMARC1; p=reject,none", "none" },
		{ "v=DMARC1; sp=reject", "none" },
		{ "v=DMARC1; p=reject; sp=block", "none" },
		{ "v=DMARC1; p=reject; sp=", "none" },
		{ "v=DMARC1; p=reject; np=block", "none" },
		{ "v=DMARC1; p=reject; p=none", "none" },
		{ "v=DMARC1; p=reject; p=reject", "none" },
		{ "v=DMARC1; p=block; rua=", "none" },
		{ "v=DMARC1; p=block; rua=nonsense", "none" },
		{ "v=DMARC1; rua=mailto:a@b.test",
		    "none none none rrun mailto:a@b.test" },
		{ "v=DMARC1; p=block; sp=reject; rua=mailto:a@b.test",
		    "none none none rrun mailto:a@b.test" },
		{ "v=DMARC1; p=reject; sp=block; adkim=s; rua=mailto:a@b.test",
		    "none none none srun mailto:a@b.test" },
		{ "v=DMARC1; p=reject; np=block; rua=mailto:a@b.test",
		    "none none none rrun mailto:a@b.test" },
	};
	EXPECT_ALL(cases);
}

/* Of p=block, so that rua alone decides whether DMARC applies. */
static void
knows_a_reporting_uri(void **state)
{
	(void)state;
	static const struct {
		const char *rua;
		bool valid;
	} cases[] = {
		{ "mailto:a@b.test", true },
		{ "MAILTO:a@b.test", true },
		{ "mailto:a@b.test!10m", true },
		{ "mailto:a@b.test!1024", true },
		{ "mailto:a@b.test!5G", true },
		{ "mailto:a@b.test , mailto:c@d.test", true },
		{ "nonsense,mailto:c@d.test", true },
		{ "https://b.test/report?x=1", true },
		{ "mailto:a%21b@c.test", true },
		{ "mailto:a@b.test?subject=x", true },
		{ "a@b.test", false },
		{ "mailto:", false },
		{ "mailto:a", false },
		{ "mailto:@b.test", false },
		{ "mailto:a@", false },
		{ "mailto:a@b.test!", false },
		{ "mailto:a@b.test!m", false },
		{ "mailto:a@b.test!10mm", false },
		{ "mailto:a@b.test!1!2", false },
		{ "mailto:a b@c.test", false },
		{ "mailto:<a@b.test>", false },
		{ "mailto:a%2@b.test", false },
		{ "mailto:a%zz@b.test", false },
		{ "1mail:a@b.test", false },
		{ ":a@b.test", false },
		{ ",", false },
		{ "mailto:a@b.test\x01", false },
		{ "mailto:a@b.test,\xc3\xa4", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf text = { 0 }, wanted = { 0 };
		buf_addf(&text, "v=DMARC1; p=block; rua=%s", cases[i].rua);
		buf_addf(&wanted, "none none none rrun %s", cases[i].rua);
		expect_record(buf_str(&text),
		    cases[i].valid ? buf_cstr(&wanted) : "none");
		buf_free(&wanted);
		buf_free(&text);
	}
	expect_record(STR("v=DMARC1; p=block; rua=mailto:a@b.test; "
			  "rua=mailto:c@d.test"),
	    "none");
}

static void
keeps_no_more_of_rua_than_it_may(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct buf text = { 0 };
	struct dmarc_record record;
	const char *why;
	buf_adds(&text, "v=DMARC1; p=none; rua=mailto:a@b.test");
	for (int i = 0; i < 5000; i++)
		buf_adds(&text, ",mailto:a@b.test");
	assert_true(dmarc_record_parse(buf_str(&text), &arena, &record, &why));
	assert_true(record.rua.n > DMARC_RUA_MAX - 20);
	assert_true(record.rua.n <= DMARC_RUA_MAX);
	assert_true(str_ends(record.rua, STR(",mailto:a@b.test")));
	buf_clear(&text);
	buf_adds(&text, "v=DMARC1; p=none; rua=mailto:");
	for (int i = 0; i < DMARC_RUA_MAX; i++)
		buf_addc(&text, 'a');
	buf_adds(&text, "@b.test,mailto:a@b.test");
	assert_true(dmarc_record_parse(buf_str(&text), &arena, &record, &why));
	assert_int_equal(record.rua.n, 0);
	buf_free(&text);
	arena_free(&arena);
}

static void
bears_a_record_of_64_kilobytes(void **state)
{
	(void)state;
	static const char *const fillers[] = { ";", "p=none;", "=", "a=b;", " ",
		"v=DMARC1;", "\x01" };
	for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
		struct arena arena = { 0 };
		struct buf text = { 0 };
		struct dmarc_record record;
		const char *why;
		buf_adds(&text, "v=DMARC1;");
		while (text.n < 65000)
			buf_adds(&text, fillers[i]);
		assert_true(
		    dmarc_record_parse(buf_str(&text), &arena, &record, &why));
		assert_false(record.applicable);
		buf_free(&text);
		arena_free(&arena);
	}
}

/* ---- RFC 9989 appendix B.2: records ---- */

static void
rfc_b_2_records_of_domain_owners(void **state)
{
	(void)state;
	static const struct record_case cases[] = {
		/* B.2.1 */
		{ "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com",
		    "none none none rrun mailto:dmarc-feedback@example.com" },
		/* B.2.2 */
		{ "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; "
		  "ruf=mailto:auth-reports@example.com",
		    "none none none rrun mailto:dmarc-feedback@example.com" },
		/* B.2.3: of a report consumer, no policy at all */
		{ "v=DMARC1;", "none" },
		/* B.2.5 */
		{ "v=DMARC1; p=quarantine; "
		  "rua=mailto:dmarc-feedback@example.com,"
		  "mailto:tld-test@thirdparty.example.net; t=y",
		    "quarantine quarantine quarantine rruy "
		    "mailto:dmarc-feedback@example.com,"
		    "mailto:tld-test@thirdparty.example.net" },
	};
	EXPECT_ALL(cases);
}

/* ---- several at one name ---- */

static void
expect_selected(
    const char *const *texts, const char *wanted, bool wanted_several)
{
	struct dns_record records[4] = { 0 };
	struct dns_answer answer = { .records = records };
	struct arena arena = { 0 };
	struct buf got = { 0 };
	struct dmarc_record record = { 0 };
	bool several = !wanted_several;
	const char *why;
	for (; texts[answer.count]; answer.count++)
		records[answer.count].text = str_of(texts[answer.count]);
	answer.status = answer.count ? DNS_FOUND : DNS_NODATA;
	describe(dmarc_record_select(&answer, &arena, &record, &several, &why),
	    &record, &got);
	assert_str(buf_str(&got), str_of(wanted));
	assert_int_equal(several, wanted_several);
	buf_free(&got);
	arena_free(&arena);
}

/* RFC 9989 4.10 step 2 */
static void
discards_several_records_and_foreign_ones(void **state)
{
	(void)state;
	static const struct {
		const char *texts[5];
		const char *wanted;
		bool several;
	} cases[] = {
		{ { NULL }, "-", false },
		{ { "v=spf1 -all" }, "-", false },
		{ { "v=DMARC1; p=none" }, "none none none rrun", false },
		{ { "hello", "v=DMARC1; p=none", "v=spf1 -all", "v=DMARC2" },
		    "none none none rrun", false },
		{ { "v=DMARC1; p=none", "v=DMARC1; p=reject" }, "-", true },
		{ { "v=DMARC1; p=none", "v=DMARC1; p=none" }, "-", true },
		{ { "v=DMARC1; p=none", "x", "v=DMARC1" }, "-", true },
		{ { "v=DMARC1; p=none", "v=DMARC1", "x", "v=DMARC1" }, "-",
		    true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_selected(
		    cases[i].texts, cases[i].wanted, cases[i].several);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_tag),
		cmocka_unit_test(wants_the_version_first),
		cmocka_unit_test(takes_space_and_case_as_the_grammar_does),
		cmocka_unit_test(ignores_what_it_does_not_know),
		cmocka_unit_test(defaults_what_is_not_valid),
		cmocka_unit_test(
		    monitors_or_does_nothing_without_valid_policies),
		cmocka_unit_test(knows_a_reporting_uri),
		cmocka_unit_test(keeps_no_more_of_rua_than_it_may),
		cmocka_unit_test(bears_a_record_of_64_kilobytes),
		cmocka_unit_test(rfc_b_2_records_of_domain_owners),
		cmocka_unit_test(discards_several_records_and_foreign_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
