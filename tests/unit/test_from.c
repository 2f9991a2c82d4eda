#include "lib/mail/from.h"

#include "lib/mail/cfws.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	struct str value;
	const char *addresses; /* joined by spaces; NULL: refused */
} lists[] = {
	/* RFC 5322 A.1.1 to A.1.3 */
	{ TEXT("John Doe <jdoe@machine.example>"), "jdoe@machine.example" },
	{ TEXT("\"Joe Q. Public\" <john.q.public@example.com>"),
	    "john.q.public@example.com" },
	{ TEXT("Mary Smith <mary@x.test>, jdoe@example.org, Who? "
	       "<one@y.test>"),
	    "mary@x.test jdoe@example.org one@y.test" },
	{ TEXT("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" "
	       "<sysservices@example.net>"),
	    "boss@nil.test sysservices@example.net" },
	/* A.5: white space, comments */
	{ TEXT("Pete(A nice \\) chap) <pete(his account)@silly.test(his "
	       "host)>"),
	    "pete@silly.test" },
	{ TEXT("  \"Joe & J. Harvey\"\r\n <ddd @Org>"), "ddd@org" },
	{ TEXT("John\r\n\t<a\r\n @\r\n x>\r\n (end)"), "a@x" },
	{ TEXT("a@x (b@y)"), "a@x" },
	{ TEXT("(b@y, (<c@z>)) a@x"), "a@x" },
	{ TEXT("a (b@y) @ (@c) x (,)"), "a@x" },
	/* A.6: obsolete forms */
	{ TEXT("Joe Q. Public <john.q.public@example.com>"),
	    "john.q.public@example.com" },
	{ TEXT("Mary Smith <@node.test,@b.test:mary@example.net>, , "
	       "jdoe@test . example"),
	    NULL },
	{ TEXT("Mary Smith <@node.test,@b.test:mary@example.net>, , a@x"),
	    "mary@example.net a@x" },
	{ TEXT("a@x,"), "a@x" },
	{ TEXT(",(c), a@x ,\r\n ,"), "a@x" },
	/* the address */
	{ TEXT("a@x"), "a@x" },
	{ TEXT("<a@x>"), "a@x" },
	{ TEXT("Ann.B@EXAMPLE.Com"), "Ann.B@example.com" },
	{ TEXT("\"a b\"@x"), "\"a b\"@x" },
	{ TEXT("\"a,b;c:\"@x"), "\"a,b;c:\"@x" },
	{ TEXT("a..b@x"), "\"a..b\"@x" },
	{ TEXT("<a@[192.0.2.1]>"), "a@[192.0.2.1]" },
	{ TEXT("a@[IPv6:2001:db8::1], b@x"), "a@[ipv6:2001:db8::1] b@x" },
	{ TEXT("a@host_1.x"), "a@host_1.x" },
	{ TEXT("a@x.."), NULL },
	{ TEXT("a@."), NULL },
	/* display names */
	{ TEXT("\"b@y\" <a@x>"), "a@x" },
	{ TEXT("\"b@y, <c@z>\" <a@x>"), "a@x" },
	{ TEXT("\"\" <a@x>"), "a@x" },
	{ TEXT("J\xc3\xb6rg \xff <a@x>"), "a@x" },
	{ TEXT("\"J\xc3\xb6rg\" <a@x>"), "a@x" },
	{ TEXT("[List] Ann's & Co/Ltd! <a@x>"), "a@x" },
	{ TEXT("Ann\"b@y\"<a@x>"), "a@x" },
	{ TEXT("a@x <a@x>"), "a@x" },
	{ TEXT("A@X <a@x>, B <b@x>"), "a@x b@x" },
	{ TEXT("a@x (work) <a@x>"), "a@x" },
	/* encoded words */
	{ TEXT("=?utf-8?B?SsO2cmc=?= <a@x>"), "a@x" },
	{ TEXT("=?utf-8?Q?J=C3=B6rg?= =?utf-8?Q?_B=2E?= <a@x>"), "a@x" },
	{ TEXT("=?utf-8?Q?Foo,_Inc.:_Sales;?= <a@x>"), "a@x" },
	{ TEXT("=?utf-8?Q?Foo_(Bar)?= <a@x>"), "a@x" },
	{ TEXT("=?utf-8?Q?Foo?=<a@x>"), "a@x" },
	{ TEXT("=?utf-8?Q?Foo Bar?= <a@x>"), "a@x" },
	{ TEXT("=?bad <a@x>"), "a@x" },
	/* groups */
	{ TEXT("a@x, Group: b@y;"), NULL },
	{ TEXT("undisclosed-recipients:;"), NULL },
	/* no address */
	{ TEXT(""), NULL },
	{ TEXT("  "), NULL },
	{ TEXT(","), NULL },
	{ TEXT("(a@x)"), NULL },
	{ TEXT("Ann"), NULL },
	{ TEXT("<>"), NULL },
	{ TEXT("Ann <>"), NULL },
	{ TEXT("<@x>"), NULL },
	{ TEXT("<a@>"), NULL },
	{ TEXT("@x"), NULL },
	{ TEXT("\"a@x\""), NULL },
	{ TEXT("=?utf-8?Q?a=40x?="), NULL },
	{ TEXT("=?utf-8?B?YUB4?="), NULL },
	/* more than one way to read it */
	{ TEXT("a@x <b@y>"), NULL },
	{ TEXT("a@x <a@y>"), NULL },
	{ TEXT("a@x <b@x>"), NULL },
	{ TEXT("a@x a@x <a@x>"), NULL },
	{ TEXT("via a@x <b@y>"), NULL },
	{ TEXT("@x <b@y>"), NULL },
	{ TEXT("<a@x> <b@y>"), NULL },
	{ TEXT("<a@x> b@y"), NULL },
	{ TEXT("<a@x>, Ann"), NULL },
	{ TEXT("<a@x> Ann"), NULL },
	{ TEXT("<a@x>b"), NULL },
	{ TEXT("<a@x>>"), NULL },
	{ TEXT("<<a@x>>"), NULL },
	{ TEXT("<a@x, b@y>"), NULL },
	{ TEXT("<a@x"), NULL },
	{ TEXT("a@x>"), NULL },
	{ TEXT("a@x@y"), NULL },
	{ TEXT("a@x b@y"), NULL },
	{ TEXT("a b@x"), NULL },
	{ TEXT("a@x y"), NULL },
	{ TEXT("a@x(c).y"), NULL },
	{ TEXT("a@x .y"), NULL },
	{ TEXT("a(c).b@x"), NULL },
	{ TEXT("a@x;"), NULL },
	{ TEXT("a@x; b@y"), NULL },
	{ TEXT("a:b@x"), NULL },
	{ TEXT("Doe, Ann <a@x>"), NULL },
	{ TEXT("\"a\"b@x"), NULL },
	{ TEXT("\"a\".b@x"), NULL },
	{ TEXT("\"a@x\"@y"), NULL },
	{ TEXT("\"a@x> \"@y"), NULL },
	{ TEXT("\"<a\"@y"), NULL },
	{ TEXT("=?utf-8?Q?a=40x=3E?=@y"), NULL },
	{ TEXT("=?utf-8?Q?a@x,?= <b@y>"), NULL },
	{ TEXT("=?utf-8?Q?a@x_<?= <b@y>"), NULL },
	{ TEXT("=?utf-8?Q?\"?= <a@x> =?utf-8?Q?\"?= <b@y>"), NULL },
	{ TEXT("=?utf-8?Q?)(?= <a@x>"), NULL },
	{ TEXT("=?utf-8?Q?(?= <a@x>"), NULL },
	{ TEXT("x=?utf-8?Q?y,z?= <a@x>"), NULL },
	{ TEXT("=?utf-8?Q?(?= <a@x> =?utf-8?Q?)?= <b@y>"), NULL },
	{ TEXT("=?utf-8?Q?)(?= <a@x> =?utf-8?Q?)(?= <b@y>"), NULL },
	{ TEXT("=?utf-8?B?YUB4?=a] Ann <b@y>"), NULL },
	{ TEXT("(c)=?utf-8?B?YUB4?=] <b@y>"), NULL },
	{ TEXT("x=?utf-8?B?YUB4?=] <b@y>"), NULL },
	{ TEXT("[Ann] =?utf-8?B?YUB4?= <b@y>"), NULL },
	{ TEXT("Ann\\, <a@x>"), NULL },
	{ TEXT("[<a@x>] <b@y>"), NULL },
	{ TEXT("<@a,@b:c@d:e@f>"), NULL },
	{ TEXT("<@a@b:c@d>"), NULL },
	/* what has no end */
	{ TEXT("\"Ann <a@x>"), NULL },
	{ TEXT("Ann\" <a@x>"), NULL },
	{ TEXT("(Ann <a@x>"), NULL },
	{ TEXT("Ann) <a@x>"), NULL },
	{ TEXT("a@x (((c))"), NULL },
	{ TEXT("a@[192.0.2.1"), NULL },
	{ TEXT("a@x (\\)"), NULL },
	/* octets that don't belong */
	{ TEXT("\0a@x"), NULL },
	{ TEXT("Ann\0 <a@x>"), NULL },
	{ TEXT("a@x\0"), NULL },
	{ TEXT("\"\x01\" <a@x>"), NULL },
	{ TEXT("Ann\x7f <a@x>"), NULL },
	{ TEXT("Ann\r <a@x>"), NULL },
	{ TEXT("Ann\n <a@x>"), NULL },
	{ TEXT("Ann (\r) <a@x>"), NULL },
	{ TEXT("\xc3\xa4@x"), NULL },
	/* a domain in U-labels */
	{ TEXT("a@\xc3\xa4"), "a@xn--4ca" },
	{ TEXT("<a@X\xc3\x84.Test>"), "a@xn--x-0fa.test" },
	{ TEXT("a@x\xff"), NULL },
	{ TEXT("a@\xef\xbc\xa0x"), NULL }, /* a wide "@" */
	{ TEXT("a@-x"), NULL },
	{ TEXT("a@x."), "a@x" },
};

static void
add_joined(struct buf *out, const struct address_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_addc(out, ' ');
		address_write(out, list->addresses[i]);
	}
}

static void
assert_list(struct str value, bool groups, const char *wanted)
{
	struct arena arena = { 0 };
	struct address_list list;
	struct buf got = { 0 };
	const char *why = NULL;
	/* In memory of its own, so that reading on is seen. */
	struct buf copy = buf_of(value);
	if (from_parse_list(buf_str(&copy), groups, &arena, &list, &why))
		add_joined(&got, &list);
	else
		buf_addf(&got, "refused%s", why && !list.count ? "" : "?");
	assert_str(buf_str(&got), str_of(wanted ? wanted : "refused"));
	buf_free(&copy);
	buf_free(&got);
	arena_free(&arena);
}

static void
reads_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		assert_list(lists[i].value, false, lists[i].addresses);
}

static const struct {
	struct str value;
	const char *addresses;
} groups[] = {
	{ TEXT("undisclosed-recipients:;"), "" },
	{ TEXT("Undisclosed recipients: (nobody) ;"), "" },
	{ TEXT("A Group:Ed Jones <joe@where.test>,john@jdoe.test;"),
	    "joe@where.test john@jdoe.test" },
	{ TEXT("a@x, \"G;\": b@y, <c@z>;, d@w"), "a@x b@y c@z d@w" },
	{ TEXT("G: a@x; H: b@y;"), "a@x b@y" },
	{ TEXT("G: a@x"), NULL },
	{ TEXT("G: H: a@x;"), NULL },
	{ TEXT("G: a@x;;"), NULL },
	{ TEXT("a@x: b@y;"), NULL },
	{ TEXT("<a@x>: b@y;"), NULL },
};

static void
reads_groups_where_they_may_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		assert_list(groups[i].value, true, groups[i].addresses);
}

static void
assert_repeated(struct str part, size_t count, struct str last, bool good)
{
	struct arena arena = { 0 };
	struct address_list list;
	struct buf value = { 0 };
	const char *why;
	for (size_t i = 0; i < count; i++)
		buf_add(&value, part);
	buf_add(&value, last);
	assert_int_equal(
	    from_parse_list(buf_str(&value), true, &arena, &list, &why), good);
	buf_free(&value);
	arena_free(&arena);
}

/* Comments within comments, up to a limit. */
static void
reads_nested_comments(void **state)
{
	(void)state;
	for (size_t depth = 1; depth <= CFWS_MAX_DEPTH + 1; depth++) {
		struct buf value = { 0 };
		for (size_t i = 0; i < depth; i++)
			buf_addc(&value, '(');
		for (size_t i = 0; i < depth; i++)
			buf_addc(&value, ')');
		buf_adds(&value, "a@x");
		assert_list(buf_str(&value), false,
		    depth > CFWS_MAX_DEPTH ? NULL : "a@x");
		buf_free(&value);
	}
}

/* None of these takes long: each octet is looked at a bounded number of
   times. */
static void
bounds_its_work(void **state)
{
	(void)state;
	const size_t many = 200000;
	assert_repeated(STR("a@x,"), FROM_MAX_ADDRESSES, STR(""), true);
	assert_repeated(STR("a@x,"), FROM_MAX_ADDRESSES, STR("b@x"), false);
	assert_repeated(STR(","), many, STR("a@x"), true);
	assert_repeated(STR("()"), many, STR("a@x"), true);
	assert_repeated(STR("("), many, STR("a@x"), false);
	assert_repeated(STR("=?x?q?y"), many, STR("?= <a@x>"), true);
	assert_repeated(STR(" =?x"), many, STR(" <a@x>"), true);
	assert_repeated(STR("@["), many, STR("a@x"), false);
	assert_repeated(STR("\""), many + 1, STR("a@x"), false);
	assert_repeated(STR("a"), many, STR("@x"), false);
	assert_repeated(STR("g:;"), many, STR(""), true);
}

static const struct {
	const char *section;
	const char *addresses; /* NULL: refused */
} authors[] = {
	{ "From: Ann <a@x>\r\n", "a@x" },
	{ "To: b@y\r\nFROM : a@x\r\nSender: c@z\r\n", "a@x" },
	{ "From: a@X.test, b@x.TEST\r\nSender: a@x.test\r\n",
	    "a@x.test b@x.test" },
	{ "To: b@y\r\n", NULL },
	{ "From: a@x\r\nFrom: a@x\r\n", NULL },
	{ "From: a@x\r\nfrom : b@y\r\n", NULL },
	{ "From: a@x, b@y\r\n", NULL },
	{ "From: a@x, b@sub.x\r\n", NULL },
	{ "From: a@[192.0.2.1]\r\n", NULL },
	{ "From: G: a@x;\r\n", NULL },
	{ "From:\r\n", NULL },
	{ "From: a@x <b@y>\r\n", NULL },
};

static void
finds_the_author(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof authors / sizeof *authors; i++) {
		struct arena arena = { 0 };
		struct header header;
		struct address_list list;
		struct buf got = { 0 };
		const char *why = NULL;
		assert_true(header_parse(
		    str_of(authors[i].section), &arena, &header, &why));
		bool good = from_author(&header, &arena, &list, &why);
		assert_int_equal(good, authors[i].addresses != NULL);
		assert_int_equal(list.count > 0, good);
		add_joined(&got, &list);
		assert_str(buf_str(&got), str_of(authors[i].addresses));
		assert_true(good || why);
		buf_free(&got);
		arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lists),
		cmocka_unit_test(reads_groups_where_they_may_be),
		cmocka_unit_test(reads_nested_comments),
		cmocka_unit_test(bounds_its_work),
		cmocka_unit_test(finds_the_author),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
