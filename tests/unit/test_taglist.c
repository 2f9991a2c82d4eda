#include "lib/mail/taglist.h"

#include "lib/base/buf.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	struct str text;
	const char *tags; /* "name=value|..."; NULL: refused */
} lists[] = {
	{ TEXT("v=1"), "v=1" },
	{ TEXT("v=1;"), "v=1" },
	{ TEXT("v=1; \r\n\t"), "v=1" },
	{ TEXT(" v = 1 ;\r\n\ta=b \t"), "v=1|a=b" },
	{ TEXT("a=b=c;d==; e=/+"), "a=b=c|d==|e=/+" },
	{ TEXT("a=;b=\r\n ;c="), "a=|b=|c=" },
	/* white space inside a value stays */
	{ TEXT("h=from : to;b=ab\r\n cd"), "h=from : to|b=ab\r\n cd" },
	/* RFC 6376 3.2: names have case, letters, digits, underscores */
	{ TEXT("b=1;B=2"), "b=1|B=2" },
	{ TEXT("x_1=a"), "x_1=a" },
	{ TEXT("1x=a"), NULL },
	{ TEXT("_x=a"), NULL },
	{ TEXT("a-b=c"), NULL },
	{ TEXT("a b=c"), NULL },
	{ TEXT("=c"), NULL },
	/* malformed */
	{ TEXT(""), NULL },
	{ TEXT(" \r\n "), NULL },
	{ TEXT(";"), NULL },
	{ TEXT("v=1;;"), NULL },
	{ TEXT("v=1;;a=b"), NULL },
	{ TEXT("v=1; ;a=b"), NULL },
	{ TEXT(";v=1"), NULL },
	{ TEXT("v=1;a"), NULL },
	{ TEXT("v"), NULL },
	{ TEXT("v=1;v=1"), NULL },
	{ TEXT("v=1;a=b; v =2"), NULL },
	{ TEXT("v=\x01"), NULL },
	{ TEXT("v=a\x7f"), NULL },
	{ TEXT("v=a\0"), NULL },
	/* RFC 8616 3: UTF-8 */
	{ TEXT("d=b\xc3\xbc.example"), "d=b\xc3\xbc.example" },
};

static void
lists_are_read_as_the_rfc_says(void **state)
{
	struct arena arena = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct taglist list;
		struct buf got = { 0 };
		const char *why = NULL;
		bool good = taglist_parse(lists[i].text, &arena, &list, &why);
		for (size_t n = 0; good && n < list.count; n++)
			buf_addf(&got, "%s%.*s=%.*s", n ? "|" : "",
			    STR_ARG(list.tags[n].name),
			    STR_ARG(list.tags[n].value));
		assert_str(buf_str(&got), str_of(lists[i].tags));
		assert_int_equal(good, lists[i].tags != NULL);
		if (!good)
			assert_non_null(why);
		buf_free(&got);
	}
	arena_free(&arena);
}

static void
a_tag_is_found_by_its_name(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct taglist list;
	const char *why;
	assert_true(taglist_parse(STR("v=1;p=;k=rsa"), &arena, &list, &why));
	assert_str(taglist_find(&list, "k"), STR("rsa"));
	assert_null(taglist_find(&list, "K").p);
	assert_null(taglist_find(&list, "x").p);
	assert_non_null(taglist_find(&list, "p").p); /* there, but empty */
	assert_int_equal(taglist_find(&list, "p").n, 0);
	arena_free(&arena);
}

static void
white_space_can_be_squeezed_out(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	assert_str(taglist_squeeze(STR("ab\r\n\tcd e"), &arena), STR("abcde"));
	assert_str(taglist_squeeze(STR(""), &arena), STR(""));
	arena_free(&arena);
}

static void
base64_may_be_folded_and_lack_its_padding(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct str bytes = STR("");
	assert_true(taglist_base64(STR("aGVs\r\n\tbG8 ="), &arena, &bytes));
	assert_str(bytes, STR("hello"));
	assert_true(taglist_base64(STR("aGk"), &arena, &bytes));
	assert_str(bytes, STR("hi"));
	assert_false(taglist_base64(STR(""), &arena, &bytes));
	assert_false(taglist_base64(STR("aGVsb"), &arena, &bytes));
	assert_false(taglist_base64(STR("a*=="), &arena, &bytes));
	arena_free(&arena);
}

static void
a_value_may_be_a_list(void **state)
{
	(void)state;
	assert_true(taglist_has(STR("sha1 :\r\n SHA256"), STR("sha256")));
	assert_true(taglist_has(STR("y"), STR("y")));
	assert_false(taglist_has(STR("sha256x:xsha256"), STR("sha256")));
	assert_false(taglist_has(STR(""), STR("y")));
}

static struct buf
many_tags(unsigned count)
{
	struct buf text = { 0 };
	for (unsigned i = 0; i < count; i++)
		buf_addf(&text, "t%u=%u;", i, i);
	return text;
}

static void
the_number_of_tags_is_bounded(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct taglist list;
	const char *why;
	struct buf text = many_tags(TAGLIST_MAX);
	assert_true(taglist_parse(buf_str(&text), &arena, &list, &why));
	assert_int_equal(list.count, TAGLIST_MAX);
	assert_str(taglist_find(&list, "t99"), STR("99"));
	buf_free(&text);
	text = many_tags(TAGLIST_MAX + 1);
	assert_false(taglist_parse(buf_str(&text), &arena, &list, &why));
	buf_free(&text);
	text = many_tags(20000);
	assert_false(taglist_parse(buf_str(&text), &arena, &list, &why));
	buf_free(&text);
	assert_in_range(arena_size(&arena), 0, 65536);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_as_the_rfc_says),
		cmocka_unit_test(a_tag_is_found_by_its_name),
		cmocka_unit_test(white_space_can_be_squeezed_out),
		cmocka_unit_test(base64_may_be_folded_and_lack_its_padding),
		cmocka_unit_test(a_value_may_be_a_list),
		cmocka_unit_test(the_number_of_tags_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
