#include "lib/trust/spf.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	BUDGET = 1000, /* more than any test needs */
};

static struct loop *loop;
static struct resolver *resolver;
static struct budget budget;
static struct spf_question question;
static struct spf_check check;
static unsigned answers;

static void
on_done(struct spf_check *done)
{
	assert_ptr_equal(done, &check);
	answers++;
}

static void
start(const char *ip, const char *helo, const char *mail_from)
{
	question = (struct spf_question){
		.resolver = resolver,
		.budget = &budget,
		.helo = str_of(helo),
		.mail_from = str_of(mail_from),
		.receiver = STR("mx.here.test"),
	};
	assert_true(ip_parse(str_of(ip), &question.ip));
	answers = 0;
	spf_cancel(&check);
	spf_start(&check, loop, &question, on_done);
	assert_int_equal(answers, 0); /* never from within */
}

/* "fail all No.", until the next one. */
static struct str
ask(const char *ip, const char *helo, const char *mail_from)
{
	static char text[1024];
	start(ip, helo, mail_from);
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
	snprintf(text, sizeof text, "%s%s%.*s%s%.*s",
	    spf_result_name(check.result), check.mechanism.n ? " " : "",
	    STR_ARG(check.mechanism), check.explanation.n ? " " : "",
	    STR_ARG(check.explanation));
	return str_of(text);
}

static void
use(const struct fake_record *rows)
{
	fake_resolver_use(rows);
	budget.left = BUDGET;
}

/* ---- the world ---- */

#define RR(name, type, value) \
	{ \
		name, type, value, DNS_FOUND, false, 60 \
	}
#define TXT(name, value) RR(name, DNS_TXT, value)
#define A(name, value) RR(name, DNS_A, value)
#define AAAA(name, value) RR(name, DNS_AAAA, value)
#define MX(name, value) RR(name, DNS_MX, value)
#define PTR(name, value) RR(name, DNS_PTR, value)
#define FAILS(name, type) \
	{ \
		name, type, NULL, DNS_TEMPFAIL, false, 0 \
	}
#define REVERSE6(digit) \
	digit ".0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2" \
	      ".ip6.arpa"

static const struct fake_record world[] = {
	TXT("neutral.test", "v=spf1"),
	TXT("pass.test", "v=spf1 +all"),
	TXT("fail.test", "v=spf1 -all"),
	TXT("soft.test", "v=spf1 ~all"),
	TXT("host.test", "v=spf1 -all"),
	FAILS("broken.test", 0),
	/* selection */
	TXT("others.test", "v=spf10 +all"),
	TXT("others.test", "verification=\x80"),
	TXT("others.test", "V=SPF1 ip4:192.0.2.1"),
	TXT("two.test", "v=spf1 +all"),
	TXT("two.test", "v=spf1 +all"),
	TXT("bad.test", "v=spf1 +all moo"),
	A("notxt.test", "192.0.2.1"),
	/* networks */
	TXT("nets.test", "v=spf1 ~ip4:192.0.2.0/25 -ip6:2001:db8::/64 +all"),
	TXT("mapped.test", "v=spf1 ip6:::/0 ip6:::ffff:192.0.2.1 -all"),
	/* a, mx */
	TXT("a.test", "v=spf1 a -a:w.test/24 ?a:v6.test//32 ~all"),
	A("a.test", "192.0.2.1"),
	A("w.test", "198.51.100.7"),
	AAAA("v6.test", "2001:db8::7"),
	TXT("mx.test", "v=spf1 mx -all"),
	MX("mx.test", "10 h1.test"),
	MX("mx.test", "20 H2.test"),
	A("h1.test", "192.0.2.9"),
	A("h2.test", "192.0.2.1"),
	TXT("nullmx.test", "v=spf1 mx -all"),
	MX("nullmx.test", "0 ."),
	A("nullmx.test", "192.0.2.1"),
	TXT("brokena.test", "v=spf1 a:broken.test +all"),
	TXT("brokenmx.test", "v=spf1 mx:broken.test +all"),
	TXT("brokenhost.test", "v=spf1 mx +all"),
	MX("brokenhost.test", "10 broken.test"),
	TXT("brokenexists.test", "v=spf1 exists:broken.test +all"),
	TXT("brokeninclude.test", "v=spf1 include:broken.test +all"),
	/* exists */
	TXT("exists.test", "v=spf1 exists:%{ir}.list.test -all"),
	A("1.2.0.192.list.test", "127.0.0.2"),
	/* include, redirect */
	TXT("include.test",
	    "v=spf1 include:fail.test include:soft.test include:neutral.test "
	    "?include:pass.test -all"),
	TXT("incnone.test", "v=spf1 include:notxt.test +all"),
	TXT("incbad.test", "v=spf1 include:bad.test +all"),
	TXT("incname.test", "v=spf1 include:%{h} +all"),
	TXT("redirect.test", "v=spf1 ip4:10.0.0.1 redirect=a.test"),
	TXT("rednone.test", "v=spf1 redirect=nowhere.test"),
	TXT("rednot.test", "v=spf1 redirect=fail.test ~all"),
	TXT("increddir.test", "v=spf1 include:redirect.test -all"),
	/* ptr and p */
	TXT("ptr.test", "v=spf1 ptr -all"),
	PTR("1.2.0.192.in-addr.arpa", "other.example"),
	PTR("1.2.0.192.in-addr.arpa", "Mail.Ptr.test"),
	A("other.example", "192.0.2.1"),
	A("mail.ptr.test", "192.0.2.1"),
	PTR("2.2.0.192.in-addr.arpa", "mail.ptr.test"),
	PTR("3.2.0.192.in-addr.arpa", "broken.test"),
	PTR("3.2.0.192.in-addr.arpa", "notptr.test"),
	A("notptr.test", "192.0.2.3"),
	FAILS("4.2.0.192.in-addr.arpa", 0),
	PTR(REVERSE6("1"), "mail.ptr.test"),
	AAAA("mail.ptr.test", "2001:db8::1"),
	TXT("brokenptr.test", "v=spf1 ptr:broken.test -all"),
	TXT("p.test", "v=spf1 exists:%{p}.p.test -all"),
	A("mail.ptr.test.p.test", "127.0.0.2"),
	A("other.example.p.test", "127.0.0.2"),
	A("unknown.p.test", "127.0.0.2"),
	/* names of odd octets */
	TXT("odd.test", "v=spf1 a:a%_b\\%%.test -all"),
	A("a\\032b\\\\%.test", "192.0.2.1"),
	/* explanations */
	TXT("exp.test", "v=spf1 -all exp=why.test"),
	TXT("why.test", "%{c} is not %{o}, says %{r} to %{L}. %{p}"),
	TXT("expinc.test", "v=spf1 include:exp.test -all"),
	TXT("expincfail.test", "v=spf1 -include:pass.test exp=short.test"),
	TXT("expred.test", "v=spf1 exp=why.test redirect=exp2.test"),
	TXT("exp2.test", "v=spf1 -all exp=short.test"),
	TXT("expdrop.test", "v=spf1 exp=why.test redirect=fail.test"),
	TXT("short.test", "No."),
	TXT("expsoft.test", "v=spf1 ~all exp=why.test"),
	TXT("expnone.test", "v=spf1 -all exp=nowhere.test"),
	TXT("expbroken.test", "v=spf1 -all exp=broken.test"),
	TXT("exptwo.test", "v=spf1 -all exp=two.test"),
	TXT("expbad.test", "v=spf1 -all exp=badwhy.test"),
	TXT("badwhy.test", "100% sure"),
	TXT("exp8bit.test", "v=spf1 -all exp=8bit.test"),
	TXT("8bit.test", "caf\xc3\xa9"),
	TXT("expname.test", "v=spf1 -all exp=%{h}..test"),
	TXT("expname2.test", "v=spf1 -all exp=x..test"),
	{ 0 },
};

static const struct {
	const char *ip, *mail_from, *wanted;
} answers_wanted[] = {
	{ "192.0.2.1", "u@neutral.test", "neutral default" },
	{ "192.0.2.1", "u@pass.test", "pass all" },
	{ "192.0.2.1", "u@fail.test", "fail all" },
	{ "192.0.2.1", "u@soft.test", "softfail all" },
	{ "192.0.2.1", "u@broken.test", "temperror" },
	{ "192.0.2.1", "u@nowhere.test", "none" },
	{ "192.0.2.1", "u@notxt.test", "none" },
	{ "192.0.2.1", "u@FAIL.Test.", "fail all" },
	{ "192.0.2.1", "\"u@pass.test\"@fail.test", "fail all" },
	{ "192.0.2.1", "fail.test", "fail all" },
	/* the identity */
	{ "192.0.2.1", "", "fail all" },
	{ "192.0.2.1", "u@", "fail all" },
	{ "192.0.2.1", "u@test", "none" },
	{ "192.0.2.1", "u@[192.0.2.1]", "none" },
	{ "192.0.2.1", "u@[a.fail.test]", "none" },
	{ "192.0.2.1", "u@a..fail.test", "none" },
	{ "192.0.2.1", "u@.fail.test", "none" },
	{ "192.0.2.1", "u@a b.test", "none" },
	/* selection */
	{ "192.0.2.1", "u@others.test", "pass ip4:192.0.2.1" },
	{ "192.0.2.1", "u@two.test", "permerror" },
	{ "192.0.2.1", "u@bad.test", "permerror" },
	/* networks */
	{ "192.0.2.127", "u@nets.test", "softfail ip4:192.0.2.0/25" },
	{ "192.0.2.128", "u@nets.test", "pass all" },
	{ "2001:db8::ffff", "u@nets.test", "fail ip6:2001:db8::/64" },
	{ "2001:db8:0:1::1", "u@nets.test", "pass all" },
	{ "::ffff:192.0.2.1", "u@nets.test", "softfail ip4:192.0.2.0/25" },
	{ "192.0.2.1", "u@mapped.test", "fail all" },
	{ "2001:db8::1", "u@mapped.test", "pass ip6:::/0" },
	/* a, mx, exists */
	{ "192.0.2.1", "u@a.test", "pass a" },
	{ "198.51.100.200", "u@a.test", "fail a:w.test/24" },
	{ "2001:db8:f::1", "u@a.test", "neutral a:v6.test//32" },
	{ "203.0.113.1", "u@a.test", "softfail all" },
	{ "192.0.2.1", "u@mx.test", "pass mx" },
	{ "192.0.2.2", "u@mx.test", "fail all" },
	{ "192.0.2.1", "u@nullmx.test", "fail all" },
	{ "192.0.2.1", "u@brokena.test", "temperror" },
	{ "192.0.2.1", "u@brokenmx.test", "temperror" },
	{ "192.0.2.1", "u@brokenhost.test", "temperror" },
	{ "192.0.2.1", "u@brokenexists.test", "temperror" },
	{ "192.0.2.1", "u@brokeninclude.test", "temperror" },
	{ "192.0.2.1", "u@exists.test", "pass exists:%{ir}.list.test" },
	{ "192.0.2.2", "u@exists.test", "fail all" },
	{ "192.0.2.1", "u@odd.test", "pass a:a%_b\\%%.test" },
	/* include, redirect */
	{ "192.0.2.1", "u@include.test", "neutral include:pass.test" },
	{ "192.0.2.1", "u@incnone.test", "permerror" },
	{ "192.0.2.1", "u@incbad.test", "permerror" },
	{ "192.0.2.1", "u@redirect.test", "pass a" },
	{ "198.51.100.1", "u@redirect.test", "fail a:w.test/24" },
	{ "192.0.2.1", "u@rednone.test", "permerror" },
	{ "192.0.2.1", "u@rednot.test", "softfail all" },
	{ "10.0.0.1", "u@increddir.test", "pass include:redirect.test" },
	/* ptr and p */
	{ "192.0.2.1", "u@ptr.test", "pass ptr" },
	{ "2001:db8::1", "u@ptr.test", "pass ptr" },
	{ "192.0.2.2", "u@ptr.test", "fail all" },
	{ "192.0.2.3", "u@ptr.test", "fail all" },
	{ "192.0.2.4", "u@ptr.test", "fail all" },
	{ "192.0.2.3", "u@brokenptr.test", "fail all" },
	{ "192.0.2.1", "u@p.test", "pass exists:%{p}.p.test" },
	{ "192.0.2.4", "u@p.test", "pass exists:%{p}.p.test" },
	{ "192.0.2.3", "u@p.test", "fail all" },
	/* explanations */
	{ "192.0.2.1", "a&b@exp.test",
	    "fail all 192.0.2.1 is not exp.test, says mx.here.test to a%26b. "
	    "other.example" },
	{ "192.0.2.4", "@exp.test",
	    "fail all 192.0.2.4 is not exp.test, says mx.here.test to "
	    "postmaster. unknown" },
	{ "192.0.2.1", "u@expinc.test", "fail all" },
	{ "192.0.2.1", "u@expincfail.test", "fail include:pass.test No." },
	{ "192.0.2.1", "u@expred.test", "fail all No." },
	{ "192.0.2.1", "u@expdrop.test", "fail all" },
	{ "192.0.2.1", "u@expsoft.test", "softfail all" },
	{ "192.0.2.1", "u@expnone.test", "fail all" },
	{ "192.0.2.1", "u@expbroken.test", "fail all" },
	{ "192.0.2.1", "u@exptwo.test", "fail all" },
	{ "192.0.2.1", "u@expbad.test", "fail all" },
	{ "192.0.2.1", "u@exp8bit.test", "fail all" },
	{ "192.0.2.1", "u@expname2.test", "fail all" },
};

static void
records_are_followed(void **state)
{
	(void)state;
	use(world);
	for (size_t i = 0; i < sizeof answers_wanted / sizeof *answers_wanted;
	     i++)
		assert_str(ask(answers_wanted[i].ip, "fail.test",
			       answers_wanted[i].mail_from),
		    str_of(answers_wanted[i].wanted));
}

static void
errors_have_a_reason(void **state)
{
	static const struct {
		const char *mail_from, *why;
	} cases[] = {
		{ "u@pass.test", "" },
		{ "u@two.test", "A domain has several records" },
		{ "u@bad.test", "There is an unknown mechanism" },
		{ "u@broken.test", "A record can't be looked up now" },
	};
	(void)state;
	use(world);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ask("192.0.2.1", "x.test", cases[i].mail_from);
		assert_string_equal(check.why, cases[i].why);
	}
}

static void
the_domain_is_told(void **state)
{
	(void)state;
	use(world);
	ask("192.0.2.1", "HELO.test", "u@pass.test.");
	assert_str(check.domain, STR("pass.test"));
	ask("192.0.2.1", "HELO.test", "");
	assert_str(check.domain, STR("HELO.test"));
	ask("192.0.2.1", "[192.0.2.1]", "");
	assert_str(check.domain, STR(""));
	assert_int_equal(fake_resolver_asked(), 2);
}

static void
a_greeting_that_is_no_name_matches_nothing(void **state)
{
	static const char *const helos[] = { "", "test", "a..b", "[192.0.2.1]",
		"\x80\x01 ", "(no name)" };
	(void)state;
	static const struct fake_record rows[] = {
		TXT("a.test", "v=spf1 a:%{h} exists:x.%{h} -all"),
		TXT("i.test", "v=spf1 include:%{h} +all"),
		{ 0 },
	};
	use(rows);
	for (size_t i = 0; i < sizeof helos / sizeof *helos; i++) {
		assert_str(
		    ask("192.0.2.1", helos[i], "u@a.test"), STR("fail all"));
		assert_str(
		    ask("192.0.2.1", helos[i], "u@i.test"), STR("permerror"));
	}
}

static void
quotes_are_no_part_of_the_local_part(void **state)
{
	static const struct fake_record rows[] = {
		TXT("q.test", "v=spf1 -all exp=e.test"),
		TXT("e.test", "%{l} %{s}"),
		{ 0 },
	};
	(void)state;
	use(rows);
	assert_str(ask("192.0.2.1", "x.test", "\"a b\\\"c\"@q.test"),
	    STR("fail all a b\"c a b\"c@q.test"));
}

/* RFC 7208 6.2: it goes into a reply, where only printable US-ASCII may */
static void
explanations_are_clean_and_short(void **state)
{
	static char text[301] = "%{l}";
	const struct fake_record rows[] = {
		TXT("c.test", "v=spf1 -all exp=e.test"),
		TXT("e.test", text),
		{ 0 },
	};
	(void)state;
	memset(text + 4, 'x', sizeof text - 5);
	use(rows);
	ask("192.0.2.1", "x.test", "\"a\r\n250 \x1b\xc3\"@c.test");
	assert_int_equal(check.explanation.n, 255);
	assert_str(str_sub(check.explanation, 0, 10), STR("a??250 ??x"));
}

static void
the_preferred_name_is_the_nearest(void **state)
{
	static const struct fake_record rows[] = {
		TXT("d.test", "v=spf1 -all exp=e.test"),
		TXT("e.test", "%{p}"),
		PTR("1.2.0.192.in-addr.arpa", "far.example"),
		PTR("1.2.0.192.in-addr.arpa", "sub.d.test"),
		PTR("1.2.0.192.in-addr.arpa", "d.test"),
		PTR("2.2.0.192.in-addr.arpa", "far.example"),
		PTR("2.2.0.192.in-addr.arpa", "d.test"),
		PTR("2.2.0.192.in-addr.arpa", "sub.d.test"),
		PTR("3.2.0.192.in-addr.arpa", "sub.d.test"),
		PTR("3.2.0.192.in-addr.arpa", "far.example"),
		A("d.test", "192.0.2.1"),
		A("sub.d.test", "192.0.2.2"),
		A("far.example", "192.0.2.3"),
		{ 0 },
	};
	(void)state;
	use(rows);
	assert_str(
	    ask("192.0.2.1", "x.test", "u@d.test"), STR("fail all d.test"));
	assert_int_equal(fake_resolver_asked(), 4);
	assert_str(
	    ask("192.0.2.2", "x.test", "u@d.test"), STR("fail all sub.d.test"));
	assert_str(ask("192.0.2.3", "x.test", "u@d.test"),
	    STR("fail all far.example"));
}

/* ---- limits ---- */

static void
hostile_records_cost_few_questions(void **state)
{
	static const struct fake_record rows[] = {
		TXT("self.test", "v=spf1 include:self.test -all"),
		TXT("again.test", "v=spf1 redirect=again.test"),
		TXT("ping.test", "v=spf1 include:pong.test -all"),
		TXT("pong.test", "v=spf1 redirect=ping.test"),
		TXT("ten.test",
		    "v=spf1 a a a a a a a a a exists:x.test ip4:192.0.2.1"),
		TXT("eleven.test", "v=spf1 a a a a a a a a a a a +all"),
		TXT("nine.test",
		    "v=spf1 a:ten.test a:ten.test include:in.test mx +all"),
		TXT("in.test", "v=spf1 a a a a a a a -all"),
		A("ten.test", "10.0.0.1"),
		A("x.test", "10.0.0.1"),
		A("eleven.test", "10.0.0.1"),
		A("in.test", "10.0.0.1"),
		A("nine.test", "10.0.0.1"),
		TXT("void2.test", "v=spf1 a:v1.test mx:v2.test ?all"),
		TXT("void3.test",
		    "v=spf1 a:v1.test mx:v2.test exists:v3.test +all"),
		TXT("voidptr.test", "v=spf1 ptr ptr ptr +all"),
		TXT("voidhosts.test",
		    "v=spf1 mx mx:voidhosts.test. mx:VOIDHOSTS.test a:v1.test "
		    "a:v2.test -all"),
		MX("voidhosts.test", "10 v1.test"),
		MX("voidhosts.test", "10 v2.test"),
		MX("voidhosts.test", "10 v3.test"),
		TXT("random.test",
		    "v=spf1 exists:%{l}1.v.test exists:%{l}2.v.test "
		    "exists:%{l}3.v.test exists:%{l}4.v.test +all"),
		RR("cname.test", DNS_CNAME, "cname.test"),
		{ 0 },
	};
	static const struct {
		const char *mail_from, *wanted;
		unsigned questions;
	} cases[] = {
		{ "u@self.test", "permerror", 1 },
		{ "u@again.test", "permerror", 1 },
		{ "u@ping.test", "permerror", 2 },
		{ "u@ten.test", "pass exists:x.test", 3 },
		{ "u@eleven.test", "permerror", 2 },
		{ "u@nine.test", "permerror", 4 },
		{ "u@void2.test", "neutral all", 3 },
		{ "u@void3.test", "permerror", 4 },
		{ "u@voidptr.test", "permerror", 2 },
		{ "u@voidhosts.test", "fail all", 5 },
		{ "u@random.test", "permerror", 4 },
		{ "u@cname.test", "none", 1 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		use(rows);
		assert_str(ask("192.0.2.1", "x.test", cases[i].mail_from),
		    str_of(cases[i].wanted));
		assert_int_equal(fake_resolver_asked(), cases[i].questions);
		assert_int_equal(BUDGET - budget.left, cases[i].questions);
	}
}

/* The ten terms count, each of them; what they ask for is asked for once. */
static void
nothing_is_asked_for_twice(void **state)
{
	static const struct fake_record rows[] = {
		TXT("same.test",
		    "v=spf1 mx:d.test mx:D.test mx:d.test mx:d.test mx:d.test "
		    "mx:d.test mx:d.test mx:d.test mx:d.test a:h3.test +all"),
		MX("d.test", "10 h1.test"),
		MX("d.test", "20 h2.test"),
		MX("d.test", "30 h3.test"),
		A("h1.test", "10.0.0.1"),
		A("h2.test", "10.0.0.2"),
		A("h3.test", "10.0.0.3"),
		TXT("gone.test", "v=spf1 a:n.test a:n.test a:n.test +all"),
		TXT("down.test", "v=spf1 ptr -all"),
		FAILS("1.2.0.192.in-addr.arpa", DNS_PTR),
		{ 0 },
	};
	(void)state;
	use(rows);
	assert_str(ask("192.0.2.1", "x.test", "u@same.test"), STR("pass all"));
	assert_int_equal(fake_resolver_asked(), 1 + 1 + 3);
	use(rows);
	assert_str(
	    ask("10.0.0.3", "x.test", "u@same.test"), STR("pass mx:d.test"));
	use(rows);
	assert_str(ask("192.0.2.1", "x.test", "u@gone.test"), STR("permerror"));
	assert_int_equal(fake_resolver_asked(), 2);
	use(rows);
	assert_str(ask("192.0.2.1", "x.test", "u@down.test"), STR("fail all"));
}

/* An answer that is too large to be kept for one message is asked for again. */
static void
large_answers_are_not_kept(void **state)
{
	(void)state;
	struct buf text = buf_of(STR("v=spf1 -all"));
	while (text.n < 5000)
		buf_adds(&text, " ip4:10.0.0.1");
	const struct fake_record rows[] = {
		TXT("twice.test",
		    "v=spf1 include:large.test "
		    "include:large.test +all"),
		TXT("large.test", buf_cstr(&text)),
		{ 0 },
	};
	use(rows);
	assert_str(ask("192.0.2.1", "x.test", "u@twice.test"), STR("pass all"));
	assert_int_equal(fake_resolver_asked(), 3);
	buf_free(&text);
}

/* RFC 8616 4 */
static void
other_scripts_become_a_labels(void **state)
{
	static const struct fake_record rows[] = {
		TXT("xn--bcher-kva.test", "v=spf1 exists:%{o}.e.test -all"),
		A("xn--bcher-kva.test.e.test", "127.0.0.2"),
		TXT("local.test",
		    "v=spf1 include:%{s}.e.test -exists:%{l}.e.test "
		    "exists:%{o}.e.test -all"),
		A("local.test.e.test", "127.0.0.2"),
		{ 0 },
	};
	(void)state;
	use(rows);
	assert_str(ask("192.0.2.1", "x.test",
		       "u@B\xc3\xbc"
		       "cher.test"),
	    STR("pass exists:%{o}.e.test"));
	assert_str(check.domain, STR("xn--bcher-kva.test"));
	assert_str(ask("192.0.2.1", "x.test", "\xc3\xbc@local.test"),
	    STR("pass exists:%{o}.e.test"));
	assert_str(ask("192.0.2.1", "x.test", "u@\xff.test"), STR("none"));
}

static void
a_greeting_loses_its_last_dot(void **state)
{
	static const struct fake_record rows[] = {
		TXT("d.test", "v=spf1 exists:%{h}.e.test -all"),
		A("he.lo.e.test", "127.0.0.2"),
		{ 0 },
	};
	(void)state;
	use(rows);
	assert_str(ask("192.0.2.1", "he.lo.", "u@d.test"),
	    STR("pass exists:%{h}.e.test"));
}

/* A chain of includes ends at the limit, with all records on the stack. */
static void
a_deep_chain_of_includes_ends(void **state)
{
	static struct fake_record rows[21];
	static char names[20][32], texts[20][64];
	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(names[i], sizeof names[i], "d%d.test", i);
		snprintf(texts[i], sizeof texts[i],
		    i == 10 ? "v=spf1 +all" : "v=spf1 include:d%d.test -all",
		    i + 1);
		rows[i] = (struct fake_record)TXT(names[i], texts[i]);
	}
	use(rows);
	assert_str(ask("192.0.2.1", "x.test", "u@d0.test"),
	    STR("pass include:d1.test"));
	assert_int_equal(fake_resolver_asked(), 11);
	snprintf(texts[10], sizeof texts[10], "v=spf1 include:d11.test");
	use(rows);
	assert_str(ask("192.0.2.1", "x.test", "u@d0.test"), STR("permerror"));
	assert_int_equal(fake_resolver_asked(), 11);
}

/* An MX set or names of an address; one of them has the client's address. */
static const struct fake_record *
crowd(const char *owner, enum dns_type type, int count, int ours)
{
	static struct fake_record rows[2 * 111 + 2];
	static char values[111][32], names[111][32];
	int n = 0;
	rows[n++] = (struct fake_record)TXT("crowd.test", "v=spf1 mx ptr -all");
	for (int i = 0; i < count; i++) {
		snprintf(names[i], sizeof names[i], "h%d.crowd.test", i);
		snprintf(values[i], sizeof values[i], "%s%s",
		    type == DNS_MX ? "10 " : "", names[i]);
		rows[n++] = (struct fake_record)RR(owner, type, values[i]);
		rows[n++] = (struct fake_record)A(
		    names[i], i == ours ? "192.0.2.1" : "10.0.0.1");
	}
	rows[n] = (struct fake_record){ 0 };
	return rows;
}

static void
a_crowd_of_names_is_cut_short(void **state)
{
	(void)state;
	use(crowd("crowd.test", DNS_MX, 10, 9));
	assert_str(ask("192.0.2.1", "x.test", "u@crowd.test"), STR("pass mx"));
	assert_int_equal(fake_resolver_asked(), 12);
	use(crowd("crowd.test", DNS_MX, 11, 0));
	assert_str(
	    ask("192.0.2.1", "x.test", "u@crowd.test"), STR("permerror"));
	assert_int_equal(fake_resolver_asked(), 2);
	use(crowd("crowd.test", DNS_MX, 111, 0));
	assert_str(
	    ask("192.0.2.1", "x.test", "u@crowd.test"), STR("permerror"));
	assert_int_equal(fake_resolver_asked(), 2);
	use(crowd("1.2.0.192.in-addr.arpa", DNS_PTR, 111, 9));
	assert_str(ask("192.0.2.1", "x.test", "u@crowd.test"), STR("pass ptr"));
	assert_int_equal(fake_resolver_asked(), 13);
	use(crowd("1.2.0.192.in-addr.arpa", DNS_PTR, 111, 10));
	assert_str(ask("192.0.2.1", "x.test", "u@crowd.test"), STR("fail all"));
	assert_int_equal(fake_resolver_asked(), 13);
}

/* However often it is named, the client has its names only once. */
static void
the_names_are_found_once(void **state)
{
	static const struct fake_record rows[] = {
		TXT("n.test",
		    "v=spf1 ptr ptr:b.test exists:%{p}.n.test "
		    "exists:%{p}.n.test -all exp=e.test"),
		TXT("e.test", "%{p}"),
		PTR("1.2.0.192.in-addr.arpa", "a.example"),
		PTR("1.2.0.192.in-addr.arpa", "b.example"),
		A("a.example", "10.0.0.1"),
		A("b.example", "192.0.2.1"),
		{ 0 },
	};
	(void)state;
	use(rows);
	assert_str(
	    ask("192.0.2.1", "x.test", "u@n.test"), STR("fail all b.example"));
	assert_int_equal(fake_resolver_asked(), 1 + 1 + 2 + 1 + 1);
}

static void
long_records_cost_no_more_questions(void **state)
{
	(void)state;
	enum {
		TERMS = 10000
	};
	static const char *const words[] = { " ip4:10.0.0.1", " a", " all=%{d}",
		" a:%{s}%{s}.x" };
	static const char *const wanted[] = { "pass ip4:192.0.2.1", "permerror",
		"pass ip4:192.0.2.1", "permerror" };
	static const unsigned questions[] = { 1, 2, 1, 2 };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct buf text = buf_of(STR("v=spf1"));
		for (int n = 0; n < TERMS; n++)
			buf_adds(&text, words[i]);
		buf_adds(&text, " ip4:192.0.2.1");
		const struct fake_record rows[] = {
			TXT("long.test", buf_cstr(&text)),
			{ 0 },
		};
		use(rows);
		assert_str(ask("192.0.2.1", "x.test", "u@long.test"),
		    str_of(wanted[i]));
		assert_int_equal(fake_resolver_asked(), questions[i]);
		buf_free(&text);
	}
}

static void
a_text_of_64_kb_is_looked_at(void **state)
{
	(void)state;
	struct buf text = buf_of(STR("v=spf1 "));
	while (text.n < 65535)
		buf_adds(&text, "%{s}");
	const struct fake_record rows[] = {
		TXT("big.test", buf_cstr(&text)),
		TXT("exp.test", "v=spf1 -all exp=why.test"),
		TXT("why.test", buf_cstr(&text) + 7),
		{ 0 },
	};
	use(rows);
	assert_str(ask("192.0.2.1", "x.test", "u@big.test"), STR("permerror"));
	assert_str(ask("192.0.2.1", "x.test", "u@exp.test"), STR("fail all"));
	assert_int_equal(fake_resolver_asked(), 3);
	buf_free(&text);
}

static void
the_share_is_never_exceeded(void **state)
{
	static const struct fake_record rows[] = {
		TXT("s.test", "v=spf1 a a:t.test -all exp=e.test"),
		A("s.test", "10.0.0.1"),
		A("t.test", "10.0.0.1"),
		TXT("e.test", "No."),
		{ 0 },
	};
	static const char *const wanted[] = { "permerror", "permerror",
		"permerror", "fail all", "fail all No." };
	(void)state;
	for (unsigned share = 0; share < 5; share++) {
		use(rows);
		budget.left = share;
		assert_str(ask("192.0.2.1", "x.test", "u@s.test"),
		    str_of(wanted[share]));
		assert_int_equal(fake_resolver_asked(), share);
		assert_int_equal(budget.left, 0);
	}
}

/* ---- time ---- */

static void
an_answer_takes_20_seconds_at_most(void **state)
{
	(void)state;
	use(world);
	fake_resolver_hold(true);
	start("192.0.2.1", "x.test", "u@pass.test");
	fake_loop_advance(loop, 19999);
	assert_int_equal(answers, 0);
	fake_loop_advance(loop, 1);
	assert_int_equal(answers, 1);
	assert_int_equal(check.result, SPF_TEMPERROR);
	assert_string_equal(check.why, "The DNS took too long");
	fake_resolver_hold(false);
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
	spf_cancel(&check);
}

static const struct fake_record late[] = {
	TXT("l.test", "v=spf1 -all exp=e.test"),
	TXT("e.test", "No."),
	{ 0 },
};

static void
a_late_explanation_changes_nothing(void **state)
{
	(void)state;
	use(late);
	fake_resolver_hold(true);
	start("192.0.2.1", "x.test", "u@l.test");
	fake_resolver_hold(false);
	fake_resolver_hold(true);
	fake_loop_advance(loop, 19999);
	assert_int_equal(fake_resolver_asked(), 2);
	assert_int_equal(answers, 0);
	fake_loop_advance(loop, 1);
	assert_int_equal(answers, 1);
	assert_int_equal(check.result, SPF_FAIL);
	assert_str(check.explanation, STR(""));
	assert_string_equal(check.why, "");
	spf_cancel(&check);
}

static void
nothing_comes_after_a_cancel(void **state)
{
	(void)state;
	use(world);
	spf_cancel(&check); /* idle */
	start("192.0.2.1", "x.test", "u@a..b");
	spf_cancel(&check); /* answered, not told */
	start("192.0.2.1", "x.test", "u@exp.test");
	spf_cancel(&check); /* asked */
	spf_cancel(&check);
	fake_loop_advance(loop, 30000);
	assert_int_equal(answers, 0);
}

/* ---- the rest ---- */

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	resolver = resolver_new(loop, "", false);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	spf_cancel(&check);
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_followed),
		cmocka_unit_test(errors_have_a_reason),
		cmocka_unit_test(the_domain_is_told),
		cmocka_unit_test(a_greeting_that_is_no_name_matches_nothing),
		cmocka_unit_test(quotes_are_no_part_of_the_local_part),
		cmocka_unit_test(explanations_are_clean_and_short),
		cmocka_unit_test(the_preferred_name_is_the_nearest),
		cmocka_unit_test(hostile_records_cost_few_questions),
		cmocka_unit_test(nothing_is_asked_for_twice),
		cmocka_unit_test(large_answers_are_not_kept),
		cmocka_unit_test(other_scripts_become_a_labels),
		cmocka_unit_test(a_greeting_loses_its_last_dot),
		cmocka_unit_test(a_deep_chain_of_includes_ends),
		cmocka_unit_test(a_crowd_of_names_is_cut_short),
		cmocka_unit_test(the_names_are_found_once),
		cmocka_unit_test(long_records_cost_no_more_questions),
		cmocka_unit_test(a_text_of_64_kb_is_looked_at),
		cmocka_unit_test(the_share_is_never_exceeded),
		cmocka_unit_test(an_answer_takes_20_seconds_at_most),
		cmocka_unit_test(a_late_explanation_changes_nothing),
		cmocka_unit_test(nothing_comes_after_a_cancel),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
