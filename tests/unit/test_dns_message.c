#include "lib/net/dns_message.h"

#include "lib/base/codec.h"
#include "lib/base/cursor.h"
#include "lib/base/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- messages, written by hand ---- */

enum {
	ANSWER = 0x8180, /* QR RD RA */
	AD = 0x20,
	TC = 0x200,
	QUESTION_AT = 12,
	SOA_MINIMUM = 60,
};

static struct buf wire;

static void
begin(unsigned flags, const char *name, enum dns_type type, uint16_t answers,
    uint16_t authorities, uint16_t additional)
{
	buf_clear(&wire);
	put_u16(&wire, 0x1234);
	put_u16(&wire, (uint16_t)flags);
	put_u16(&wire, 1);
	put_u16(&wire, answers);
	put_u16(&wire, authorities);
	put_u16(&wire, additional);
	assert_true(name_to_wire(str_of(name), &wire));
	put_u16(&wire, (uint16_t)type);
	put_u16(&wire, 1);
}

/* The fixed part of a record; name NULL points at the question. */
static void
record(const char *name, unsigned type, uint32_t ttl, size_t length)
{
	if (name)
		assert_true(name_to_wire(str_of(name), &wire));
	else
		put_u16(&wire, 0xc000 | QUESTION_AT);
	put_u16(&wire, (uint16_t)type);
	put_u16(&wire, 1);
	put_u32(&wire, ttl);
	put_u16(&wire, (uint16_t)length);
}

static void
hex(const char *text)
{
	assert_true(hex_read(&wire, str_of(text)));
}

static void
named(const char *owner, unsigned type, uint32_t ttl, const char *target)
{
	struct buf name = { 0 };
	assert_true(name_to_wire(str_of(target), &name));
	record(owner, type, ttl, name.n);
	buf_add(&wire, buf_str(&name));
	buf_free(&name);
}

static void
soa(const char *owner, uint32_t ttl)
{
	record(owner, DNS_SOA, ttl, 2 + 20);
	put_u8(&wire, 0);
	put_u8(&wire, 0);
	for (int i = 0; i < 4; i++)
		put_u32(&wire, 1);
	put_u32(&wire, SOA_MINIMUM);
}

/* ---- what is read ---- */

static struct arena arena;
static struct dns_message message;

static bool
parse(const char *name, enum dns_type type)
{
	arena_free(&arena);
	return dns_message_parse(
	    buf_str(&wire), str_of(name), type, &arena, &message);
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	buf_free(&wire);
	return 0;
}

static void
test_every_type(void **state)
{
	(void)state;
	static const struct {
		enum dns_type type;
		const char *data;
	} cases[] = {
		{ DNS_A, "c0000201" },
		{ DNS_AAAA, "20010db8000000000000000000000001" },
		{ DNS_MX, "000a026d78076578616d706c6500" },
		{ DNS_TXT, "0361626300026465" },
		{ DNS_TLSA, "030101abcdef" },
		{ DNS_PTR, "024d58076578616d706c6500" },
		{ DNS_CNAME, "024d58076578616d706c6500" },
		{ DNS_NS, "024d58076578616d706c6500" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(ANSWER, "a.example", cases[i].type, 1, 0, 0);
		record(NULL, cases[i].type, 300, strlen(cases[i].data) / 2);
		hex(cases[i].data);
		assert_true(parse("A.Example.", cases[i].type));
		assert_int_equal(message.count, 1);
		assert_int_equal(message.ttl, 300);
		const struct dns_record *r = message.records;
		assert_int_equal(r->type, cases[i].type);
		char text[IP_TEXT] = "";
		if (r->type == DNS_A || r->type == DNS_AAAA)
			ip_print(r->ip, text);
		switch (r->type) {
		case DNS_A:
			assert_string_equal(text, "192.0.2.1");
			break;
		case DNS_AAAA:
			assert_string_equal(text, "2001:db8::1");
			break;
		case DNS_MX:
			assert_int_equal(r->mx.preference, 10);
			assert_true(str_eq(r->mx.host, STR("mx.example")));
			break;
		case DNS_TXT:
			assert_true(str_eq(r->text, STR("abcde")));
			break;
		case DNS_TLSA:
			assert_int_equal(r->tlsa.usage, 3);
			assert_int_equal(r->tlsa.selector, 1);
			assert_int_equal(r->tlsa.matching, 1);
			assert_true(str_eq(r->tlsa.data, STR("\xab\xcd\xef")));
			break;
		case DNS_PTR:
		case DNS_CNAME:
		case DNS_NS:
			assert_true(str_eq(r->name, STR("mx.example")));
			break;
		case DNS_SOA:
			fail();
		}
	}
}

static void
test_null_mx(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_MX, 1, 0, 0);
	record(NULL, DNS_MX, 300, 3);
	hex("000000");
	assert_true(parse("a.example", DNS_MX));
	assert_int_equal(message.count, 1);
	assert_int_equal(message.records->mx.preference, 0);
	assert_int_equal(message.records->mx.host.n, 0);
}

/* Records in any order; others are no answer. */
static void
test_aliases_are_followed(void **state)
{
	(void)state;
	begin(ANSWER | AD, "a.example", DNS_A, 5, 0, 0);
	record("c.example", DNS_A, 900, 4);
	hex("c0000201");
	named("b.example", DNS_CNAME, 60, "c.example");
	record("x.example", DNS_A, 1, 4);
	hex("c0000209");
	named(NULL, DNS_CNAME, 600, "B.example");
	record("c.example", DNS_A, 800, 4);
	hex("c0000202");
	assert_true(parse("a.example", DNS_A));
	assert_int_equal(message.count, 2);
	assert_int_equal(message.ttl, 60);
	assert_true(message.authentic);
	assert_int_equal(message.records[1].ip.bytes[3], 2);
	assert_true(str_eq(message.alias, STR("c.example")));
}

static void
test_alias_without_its_end(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_A, 1, 0, 0);
	named(NULL, DNS_CNAME, 60, "b.example");
	assert_true(parse("a.example", DNS_A));
	assert_int_equal(message.count, 0);
	assert_true(str_eq(message.alias, STR("b.example")));
	assert_int_equal(message.ttl, 0);
}

/* Whoever writes them may write many. */
static void
test_alias_chain_has_a_limit(void **state)
{
	(void)state;
	for (unsigned n = 8; n <= 9; n++) {
		char from[] = "0.example", to[] = "1.example";
		begin(ANSWER, "0.example", DNS_A, (uint16_t)(n + 1), 0, 0);
		for (unsigned i = 0; i < n; i++, from[0]++, to[0]++)
			named(from, DNS_CNAME, 60, to);
		record(from, DNS_A, 60, 4);
		hex("c0000201");
		assert_int_equal(parse("0.example", DNS_A), n == 8);
	}
	begin(ANSWER, "0.example", DNS_A, 1, 0, 0);
	record(NULL, DNS_A, 60, 4);
	hex("c0000201");
	assert_true(parse("0.example", DNS_A));
	assert_int_equal(message.alias.n, 0);
}

static void
test_alias_loop_is_malformed(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_A, 2, 0, 0);
	named(NULL, DNS_CNAME, 60, "b.example");
	named("b.example", DNS_CNAME, 60, "a.example");
	assert_false(parse("a.example", DNS_A));
}

static void
test_nothing_and_for_how_long(void **state)
{
	(void)state;
	static const struct {
		unsigned rcode;
		bool alias, soa;
		uint32_t soa_ttl, ttl;
	} cases[] = {
		{ DNS_NOERROR, false, true, 3600, SOA_MINIMUM },
		{ DNS_RCODE_NXDOMAIN, false, true, 3600, SOA_MINIMUM },
		{ DNS_RCODE_NXDOMAIN, false, true, 20, 20 },
		{ DNS_RCODE_NXDOMAIN, true, true, 3600, 30 },
		{ DNS_NOERROR, false, false, 0, 0 },
		{ DNS_RCODE_NXDOMAIN, false, false, 0, 0 },
		{ DNS_RCODE_NXDOMAIN, false, true, 0x80000000, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(ANSWER | cases[i].rcode, "a.example", DNS_A,
		    cases[i].alias, cases[i].soa, 0);
		if (cases[i].alias)
			named(NULL, DNS_CNAME, 30, "b.example");
		if (cases[i].soa)
			soa("example", cases[i].soa_ttl);
		assert_true(parse("a.example", DNS_A));
		assert_int_equal(message.count, 0);
		assert_int_equal(message.rcode, cases[i].rcode);
		assert_int_equal(message.ttl, cases[i].ttl);
		assert_false(message.referral);
	}
}

static void
test_referral_is_told(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_A, 0, 1, 0);
	named("example", DNS_NS, 3600, "ns.example");
	assert_true(parse("a.example", DNS_A));
	assert_true(message.referral);
	begin(ANSWER, "a.example", DNS_A, 0, 2, 0);
	named("example", DNS_NS, 3600, "ns.example");
	soa("example", 3600);
	assert_true(parse("a.example", DNS_A));
	assert_false(message.referral);
}

static void
test_extended_rcode(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_A, 0, 0, 1);
	hex("00"
	    "0029"
	    "04d0"
	    "01000000"
	    "0000");
	assert_true(parse("a.example", DNS_A));
	assert_int_equal(message.rcode, 16); /* BADVERS */
}

static void
test_odd_octets_are_escaped(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_PTR, 1, 0, 0);
	record(NULL, DNS_PTR, 60, 8);
	hex("06"
	    "2e5c00ff4120"
	    "00");
	assert_true(parse("a.example", DNS_PTR));
	assert_true(
	    str_eq(message.records->name, STR("\\.\\\\\\000\\255a\\032")));
}

/* A name is asked for as it was read. */
static void
test_odd_octets_are_asked_for(void **state)
{
	(void)state;
	const char *const names[] = { "a\\032b.x", "a\\.b.x", "\\\\.x" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf out = { 0 };
		assert_true(
		    dns_message_write(&out, 1, str_of(names[i]), DNS_A));
		begin(ANSWER, names[i], DNS_A, 1, 0, 0);
		record(NULL, DNS_A, 60, 4);
		hex("c0000201");
		assert_true(parse(names[i], DNS_A));
		assert_int_equal(message.count, 1);
		buf_free(&out);
	}
}

static void
test_truncated(void **state)
{
	(void)state;
	begin(ANSWER | TC, "a.example", DNS_A, 1, 0, 0);
	hex("c0"); /* cut off */
	assert_true(parse("a.example", DNS_A));
	assert_true(message.truncated);
	assert_int_equal(message.count, 0);
}

static void
test_not_an_answer_to_this(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_A, 0, 0, 0);
	assert_true(parse("a.example", DNS_A));
	assert_false(parse("b.example", DNS_A));
	assert_false(parse("a.example", DNS_AAAA));
	begin(0x0100, "a.example", DNS_A, 0, 0, 0);
	assert_false(parse("a.example", DNS_A)); /* a question */
	begin(ANSWER | 0x2800, "a.example", DNS_A, 0, 0, 0);
	assert_false(parse("a.example", DNS_A)); /* an update */
}

static void
test_malformed(void **state)
{
	(void)state;
	static const struct {
		enum dns_type type;
		const char *rest; /* behind the question; one answer */
	} cases[] = {
		{ DNS_A, "" },
		{ DNS_A, "c00c0001000100000000" },
		{ DNS_A, "c00c00010001000000000004c00002" },
		{ DNS_A, "c00c00010001000000000005c000020101" },
		{ DNS_A, "c00c00010001000000000003c00002" },
		{ DNS_AAAA, "c00c001c00010000000000040102030405" },
		{ DNS_MX, "c00c000f000100000000000100" },
		{ DNS_MX, "c00c000f0001000000000002000a" },
		{ DNS_TXT, "c00c00100001000000000003036162" },
		{ DNS_TLSA, "c00c00340001000000000002030100" },
		/* names: a pointer at itself, ahead, and into nowhere; a label
		   of 64 octets; one that is too long for the message */
		{ DNS_PTR, "c00c000c0001000000000002c027" },
		{ DNS_PTR, "c00c000c0001000000000002c030" },
		{ DNS_PTR, "c00c000c0001000000000002ffff" },
		{ DNS_PTR, "c00c000c000100000000000240" },
		{ DNS_PTR, "c00c000c00010000000000023f61" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(ANSWER, "a.example", cases[i].type, 1, 0, 0);
		hex(cases[i].rest);
		assert_false(parse("a.example", cases[i].type));
	}
}

/* Four times 63 octets are more than a name has, however they are put
   together. */
static void
test_overlong_name(void **state)
{
	(void)state;
	for (int labels = 3; labels <= 4; labels++) {
		size_t n = (size_t)labels * 64 + 1;
		begin(ANSWER, "a.example", DNS_PTR, 1, 0, 0);
		record(NULL, DNS_PTR, 60, n);
		for (int i = 0; i < labels; i++) {
			put_u8(&wire, 63);
			memset(buf_reserve(&wire, 63), 'x', 63);
			wire.n += 63;
		}
		put_u8(&wire, 0);
		assert_int_equal(parse("a.example", DNS_PTR), labels == 3);
	}
}

/* Leads n pointers behind each other to the question's name; says where the
   last of them is. */
static size_t
chain(unsigned n)
{
	size_t target = QUESTION_AT;
	record(NULL, 99, 60, (size_t)2 * n);
	while (n-- > 0) {
		put_u16(&wire, (uint16_t)(0xc000 | target));
		target = wire.n - 2;
	}
	return target;
}

/* A name has 127 labels at most; a chain that is longer takes our time alone,
   and all records of an answer may point at its end. */
static void
test_pointers_have_a_limit(void **state)
{
	(void)state;
	for (unsigned n = 126; n <= 127; n++) {
		begin(ANSWER, "a.test", DNS_A, 2, 0, 0);
		size_t end = chain(n);
		put_u16(&wire, (uint16_t)(0xc000 | end));
		hex("00010001"
		    "0000003c"
		    "0004c0000201");
		assert_int_equal(parse("a.test", DNS_A), n == 126);
	}
}

static void
test_too_many_records(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_A, 513, 0, 0);
	for (int i = 0; i < 513; i++) {
		record(NULL, DNS_A, 60, 4);
		hex("c0000201");
	}
	assert_false(parse("a.example", DNS_A));
}

/* Every beginning of a message, and every octet of it turned round: no crash,
   and no beginning is the whole. */
static void
test_cut_anywhere(void **state)
{
	(void)state;
	begin(ANSWER, "a.example", DNS_A, 2, 1, 1);
	named(NULL, DNS_CNAME, 60, "b.example");
	record("b.example", DNS_A, 60, 4);
	hex("c0000201");
	soa("example", 60);
	hex("00"
	    "0029"
	    "04d0"
	    "00000000"
	    "0000");
	struct buf whole = buf_of(buf_str(&wire));
	assert_true(parse("a.example", DNS_A));
	for (size_t n = 0; n < whole.n; n++) {
		struct buf piece = buf_of(str_sub(buf_str(&whole), 0, n));
		arena_free(&arena);
		assert_false(dns_message_parse(buf_str(&piece),
		    STR("a.example"), DNS_A, &arena, &message));
		buf_free(&piece);
		wire.p[n] = (char)~whole.p[n];
		parse("a.example", DNS_A);
		wire.p[n] = whole.p[n];
	}
	buf_free(&whole);
}

static void
test_questions(void **state)
{
	(void)state;
	struct buf out = { 0 };
	assert_true(
	    dns_message_write(&out, 0xbeef, STR("_25._tcp.a.b"), DNS_TLSA));
	buf_clear(&wire);
	hex("beef"
	    "0120"
	    "0001"
	    "0000"
	    "0000"
	    "0001"
	    "035f3235045f7463700161016200"
	    "0034"
	    "0001"
	    "00"
	    "0029"
	    "04d0"
	    "00008000"
	    "0000");
	assert_true(str_eq(buf_str(&out), buf_str(&wire)));
	char label[65] = { 0 };
	memset(label, 'x', 64);
	const char *const bad[] = { "a..b", "a\\", label };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		buf_clear(&out);
		assert_false(dns_message_write(&out, 1, str_of(bad[i]), DNS_A));
		assert_int_equal(out.n, 0);
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_null_mx),
		cmocka_unit_test(test_aliases_are_followed),
		cmocka_unit_test(test_alias_without_its_end),
		cmocka_unit_test(test_alias_chain_has_a_limit),
		cmocka_unit_test(test_alias_loop_is_malformed),
		cmocka_unit_test(test_nothing_and_for_how_long),
		cmocka_unit_test(test_referral_is_told),
		cmocka_unit_test(test_extended_rcode),
		cmocka_unit_test(test_odd_octets_are_escaped),
		cmocka_unit_test(test_odd_octets_are_asked_for),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_not_an_answer_to_this),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_overlong_name),
		cmocka_unit_test(test_pointers_have_a_limit),
		cmocka_unit_test(test_too_many_records),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_questions),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
