#include "lib/mail/authres.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- reading ---- */

static const struct {
	struct str value;
	const char *wanted; /* see describe(); NULL: malformed */
} fields[] = {
	/* RFC 8601 B.1 to B.6 */
	{ TEXT(" example.org 1; none"), "example.org" },
	{ TEXT(" example.com;\r\n spf=pass smtp.mailfrom=example.net"),
	    "example.com spf=pass{smtp.mailfrom=example.net}" },
	{ TEXT(" example.com;\r\n auth=pass (cram-md5)"
	       " smtp.auth=sender@example.net;\r\n"
	       " spf=pass smtp.mailfrom=example.net"),
	    "example.com auth=pass{smtp.auth=sender@example.net}"
	    " spf=pass{smtp.mailfrom=example.net}" },
	{ TEXT(" example.com;\r\n dkim=pass (good signature)"
	       " header.d=example.com"),
	    "example.com dkim=pass{header.d=example.com}" },
	{ TEXT(" example.com;\r\n"
	       " dkim=pass reason=\"good signature\"\r\n"
	       "  header.i=@mail-router.example.net;\r\n"
	       " dkim=fail reason=\"bad signature\"\r\n"
	       "  header.i=@newyork.example.com"),
	    "example.com dkim=pass(good signature)"
	    "{header.i=@mail-router.example.net}"
	    " dkim=fail(bad signature){header.i=@newyork.example.com}" },
	{ TEXT(
	      " foo.example.net (foobar) 1 (baz);\r\n"
	      " dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
	      "  policy (A dot can go here) . (like that) expired\r\n"
	      "  (this surprised me) = (as I wasn't expecting it) 1362471462"),
	    "foo.example.net dkim=fail{policy.expired=1362471462}" },
	/* the authserv-id */
	{ TEXT("a.test; none"), "a.test" },
	{ TEXT("(c) \"a.test\" (c) ; (c) NONE (c)"), "a.test" },
	{ TEXT("\"a \\\"b\\\\ \xc3\xa4\"; none"), "a \"b\\ \xc3\xa4" },
	{ TEXT("\"a\r\n b\"; none"), "a b" },
	{ TEXT("a.test(c)12; none"), "a.test" },
	{ TEXT("a.test; none;"), NULL },
	{ TEXT(""), NULL },
	{ TEXT(" "), NULL },
	{ TEXT("(c)"), NULL },
	{ TEXT("a.test"), NULL },
	{ TEXT("a.test;"), NULL },
	{ TEXT("; none"), NULL },
	{ TEXT("\"\"; none"), NULL },
	{ TEXT("a.test b.test; none"), NULL },
	{ TEXT("a.test 1 2; none"), NULL },
	{ TEXT("a.test 1x; none"), NULL },
	{ TEXT("\"a.test; none"), NULL },
	{ TEXT("(a.test; none"), NULL },
	{ TEXT("a\0b; none"), NULL },
	{ TEXT("\"a\0b\"; none"), NULL },
	{ TEXT("spf=pass (x) smtp.mailfrom=a@b.test; dkim=none"), NULL },
	{ TEXT("spf=pass; dkim=none"), NULL },
	/* results */
	{ TEXT("x; A=Pass; b-c=D_E"), "x a=pass b-c=d_e" },
	{ TEXT("x;a=pass;b=fail"), "x a=pass b=fail" },
	{ TEXT("x; a=none; b=none"), "x a=none b=none" },
	{ TEXT("x; a=pass;"), "x a=pass" },
	{ TEXT("x; a=pass; (c) "), "x a=pass" },
	{ TEXT("x; none; a=pass"), NULL },
	{ TEXT("x; none a=pass"), NULL },
	{ TEXT("x; a=pass; none"), NULL },
	{ TEXT("x; a=pass;; b=fail"), NULL },
	{ TEXT("x; a"), NULL },
	{ TEXT("x; a="), NULL },
	{ TEXT("x; =pass"), NULL },
	{ TEXT("x; a/=pass"), NULL },
	{ TEXT("x; a=pass b"), NULL },
	{ TEXT("x; a=pass b.c"), NULL },
	{ TEXT("x; a=pass b.=c"), NULL },
	{ TEXT("x; a=pass .b=c"), NULL },
	{ TEXT("x; a=pass, b=fail"), NULL },
	{ TEXT("x; a=pass (c"), NULL },
	{ TEXT("x; a=pass )"), NULL },
	/* properties */
	{ TEXT("x; a=pass P.Q=V r.s = (c) \"t u\" (c)"),
	    "x a=pass{p.q=V}{r.s=t u}" },
	{ TEXT("x; a=pass reason=word p.q=v"), "x a=pass(word){p.q=v}" },
	{ TEXT("x; a=pass p.q=\"b c\"@d.test"), "x a=pass{p.q=b c@d.test}" },
	{ TEXT("x; a=pass p.q=b (c) @d.test"), "x a=pass{p.q=b@d.test}" },
	{ TEXT("x; a=pass p.q=@d.test"), "x a=pass{p.q=@d.test}" },
	{ TEXT("x; a=pass p.q=\"a;b\\\"(\""), "x a=pass{p.q=a;b\"(}" },
	{ TEXT("x; a=pass p.q=\"\""), "x a=pass{p.q=}" },
	{ TEXT("x; a=pass p.q=; b=fail"), "x a=pass{p.q=} b=fail" },
	{ TEXT("x; a=pass p.q=\"v"), NULL },
	{ TEXT("x; a=pass p.q=\"v\\\""), NULL },
	{ TEXT("x; a=pass p.q=a@b @c"), NULL },
	{ TEXT("x; a=pass p.q=a\x7f"), NULL },
	/* what others write */
	{ TEXT(" mx.test 1; spf=pass (sender ip is 192.0.2.1)"
	       " smtp.rcpttodomain=b.test smtp.mailfrom=a.test;"
	       " dmarc=pass (p=none sp=none pct=100) action=none"
	       " header.from=a.test; dkim=pass (signature was verified)"
	       " header.d=a.test; arc=none"),
	    "mx.test spf=pass{smtp.rcpttodomain=b.test}{smtp.mailfrom=a.test}"
	    " dmarc=pass{header.from=a.test} dkim=pass{header.d=a.test}"
	    " arc=none" },
	{ TEXT("mx.test; dkim=pass header.i=@a.test header.b=ab/c+d=="),
	    "mx.test dkim=pass{header.i=@a.test}{header.b=ab/c+d==}" },
	{ TEXT("mx.test; iprev=pass policy.iprev=2001:db8::1"),
	    "mx.test iprev=pass{policy.iprev=2001:db8::1}" },
	{ TEXT("mx.test; spf=none smtp.mailfrom=<>"),
	    "mx.test spf=none{smtp.mailfrom=<>}" },
};

/* "id method=result(reason){type.name=value} ..." */
static void
describe(const struct authres *field, struct buf *out)
{
	buf_add(out, field->id);
	for (size_t i = 0; i < field->count; i++) {
		const struct authres_result *result = &field->results[i];
		buf_addf(out, " %.*s=%.*s", STR_ARG(result->method),
		    STR_ARG(result->result));
		if (result->reason.n > 0)
			buf_addf(out, "(%.*s)", STR_ARG(result->reason));
		for (size_t k = 0; k < result->count; k++) {
			struct authres_property *p = &result->properties[k];
			buf_addf(out, "{%.*s.%.*s=%.*s}", STR_ARG(p->type),
			    STR_ARG(p->name), STR_ARG(p->value));
		}
	}
}

static void
reads_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct arena arena = { 0 };
		struct authres field;
		struct buf got = { 0 };
		const char *why = NULL;
		/* In memory of its own, so that reading on is seen. */
		struct buf copy = buf_of(fields[i].value);
		if (authres_parse(buf_str(&copy), &arena, &field, &why))
			describe(&field, &got);
		else
			buf_adds(&got, why ? "malformed" : "no reason");
		assert_str(buf_str(&got),
		    str_of(fields[i].wanted ? fields[i].wanted : "malformed"));
		buf_free(&copy);
		buf_free(&got);
		arena_free(&arena);
	}
}

static bool
parses(struct str head, struct str part, size_t times)
{
	struct arena arena = { 0 };
	struct authres field;
	struct buf value = buf_of(head);
	const char *why;
	for (size_t i = 0; i < times; i++)
		buf_add(&value, part);
	bool good = authres_parse(buf_str(&value), &arena, &field, &why);
	buf_free(&value);
	arena_free(&arena);
	return good;
}

static void
bounds_what_it_reads(void **state)
{
	(void)state;
	const size_t many = 300000;
	assert_true(parses(STR("x"), STR("; a=pass"), AUTHRES_MAX));
	assert_false(parses(STR("x"), STR("; a=pass"), AUTHRES_MAX + 1));
	assert_true(parses(STR("x; a=b"), STR(" c.d=e"), AUTHRES_PROPERTIES));
	assert_false(
	    parses(STR("x; a=b"), STR(" c.d=e"), AUTHRES_PROPERTIES + 1));
	assert_true(parses(STR("x; a=b"), STR("(c)"), many));
	assert_true(parses(STR("x; a=b"), STR(" c=e"), many));
	assert_true(parses(STR("x; a=b c.d="), STR("\"e\""), many));
	assert_false(parses(STR("x; a=b"), STR("("), many));
	assert_false(parses(STR("x; a=b c.d="), STR("\""), many + 1));
	assert_false(parses(STR("x"), STR(";"), many));
}

/* ---- whose is it? ---- */

static const struct str ours[] = {
	TEXT("mail.example.com; spf=pass"),
	TEXT(" mail.example.com; none"),
	TEXT("\tmail.example.com ; none"),
	TEXT("mail.example.com;"),
	TEXT("mail.example.com"),
	TEXT("MAIL.Example.COM; none"),
	TEXT("mail.example.com.; none"),
	TEXT("mail.example.com..; none"),
	TEXT(".mail.example.com; none"),
	TEXT("mail.example.com 1; none"),
	TEXT("mail.example.com. 1; none"),
	TEXT("mail.example.com 999999999999; none"),
	TEXT("mail.example.com/1; none"),
	TEXT("mail.example.com:25; none"),
	TEXT("<mail.example.com>; none"),
	TEXT("[mail.example.com]; none"),
	TEXT("mx@mail.example.com; none"),
	TEXT("id=mail.example.com; none"),
	TEXT("'mail.example.com'; none"),
	TEXT("mail.example.com, other.test; none"),
	/* comments */
	TEXT("(c) mail.example.com; none"),
	TEXT("(c)mail.example.com(c); none"),
	TEXT("(a (b) c)mail.example.com; none"),
	TEXT("(a;b) mail.example.com; none"),
	TEXT("(\\)) mail.example.com; none"),
	TEXT("(\\(a) mail.example.com; none"),
	TEXT("mail.example.com (other.test); none"),
	TEXT("mail.(c)example.com; none"),
	TEXT("ma(c)il.example.com; none"),
	TEXT("mail (c) . (c) example (c) . (c) com; none"),
	TEXT("(\") mail.example.com; none (\")"),
	/* comments that readers disagree about */
	TEXT("(a (b) mail.example.com; none) other.test; none"),
	TEXT("(\\) mail.example.com; none () other.test; none"),
	TEXT("( mail.example.com; none"),
	TEXT("(; mail.example.com; none"),
	TEXT("((((c) mail.example.com; none"),
	TEXT(") mail.example.com; none"),
	TEXT("mail.example.com (; none"),
	/* quotes */
	TEXT("\"mail.example.com\"; none"),
	TEXT("\"mail.example.com\" 1; none"),
	TEXT("\"mail.example.com.\"; none"),
	TEXT("\" mail.example.com \"; none"),
	TEXT("\"MAIL.example\".com; none"),
	TEXT("\"mail\".\"example\".\"com\"; none"),
	TEXT("\"m\\ail.exam\\ple.com\"; none"),
	TEXT("\"\\m\\a\\i\\l.example.com\"; none"),
	TEXT("\"mail.example.com; none"),
	TEXT("mail.example.com\"; none"),
	TEXT("\"; mail.example.com; none"),
	TEXT("\"mail.example.com;\"; none"),
	TEXT("\"(\" mail.example.com; \")\" none"),
	TEXT("\"a\\\"; mail.example.com; none"),
	TEXT("mail\\.example\\.com; none"),
	TEXT("mail.example.com\\; none"),
	/* white space */
	TEXT("\r\n mail.example.com; none"),
	TEXT("\r\n\tmail.example.com\r\n\t;\r\n\tnone"),
	TEXT(" \r\n \r\n mail.example.com; none"),
	TEXT("mail.example.\r\n com; none"),
	TEXT("mail.exam\r\n ple.com; none"),
	TEXT("mail . example . com; none"),
	TEXT("\"mail.example\r\n .com\"; none"),
	TEXT("\vmail.example.com\f; none"),
	TEXT("\rmail.example.com\n; none"),
	/* octets that don't belong */
	TEXT("\0mail.example.com; none"),
	TEXT("mail.example.com\0; none"),
	TEXT("mail.example.com\0.evil.test; none"),
	TEXT("mail.exam\0ple.com; none"),
	TEXT("mail.exam\x7fple.com; none"),
	TEXT("mail.exam\x01ple.com; none"),
	TEXT("\xc2\xa0mail.example.com; none"),
	TEXT("\xef\xbb\xbfmail.example.com; none"),
	TEXT("mail.example.com\xff; none"),
	TEXT("ma\xc2\xadil.example.com; none"),
	TEXT("mail.example.com\xe2\x80\x8b; none"),
	TEXT("\xef\xbd\x8d\x61il.example.com; none"), /* full-width m */
	TEXT("mail\xe3\x80\x82"
	     "example\xe3\x80\x82"
	     "com; none"), /* ideographic full stops */
	/* encoded words */
	TEXT("=?utf-8?q?mail.example.com?=; none"),
	TEXT("=?utf-8?q?mail=2Eexample=2Ecom?=; none"),
	TEXT("=?utf-8?b?bWFpbC5leGFtcGxlLmNvbQ==?=; none"),
	TEXT("(=?utf-8?q?=29?= mail.example.com (=?utf-8?q?=28?=); none"),
	/* malformed otherwise */
	TEXT("; mail.example.com; none"),
	TEXT(" (c) ; ; mail.example.com; none"),
	TEXT("other.test mail.example.com; none"),
	TEXT("mail.example.com other.test; none"),
	TEXT("mail.example.com dkim=pass header.d=a.test"),
	TEXT("mail.example.com spf=pass; dkim=pass"),
	TEXT("mail.example.com=; dkim=pass"),
	TEXT("dkim=pass mail.example.com"),
	TEXT("1 mail.example.com; none"),
};

static const struct str others[] = {
	TEXT(""),
	TEXT("(c)"),
	TEXT("\""),
	TEXT("("),
	TEXT("\\"),
	TEXT("other.test; none"),
	TEXT("mail.example.com.evil.test; none"),
	TEXT("\"mail.example.com.evil.test\"; none"),
	TEXT("mail.example.com..evil.test; none"),
	TEXT("notmail.example.com; none"),
	TEXT("not-mail.example.com; none"),
	TEXT("not_mail.example.com; none"),
	TEXT("not.mail.example.com; none"),
	TEXT("\"not.mail.example.com\" 1; none"),
	TEXT("mail.example.com-1; none"),
	TEXT("mail.example.com1; none"),
	TEXT("mail.example.community; none"),
	TEXT("mail.example.co; none"),
	TEXT("mail.example; none"),
	TEXT("example.com; none"),
	TEXT("com.example.mail; none"),
	TEXT("mailexample.com; none"),
	TEXT("mail-example.com; none"),
	TEXT("mail.examp1e.com; none"),
	TEXT("m\xc3\xa4il.example.com; none"),
	TEXT("other.test; spf=pass smtp.helo=mail.example.com"),
	TEXT("other.test (c) 1; spf=pass smtp.helo=mail.example.com"),
	TEXT("other.test; mail.example.com; none"),
	TEXT("other.test (for mail.example.com); none"),
	TEXT("(mail.example.com) other.test; none"),
	TEXT("(mail.example.com; none) other.test; none"),
	TEXT("other.test (a (b) c); dkim=pass header.d=mail.example.com"),
	TEXT("other.test; dkim=pass reason=\"; mail.example.com; none\""),
	TEXT("other.test; dkim=pass (=?utf-8?q?mail.example.com?=)"),
	TEXT("other.test; dkim=pass (mail.example.com"),
};

static bool
claims(struct str name, struct str value)
{
	/* In memory of its own, so that reading on is seen. */
	struct buf copy = buf_of(value);
	struct header_field field = { .name = name, .value = buf_str(&copy) };
	bool plain = authres_claims(&field, STR("mail.example.com"));
	bool dotted = authres_claims(&field, STR("Mail.Example.Com."));
	assert_int_equal(plain, dotted);
	buf_free(&copy);
	return plain;
}

static void
assert_claims(struct str value, bool wanted)
{
	if (claims(STR("Authentication-Results"), value) != wanted)
		fail_msg("%s: %.*s", wanted ? "missed" : "taken for ours",
		    STR_ARG(value));
}

static void
recognises_ours_however_spelt(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		assert_claims(ours[i], true);
}

static void
leaves_those_of_other_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_claims(others[i], false);
}

static void
looks_at_no_other_field(void **state)
{
	(void)state;
	struct str value = STR("mail.example.com; none");
	assert_true(claims(STR("AUTHENTICATION-results"), value));
	assert_false(claims(STR("ARC-Authentication-Results"), value));
	assert_false(claims(STR("X-Authentication-Results"), value));
	assert_false(claims(STR("Authentication-Result"), value));
	assert_false(claims(STR("Received"), value));
}

/* The obsolete space before the colon is header.h's, and taken off by it. */
static void
sees_fields_as_they_come(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct header header;
	const char *why;
	assert_true(header_parse(
	    STR("Authentication-results \t:\r\n \"mail.Example\".com\r\n"
		"\t; dkim=pass\r\n"
		"Authentication-Results:mail.example.com.test;none\r\n"),
	    &arena, &header, &why));
	assert_int_equal(header.count, 2);
	assert_true(authres_claims(&header.fields[0], STR("mail.example.com")));
	assert_false(
	    authres_claims(&header.fields[1], STR("mail.example.com")));
	arena_free(&arena);
}

/* A host name in A-labels, a field in UTF-8: RFC 8601 2.5. */
static void
knows_its_name_in_utf8(void **state)
{
	(void)state;
	struct header_field field = {
		.name = STR("Authentication-Results"),
		.value = STR("mail.b\xc3\xbc"
			     "cher.test; none"),
	};
	assert_true(authres_claims(&field, STR("mail.xn--bcher-kva.test")));
	assert_false(authres_claims(&field, STR("mail.bucher.test")));
}

/* Many names in UTF-8 cost much, or hide ours among them. */
static void
takes_a_crowd_of_names_for_a_claim(void **state)
{
	(void)state;
	struct buf value = { 0 };
	for (int i = 0; i < 20; i++)
		buf_adds(&value, "(\xc3\xa4) ");
	buf_adds(&value,
	    "\xef\xbd\x8d"
	    "ail.example.com; dkim=pass");
	assert_claims(buf_str(&value), true);
	buf_clear(&value);
	for (int i = 0; i < 20; i++)
		buf_adds(&value, "\xc3\xa4 ");
	assert_claims(buf_str(&value), true);
	assert_claims(STR("\xc3\xa4.test (\xc3\xa4); none"), false);
	buf_free(&value);
}

/* None of these takes long: each octet is looked at a bounded number of
   times. */
static void
bounds_its_work(void **state)
{
	(void)state;
	static const struct str parts[] = { TEXT("("), TEXT("()"), TEXT("(("),
		TEXT("\""), TEXT("\"\" "), TEXT("\\"), TEXT("\\("), TEXT(";"),
		TEXT("mail."), TEXT("mail.example.com."), TEXT("m "),
		TEXT("(\""), TEXT("\xff"), TEXT("=?x"), TEXT("."),
		TEXT("(a)\r\n "), TEXT("\0") };
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct buf value = { 0 };
		while (value.n < 100000)
			buf_add(&value, parts[i]);
		assert_claims(buf_str(&value), false);
		buf_free(&value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_fields),
		cmocka_unit_test(bounds_what_it_reads),
		cmocka_unit_test(recognises_ours_however_spelt),
		cmocka_unit_test(leaves_those_of_other_hosts),
		cmocka_unit_test(looks_at_no_other_field),
		cmocka_unit_test(sees_fields_as_they_come),
		cmocka_unit_test(knows_its_name_in_utf8),
		cmocka_unit_test(takes_a_crowd_of_names_for_a_claim),
		cmocka_unit_test(bounds_its_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
