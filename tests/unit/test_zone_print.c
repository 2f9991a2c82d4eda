#include "lib/zone/print.h"

#include "tests/unit/assert_str.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One record of each kind that is printed in a way of its own. */
static struct zone_record records[] = {
	{ ZONE_REQUIRED, TEXT("mail.example.com"), "A", TEXT("203.0.113.5"),
	    NULL },
	{ ZONE_REQUIRED, TEXT("mail.example.com"), "AAAA", TEXT(""),
	    "not known" },
	{ ZONE_REQUIRED, TEXT("example.com"), "MX",
	    TEXT("10 mail.example.com."), NULL },
	{ ZONE_REQUIRED, TEXT("k._domainkey.example.com"), "TXT",
	    TEXT("v=DKIM1; p=AB\"C\\D"), "a key" },
	{ ZONE_REQUIRED, TEXT("5.113.0.203.in-addr.arpa"), "PTR",
	    TEXT("mail.example.com."), "elsewhere" },
	{ ZONE_RECOMMENDED, TEXT("_imaps._tcp.example.com"), "SRV",
	    TEXT("0 1 993 mail.example.com."), NULL },
	{ ZONE_OPTIONAL, TEXT("mail.example.com"), "CAA",
	    TEXT("0 issue \"letsencrypt.org\""), NULL },
};

static const struct zone_plan plan = {
	.domain = TEXT("example.com"),
	.count = sizeof records / sizeof *records,
	.records = records,
};

#define SHORT_TABLE \
	"DNS records of example.com\n" \
	"\n" \
	"required\n" \
	"  mail          A      203.0.113.5\n" \
	"  mail          AAAA   ?\n" \
	"    # not known\n" \
	"  @             MX     10 mail.example.com.\n" \
	"  k._domainkey  TXT    v=DKIM1; p=AB\"C\\D\n" \
	"    # a key\n" \
	"  5.113.0.203.in-addr.arpa.  PTR    mail.example.com.\n" \
	"    # elsewhere\n" \
	"\n" \
	"recommended\n" \
	"  _imaps._tcp   SRV    0 1 993 mail.example.com.\n" \
	"\n"

static void
table_is_for_web_forms(void **state)
{
	(void)state;
	struct buf out = { 0 };
	zone_print_table(&plan, true, &out);
	assert_string_equal(buf_cstr(&out),
	    SHORT_TABLE "optional\n"
			"  mail          CAA    0 issue \"letsencrypt.org\"\n");
	buf_clear(&out);
	zone_print_table(&plan, false, &out);
	assert_string_equal(
	    buf_cstr(&out), SHORT_TABLE "optional: 1 more with --all\n");
	buf_free(&out);
}

static void
zone_file_is_for_name_servers(void **state)
{
	(void)state;
	struct buf out = { 0 };
	zone_print_file(&plan, &out);
	assert_string_equal(buf_cstr(&out),
	    "$ORIGIN example.com.\n"
	    "$TTL 3600\n"
	    "\n"
	    "; required\n"
	    "mail.example.com.         IN A     203.0.113.5\n"
	    "; not known\n"
	    "; mail.example.com.         IN AAAA  ?\n"
	    "example.com.              IN MX    10 mail.example.com.\n"
	    "; a key\n"
	    "k._domainkey.example.com. IN TXT   \"v=DKIM1; p=AB\\\"C\\\\D\"\n"
	    "; elsewhere\n"
	    "; 5.113.0.203.in-addr.arpa. IN PTR   mail.example.com.\n"
	    "\n"
	    "; recommended\n"
	    "_imaps._tcp.example.com.  IN SRV   0 1 993 mail.example.com.\n"
	    "\n"
	    "; optional\n"
	    "mail.example.com.         IN CAA   0 issue \"letsencrypt.org\"\n");
	buf_free(&out);
}

struct length_case {
	size_t length;
	size_t strings[3]; /* their lengths, 0 ends */
};

static const struct length_case lengths[] = {
	{ 1, { 1 } },
	{ 255, { 255 } },
	{ 256, { 255, 1 } },
	{ 510, { 255, 255 } },
	{ 511, { 255, 255, 1 } },
};

/* RFC 1035 3.3: a string has at most 255 octets */
static void
long_texts_are_split_in_the_zone_file_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		const struct length_case *c = &lengths[i];
		struct buf text = { 0 }, wanted = { 0 }, out = { 0 };
		memset(buf_reserve(&text, c->length), 'x', c->length);
		text.n = c->length;
		struct zone_record r = { .name = STR("example.com"),
			.type = "TXT",
			.value = buf_str(&text) };
		struct zone_plan one = {
			.domain = STR("example.com"), .count = 1, .records = &r
		};
		for (int s = 0; s < 3 && c->strings[s]; s++)
			buf_addf(&wanted, "%s\"%.*s\"", s ? " " : "",
			    (int)c->strings[s], text.p);
		zone_print_file(&one, &out);
		struct str rest = buf_str(&out);
		rest = str_from(rest, str_find(rest, '"'));
		buf_addc(&wanted, '\n');
		assert_true(str_eq(rest, buf_str(&wanted)));
		buf_clear(&out);
		zone_print_table(&one, true, &out);
		assert_true(str_search(buf_str(&out), buf_str(&text)) < out.n);
		buf_free(&text);
		buf_free(&wanted);
		buf_free(&out);
	}
}

static const char *
member(json_t *all, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(all, i), key));
}

static void
json_holds_the_same(void **state)
{
	(void)state;
	static const char *const relatives[] = { "mail", "mail", "@",
		"k._domainkey", "5.113.0.203.in-addr.arpa.", "_imaps._tcp",
		"mail" };
	static const char *const tiers[] = { "required", "recommended",
		"optional" };
	struct buf out = { 0 };
	json_error_t error;
	zone_print_json(&plan, &out);
	json_t *all = json_loadb(out.p, out.n, 0, &error);
	assert_non_null(all);
	assert_int_equal(json_array_size(all), plan.count);
	for (size_t i = 0; i < plan.count; i++) {
		const struct zone_record *r = &records[i];
		assert_string_equal(member(all, i, "tier"), tiers[r->tier]);
		assert_string_equal(member(all, i, "name"), r->name.p);
		assert_string_equal(member(all, i, "relative"), relatives[i]);
		assert_string_equal(member(all, i, "type"), r->type);
		assert_string_equal(member(all, i, "value"), r->value.p);
		if (r->note)
			assert_string_equal(member(all, i, "note"), r->note);
		else
			assert_null(member(all, i, "note"));
	}
	json_decref(all);
	buf_free(&out);
}

static void
empty_plan_is_an_empty_array(void **state)
{
	(void)state;
	struct zone_plan none = { .domain = STR("example.com") };
	struct buf out = { 0 };
	zone_print_json(&none, &out);
	assert_string_equal(buf_cstr(&out), "[\n]\n");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_for_web_forms),
		cmocka_unit_test(zone_file_is_for_name_servers),
		cmocka_unit_test(long_texts_are_split_in_the_zone_file_alone),
		cmocka_unit_test(json_holds_the_same),
		cmocka_unit_test(empty_plan_is_an_empty_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
