#include "lib/mail/path.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LETTERS_60 \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
#define DOMAIN_60 LETTERS_60
#define DOMAIN_61 LETTERS_60 "g"
#define LOCAL_62 LETTERS_60 "gg"
#define LOCAL_64 LETTERS_60 "gggg"

static const struct {
	const char *text;
	const char *local, *domain; /* NULL: refused */
	const char *written; /* NULL: the same as the text */
} addresses[] = {
	{ "you@example.test", "you", "example.test", NULL },
	{ "You+Tag@EXAMPLE.Test", "You+Tag", "example.test",
	    "You+Tag@example.test" },
	{ "a.b.c@x", "a.b.c", "x", NULL },
	{ "!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", "x", NULL },
	{ "\"a b\"@x", "a b", "x", NULL },
	{ "\"ab\"@x", "ab", "x", "ab@x" },
	{ "\"a\\\"\\\\b\"@x", "a\"\\b", "x", NULL },
	{ "\"a\\bc\"@x", "abc", "x", "abc@x" },
	{ "\"a@b>\"@x", "a@b>", "x", NULL },
	{ "\".a\"@x", ".a", "x", NULL },
	{ "a..b@x", "a..b", "x", "\"a..b\"@x" },
	{ "a.@x", "a.", "x", "\"a.\"@x" },
	{ "a@under_score.x", "a", "under_score.x", NULL },
	{ "a@[192.0.2.1]", "a", "[192.0.2.1]", NULL },
	{ "a@[IPv6:2001:DB8::1]", "a", "[ipv6:2001:db8::1]",
	    "a@[ipv6:2001:db8::1]" },
	{ LOCAL_64 "@x", LOCAL_64, "x", NULL },
	{ LOCAL_64 LOCAL_64 "@x", LOCAL_64 LOCAL_64, "x", NULL },
	/* 256 octets with brackets, and with the quotes that are needed */
	{ LOCAL_64 LOCAL_64 LOCAL_64 "@" DOMAIN_61, LOCAL_64 LOCAL_64 LOCAL_64,
	    DOMAIN_61, NULL },
	{ LOCAL_64 LOCAL_64 LOCAL_64 "a@" DOMAIN_61, NULL, NULL, NULL },
	{ LOCAL_64 LOCAL_64 LOCAL_62 ".@" DOMAIN_60,
	    LOCAL_64 LOCAL_64 LOCAL_62 ".", DOMAIN_60,
	    "\"" LOCAL_64 LOCAL_64 LOCAL_62 ".\"@" DOMAIN_60 },
	{ LOCAL_64 LOCAL_64 LOCAL_62 "a.@" DOMAIN_60, NULL, NULL, NULL },
	{ "\"" LOCAL_64 LOCAL_64 LOCAL_62 ".\"@" DOMAIN_60,
	    LOCAL_64 LOCAL_64 LOCAL_62 ".", DOMAIN_60, NULL },
	{ "", NULL, NULL, NULL },
	{ "@", NULL, NULL, NULL },
	{ "a", NULL, NULL, NULL },
	{ "a@", NULL, NULL, NULL },
	{ "@x", NULL, NULL, NULL },
	{ "\"\"@x", NULL, NULL, NULL },
	{ ".a@x", NULL, NULL, NULL },
	{ "..@x", NULL, NULL, NULL },
	{ "a b@x", NULL, NULL, NULL },
	{ "a@x y", NULL, NULL, NULL },
	{ " a@x", NULL, NULL, NULL },
	{ "a@x ", NULL, NULL, NULL },
	{ "a(c)@x", NULL, NULL, NULL },
	{ "a@b@x", NULL, NULL, NULL },
	{ "a,b@x", NULL, NULL, NULL },
	{ "a\\@b@x", NULL, NULL, NULL },
	{ "\"a\"b@x", NULL, NULL, NULL },
	{ "\"a@x", NULL, NULL, NULL },
	{ "\"a\\\"@x", NULL, NULL, NULL },
	{ "a\"b\"@x", NULL, NULL, NULL },
	{ "a@x.", NULL, NULL, NULL },
	{ "a@.x", NULL, NULL, NULL },
	{ "a@x..y", NULL, NULL, NULL },
	{ "a@-x", NULL, NULL, NULL },
	{ "a@x!", NULL, NULL, NULL },
	{ "a@[]", NULL, NULL, NULL },
	{ "a@[192.0.2.1", NULL, NULL, NULL },
	{ "a@[192.0.2.1]b", NULL, NULL, NULL },
	{ "a@[2001:db8::1]", NULL, NULL, NULL },
	{ "a@[IPv6:192.0.2.1]", NULL, NULL, NULL },
	{ "a@[tag:x]", NULL, NULL, NULL },
	{ "\xc3\xa4@x", NULL, NULL, NULL },
	{ "\"\xc3\xa4\"@x", NULL, NULL, NULL },
	{ "a@\xc3\xa4.x", NULL, NULL, NULL },
	{ "\"a\x01\"@x", NULL, NULL, NULL },
	{ "\"a\\\r\"@x", NULL, NULL, NULL },
};

static void
parses_and_writes_addresses(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct str text = str_of(addresses[i].text);
		struct address address;
		const char *why = NULL;
		bool good = address_parse(text, &arena, &address, &why);
		assert_int_equal(good, addresses[i].local != NULL);
		if (!good) {
			assert_non_null(why);
			continue;
		}
		assert_str(address.local, str_of(addresses[i].local));
		assert_str(address.domain, str_of(addresses[i].domain));
		if (addresses[i].written)
			text = str_of(addresses[i].written);
		assert_str(address_text(address, &arena), text);
	}
	arena_free(&arena);
}

static void
an_address_has_a_domain(void **state)
{
	static const char *const rows[][2] = {
		{ "a@x.test", "x.test" },
		{ "\"a@b\"@X.test", "X.test" },
		{ "a@[192.0.2.1]", "[192.0.2.1]" },
		{ "postmaster", "" },
		{ "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_str(
		    address_domain(str_of(rows[i][0])), str_of(rows[i][1]));
}

enum kind {
	REVERSE = 1,
	FORWARD = 2,
	BOTH = 3
};

static const struct {
	const char *text;
	enum kind kind; /* that take it */
	const char *address, *rest;
} paths[] = {
	{ "<a@x>", BOTH, "a@x", "" },
	{ "<a@x> SIZE=1", BOTH, "a@x", " SIZE=1" },
	{ "<a@x>SIZE=1", BOTH, "a@x", "SIZE=1" },
	{ "<\"a>b\"@x> Y", BOTH, "\"a>b\"@x", " Y" },
	{ "<@r:a@x>", BOTH, "a@x", "" },
	{ "<@r,@s.t:a@x> Y", BOTH, "a@x", " Y" },
	{ "<a@[IPv6:::1]>", BOTH, "a@[ipv6:::1]", "" },
	{ "<>", REVERSE, "", "" },
	{ "<> BODY=7BIT", REVERSE, "", " BODY=7BIT" },
	{ "<postmaster>", FORWARD, "postmaster", "" },
	{ "<PostMaster> Y", FORWARD, "PostMaster", " Y" },
	{ "<hostmaster>", 0, "", "" },
	{ "a@x", 0, "", "" },
	{ "<a@x", 0, "", "" },
	{ "a@x>", 0, "", "" },
	{ "< a@x>", 0, "", "" },
	{ "<a@x >", 0, "", "" },
	{ "<<a@x>>", 0, "", "" },
	{ "<\"a>@x", 0, "", "" },
	{ "<@r a@x>", 0, "", "" },
	{ "<@r:>", 0, "", "" },
	{ "<@r,ss:a@x>", 0, "", "" },
	{ "<@r,:a@x>", 0, "", "" },
	{ "<@:a@x>", 0, "", "" },
	{ "<r:a@x>", 0, "", "" },
	{ "", 0, "", "" },
	{ "<", 0, "", "" },
};

static void
check_path(size_t i, enum kind kind, struct arena *arena)
{
	bool (*parse)(
	    struct str *, struct arena *, struct address *, const char **) =
	    kind == REVERSE ? path_parse_reverse : path_parse_forward;
	struct str rest = str_of(paths[i].text);
	struct address address;
	const char *why = NULL;
	bool good = parse(&rest, arena, &address, &why);
	assert_int_equal(good, (paths[i].kind & kind) != 0);
	if (!good) {
		assert_non_null(why);
		return;
	}
	assert_str(address_text(address, arena), str_of(paths[i].address));
	assert_str(rest, str_of(paths[i].rest));
	assert_int_equal(address_is_null(address), !*paths[i].address);
}

static void
parses_paths(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		check_path(i, REVERSE, &arena);
		check_path(i, FORWARD, &arena);
	}
	arena_free(&arena);
}

static void
skips_routes(void **state)
{
	(void)state;
	struct str text = STR("@r,@s.t:a@x");
	assert_true(path_skip_route(&text));
	assert_str(text, STR("a@x"));
	assert_true(path_skip_route(&text));
	assert_str(text, STR("a@x"));
	text = STR("@r");
	assert_false(path_skip_route(&text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_writes_addresses),
		cmocka_unit_test(an_address_has_a_domain),
		cmocka_unit_test(parses_paths),
		cmocka_unit_test(skips_routes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
