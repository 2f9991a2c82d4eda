#include "lib/mail/authres.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOST "Authentication-Results: mail.example.com"

static struct buf out;
static struct authres_writer writer;

static void
begin(void)
{
	buf_clear(&out);
	authres_begin(&writer, &out, STR("mail.example.com"));
}

static void
assert_written(const char *wanted)
{
	authres_end(&writer);
	assert_str(buf_str(&out), str_of(wanted));
}

static void
says_none_when_there_is_nothing(void **state)
{
	(void)state;
	begin();
	assert_written(HOST "; none\r\n");
}

static void
writes_results(void **state)
{
	(void)state;
	begin();
	authres_result(&writer, "spf", "pass");
	authres_property(&writer, "smtp.mailfrom", STR("ann@example.net"));
	authres_property(&writer, "smtp.helo", STR(""));
	authres_result(&writer, "dmarc", "fail");
	authres_comment(&writer, STR("p=reject"));
	authres_property(&writer, "header.from", STR("example.net"));
	assert_written(HOST ";\r\n"
			    "\tspf=pass smtp.mailfrom=ann@example.net;\r\n"
			    "\tdmarc=fail (p=reject) header.from=example.net"
			    "\r\n");
}

static const struct {
	struct str value;
	const char *wanted;
} values[] = {
	/* tokens, domains, addresses */
	{ TEXT("example.com"), "example.com" },
	{ TEXT("a+b~c!d"), "a+b~c!d" },
	{ TEXT("192.0.2.1"), "192.0.2.1" },
	{ TEXT("@example.com"), "@example.com" },
	{ TEXT("a.b+c/d=e@x_y.test"), "a.b+c/d=e@x_y.test" },
	/* quoted, and then without what begins a result for those who know no
	   quotes */
	{ TEXT("2001:db8::1"), "\"2001:db8::1\"" },
	{ TEXT("[192.0.2.1]"), "\"[192.0.2.1]\"" },
	{ TEXT("ab/c+d=="), "\"ab/c+d?_\"" },
	{ TEXT("a b"), "\"a b\"" },
	{ TEXT("a;b"), "\"a?b\"" },
	{ TEXT("a(b"), "\"a(b\"" },
	{ TEXT("a\"b\\c"), "\"a\\\"b\\\\c\"" },
	{ TEXT("\\"), "\"\\\\\"" },
	{ TEXT("a@"), "\"a@\"" },
	{ TEXT("@"), "\"@\"" },
	{ TEXT("a@b@c.test"), "\"a@b@c.test\"" },
	{ TEXT("a..b@c.test"), "\"a..b@c.test\"" },
	{ TEXT(".a@c.test"), "\".a@c.test\"" },
	{ TEXT("a b@c.test"), "\"a b@c.test\"" },
	{ TEXT("\"a b\"@c.test"), "\"\\\"a b\\\"@c.test\"" },
	{ TEXT("a@[192.0.2.1]"), "\"a@[192.0.2.1]\"" },
	{ TEXT("a@b;dmarc=pass"), "\"a@b?dmarc?pass\"" },
	{ TEXT("a;dmarc=pass@b"), "\"a?dmarc?pass@b\"" },
	{ TEXT("a(@b"), "\"a(@b\"" },
	/* octets that don't belong */
	{ TEXT("a\r\n dmarc=pass"), "\"a?? dmarc?pass\"" },
	{ TEXT("a\r\nX: y"), "\"a??X: y\"" },
	{ TEXT("a\0b"), "\"a?b\"" },
	{ TEXT("\xc3\xa4"), "\"??\"" },
	{ TEXT("\x7f"), "\"?\"" },
	/* encoded words */
	{ TEXT("=?utf-8?q?_a=3Bb?=@x.test"), "=_utf-8?q?_a=3Bb?=@x.test" },
	{ TEXT("=?utf-8?q?=22;_dkim=3Dpass?=@x.test"),
	    "\"?_utf-8?q??22?_dkim?3Dpass??@x.test\"" },
	{ TEXT("=\x01x?="), "\"?_x??\"" },
};

static void
assert_value(struct str value, const char *wanted)
{
	struct buf copy = buf_of(value);
	struct buf whole = { 0 };
	begin();
	authres_result(&writer, "a", "b");
	authres_property(&writer, "c.d", buf_str(&copy));
	buf_addf(&whole, "%s;\r\n\ta=b c.d=%s\r\n", HOST, wanted);
	assert_written(buf_cstr(&whole));
	buf_free(&copy);
	buf_free(&whole);
}

static void
quotes_what_is_no_token(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		assert_value(values[i].value, values[i].wanted);
}

/* Whatever a value is, it is one value of the result it belongs to. */
static void
reads_back_what_was_written(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		struct arena arena = { 0 };
		struct authres field;
		const char *why;
		char text[] = { 'x', (char)c, 'y', (char)c, '\0' };
		begin();
		authres_result(&writer, "a", "b");
		authres_comment(&writer, (struct str){ text, 5 });
		authres_property(
		    &writer, "c.d", (struct str){ text, sizeof text });
		authres_end(&writer);
		struct str value = str_from(buf_str(&out), 23);
		value.n -= 2;
		assert_true(authres_parse(value, &arena, &field, &why));
		assert_str(field.id, STR("mail.example.com"));
		assert_int_equal(field.count, 1);
		assert_int_equal(field.results[0].count, 1);
		assert_int_equal(field.results[0].properties[0].value.n, 5);
		arena_free(&arena);
	}
}

static const struct {
	struct str text;
	const char *wanted;
} comments[] = {
	{ TEXT(""), "()" },
	{ TEXT("two words"), "(two words)" },
	{ TEXT("a (b) c"), "(a ?b? c)" },
	{ TEXT("a\\"), "(a?)" },
	{ TEXT("a\r\n\tb\0"), "(a???b?)" },
	{ TEXT("\xff; x=y"), "(?; x=y)" },
	{ TEXT("=?utf-8?q?)?="),
	    "(=_utf-8?q?"
	    "?"
	    "?=)" },
	{ TEXT("=(utf-8?q?)?="),
	    "(=_utf-8?q?"
	    "?"
	    "?=)" },
};

static void
keeps_comments_closed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof comments / sizeof *comments; i++) {
		struct buf whole = { 0 };
		begin();
		authres_result(&writer, "a", "b");
		authres_comment(&writer, comments[i].text);
		buf_addf(
		    &whole, "%s;\r\n\ta=b %s\r\n", HOST, comments[i].wanted);
		assert_written(buf_cstr(&whole));
		buf_free(&whole);
	}
}

/* Tabs go to the next eighth column. */
static size_t
longest_line(struct str text)
{
	size_t longest = 0, column = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			column = 0;
		else if (text.p[i] == '\t')
			column = column / 8 * 8 + 8;
		else if (text.p[i] != '\r')
			column++;
		if (column > longest)
			longest = column;
	}
	return longest;
}

static void
folds_at_78_columns(void **state)
{
	(void)state;
	for (size_t n = 1; n < 150; n++) {
		struct buf text = { 0 };
		begin();
		for (size_t i = 0; i < n; i++)
			buf_addc(&text, i % 7 && n % 2 ? 'x' : " !\""[n % 3]);
		authres_result(&writer, "dkim", "fail");
		authres_comment(&writer, buf_str(&text));
		authres_property(&writer, "header.d", STR("example.com"));
		authres_property(&writer, "header.s", STR("selector"));
		authres_property(
		    &writer, "header.a", str_sub(buf_str(&text), 0, 20));
		authres_result(&writer, "spf", "none");
		authres_end(&writer);
		assert_in_range(longest_line(buf_str(&out)), 40, 78);
		assert_int_equal(
		    str_search(buf_str(&out), STR("\r\n\r\n")), out.n);
		buf_free(&text);
	}
}

/* RFC 5322 2.1.1: 998 octets in a line at most */
static void
leaves_out_what_fits_no_line(void **state)
{
	(void)state;
	struct buf value = { 0 };
	for (size_t n = 1; n < 2000; n++) {
		buf_addc(&value, n % 2 ? '"' : 'x');
		begin();
		authres_result(&writer, "a", "b");
		authres_property(&writer, "c.d", buf_str(&value));
		authres_comment(&writer, buf_str(&value));
		authres_end(&writer);
		assert_in_range(longest_line(buf_str(&out)), 40, 998);
	}
	buf_free(&value);
}

static int
tear_down(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_none_when_there_is_nothing),
		cmocka_unit_test(writes_results),
		cmocka_unit_test(quotes_what_is_no_token),
		cmocka_unit_test(reads_back_what_was_written),
		cmocka_unit_test(keeps_comments_closed),
		cmocka_unit_test(folds_at_78_columns),
		cmocka_unit_test(leaves_out_what_fits_no_line),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
