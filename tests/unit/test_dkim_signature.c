#include "lib/trust/dkim_signature.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HASH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define LABEL_60 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz12345678"

/* What every one of them has, without what a case is about. */
#define WITHOUT_V \
	"a=rsa-sha256; d=example.com; s=sel; h=From:To; bh=" HASH "; b=YWJj"
#define WITHOUT_A "v=1; d=example.com; s=sel; h=From:To; bh=" HASH "; b=YWJj"
#define WITHOUT_B "v=1; a=rsa-sha256; d=example.com; s=sel; h=From:To; bh=" HASH
#define WITHOUT_BH "v=1; a=rsa-sha256; d=example.com; s=sel; h=From:To; b=YWJj"
#define WITHOUT_D "v=1; a=rsa-sha256; s=sel; h=From:To; bh=" HASH "; b=YWJj"
#define WITHOUT_H "v=1; a=rsa-sha256; d=example.com; s=sel; bh=" HASH "; b=YWJj"
#define WITHOUT_S \
	"v=1; a=rsa-sha256; d=example.com; h=From:To; bh=" HASH "; b=YWJj"
#define WHOLE "v=1; " WITHOUT_V

static bool
parse(enum dkim_kind kind, struct str value, struct arena *arena,
    struct dkim_signature *sig)
{
	const char *why = NULL;
	bool good = dkim_signature_parse(kind, value, arena, sig, &why);
	assert_int_equal(good, why == NULL);
	return good;
}

/* ---- which ones are well-formed ---- */

static const struct {
	struct str value;
	bool good;
} signatures[] = {
	{ TEXT(WHOLE), true },
	{ TEXT(WHOLE ";"), true },
	{ TEXT(WHOLE "; unknown=tag; z=From:a@b"), true },
	{ TEXT(WHOLE ";;"), false },
	{ TEXT(WHOLE "; s=sel"), false },
	/* RFC 6376 3.5: what is required */
	{ TEXT(WITHOUT_V), false },
	{ TEXT(WITHOUT_A), false },
	{ TEXT(WITHOUT_B), false },
	{ TEXT(WITHOUT_BH), false },
	{ TEXT(WITHOUT_D), false },
	{ TEXT(WITHOUT_H), false },
	{ TEXT(WITHOUT_S), false },
	{ TEXT(""), false },
	/* v= */
	{ TEXT("v=2; " WITHOUT_V), false },
	{ TEXT("v=1.0; " WITHOUT_V), false },
	{ TEXT("v=; " WITHOUT_V), false },
	{ TEXT(WITHOUT_V "; v=1"), true },
	/* a= */
	{ TEXT(WITHOUT_A "; a=ed25519-sha256"), true },
	{ TEXT(WITHOUT_A "; a=rsa-sha1"), true },
	{ TEXT(WITHOUT_A "; a=rsa-sha512"), true },
	{ TEXT(WITHOUT_A "; a="), false },
	/* b= and bh= */
	{ TEXT(WITHOUT_B "; b=YW\r\n\t Jj"), true },
	{ TEXT(WITHOUT_B "; b=YWI"), true },
	{ TEXT(WITHOUT_B "; b="), false },
	{ TEXT(WITHOUT_B "; b=Y"), false },
	{ TEXT(WITHOUT_B "; b=YW*j"), false },
	{ TEXT(WITHOUT_B "; b=YW=j"), false },
	{ TEXT(WITHOUT_BH "; bh=YWJj"), false },
	{ TEXT(WITHOUT_BH "; bh="), false },
	{ TEXT(WITHOUT_BH "; bh=47DEQpj8HBSa+/TImW+5\r\n "
			  "JCeuQeRkm5NMpJWZG3hSuFU="),
	    true },
	/* c= */
	{ TEXT(WHOLE "; c=simple"), true },
	{ TEXT(WHOLE "; c=relaxed/simple"), true },
	{ TEXT(WHOLE "; c="), false },
	{ TEXT(WHOLE "; c=/"), false },
	{ TEXT(WHOLE "; c=relaxed/"), false },
	{ TEXT(WHOLE "; c=nowsp"), false },
	{ TEXT(WHOLE "; c=simple/nowsp"), false },
	{ TEXT(WHOLE "; c=simple/simple/simple"), false },
	/* d= and s= */
	{ TEXT(WITHOUT_D "; d=Example.COM"), true },
	{ TEXT(WITHOUT_D "; d=b\xc3\xbc"
			 "cher.example"),
	    true },
	{ TEXT(WITHOUT_D "; d="), false },
	{ TEXT(WITHOUT_D "; d=example.com."), false },
	{ TEXT(WITHOUT_D "; d=example..com"), false },
	{ TEXT(WITHOUT_D "; d=exa mple.com"), false },
	{ TEXT(WITHOUT_D "; d=\xff\xfe.example"), false },
	{ TEXT(WITHOUT_S "; s=a.b_c.d"), true },
	{ TEXT(WITHOUT_S "; s="), false },
	{ TEXT(WITHOUT_S "; s=a..b"), false },
	{ TEXT(WITHOUT_S "; s=a/b"), false },
	{ TEXT(WITHOUT_S "; s=" LABEL_60 "." LABEL_60 "." LABEL_60), true },
	{ TEXT(
	      WITHOUT_S "; s=" LABEL_60 "." LABEL_60 "." LABEL_60 "." LABEL_60),
	    false },
	/* h= */
	{ TEXT(WITHOUT_H "; h=from"), true },
	{ TEXT(WITHOUT_H "; h=from : to :\r\n\tsubject"), true },
	{ TEXT(WITHOUT_H "; h=from::to"), true },
	{ TEXT(WITHOUT_H "; h=from to"), false },
	{ TEXT(WITHOUT_H "; h=fr\xc3\xb6m"), false },
	/* i= */
	{ TEXT(WHOLE "; i=@example.com"), true },
	{ TEXT(WHOLE "; i=ann@Sub.Example.com"), true },
	{ TEXT(WHOLE "; i=a=40b@example.com"), true },
	{ TEXT(WHOLE "; i=ann@example.org"), false },
	{ TEXT(WHOLE "; i=ann@com"), false },
	{ TEXT(WHOLE "; i=ann@notexample.com"), false },
	{ TEXT(WHOLE "; i=ann@example.org@example.com"), true },
	{ TEXT(WHOLE "; i=ann@example.com@example.org"), false },
	{ TEXT(WHOLE "; i=example.com"), false },
	{ TEXT(WHOLE "; i="), false },
	{ TEXT(WHOLE "; i=@"), false },
	/* l= */
	{ TEXT(WHOLE "; l=0"), true },
	{ TEXT(WHOLE "; l=99999999999999999999999999999999"), true },
	{ TEXT(WHOLE "; l="), false },
	{ TEXT(WHOLE "; l=-1"), false },
	{ TEXT(WHOLE "; l=0x10"), false },
	{ TEXT(WHOLE "; l=1 0"), false },
	/* q= */
	{ TEXT(WHOLE "; q=dns/txt"), true },
	{ TEXT(WHOLE "; q=http : dns/txt"), true },
	{ TEXT(WHOLE "; q=http"), false },
	{ TEXT(WHOLE "; q="), false },
	/* t= and x= */
	{ TEXT(WHOLE "; t=0"), true },
	{ TEXT(WHOLE "; t=1; x=2"), true },
	{ TEXT(WHOLE "; x=999999999999999999999999"), true },
	{ TEXT(WHOLE "; t=2; x=2"), false },
	{ TEXT(WHOLE "; t=2; x=1"), false },
	{ TEXT(WHOLE "; t=2; x=0"), false },
	{ TEXT(WHOLE "; t="), false },
	{ TEXT(WHOLE "; t=now"), false },
	{ TEXT(WHOLE "; x=-1"), false },
};

static void
signatures_are_read_as_the_rfc_says(void **state)
{
	struct arena arena = { 0 };
	struct dkim_signature sig;
	(void)state;
	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
		if (parse(DKIM_KIND_SIGNATURE, signatures[i].value, &arena,
			&sig) != signatures[i].good)
			fail_msg("%s: %.*s",
			    signatures[i].good ? "good" : "bad",
			    STR_ARG(signatures[i].value));
	arena_free(&arena);
}

static void
tags_become_members(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_signature sig;
	assert_true(parse(DKIM_KIND_SIGNATURE,
	    STR("v=1; a=Ed25519-SHA256; c=relaxed; d=Example.com; s=Sel.A;\r\n"
		"\ti=Ann@Sub.Example.com; l=17; t=5; x=9; h= From :to ;\r\n"
		"\tbh=" HASH "; b= YW\r\n\tJj "),
	    &arena, &sig));
	assert_true(sig.known_algorithm);
	assert_int_equal(sig.algorithm, SIGN_ED25519_SHA256);
	assert_str(sig.algorithm_text, STR("ed25519-sha256"));
	assert_str(sig.domain, STR("example.com"));
	assert_str(sig.selector, STR("sel.a"));
	assert_str(sig.identity, STR("Ann@Sub.Example.com"));
	assert_str(sig.identity_domain, STR("sub.example.com"));
	assert_int_equal(sig.header_canon, DKIM_RELAXED);
	assert_int_equal(sig.body_canon, DKIM_SIMPLE);
	assert_true(sig.has_length);
	assert_int_equal(sig.length, 17);
	assert_int_equal(sig.signed_at, 5);
	assert_int_equal(sig.expires, 9);
	assert_int_equal(sig.name_count, 2);
	assert_str(sig.names[0], STR("From"));
	assert_str(sig.names[1], STR("to"));
	assert_str(sig.signature, STR("abc"));
	assert_str(sig.signature_text, STR("YWJj"));
	assert_int_equal(sig.body_hash.n, DKIM_HASH);
	arena_free(&arena);
}

static void
absent_tags_have_the_defaults_of_the_rfc(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_signature sig;
	assert_true(parse(DKIM_KIND_SIGNATURE, STR(WHOLE), &arena, &sig));
	assert_int_equal(sig.header_canon, DKIM_SIMPLE);
	assert_int_equal(sig.body_canon, DKIM_SIMPLE);
	assert_str(sig.identity, STR("@example.com"));
	assert_str(sig.identity_domain, STR("example.com"));
	assert_false(sig.has_length);
	assert_int_equal(sig.signed_at, 0);
	assert_int_equal(sig.expires, 0);
	arena_free(&arena);
}

static void
unknown_algorithms_are_no_syntax_error(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_signature sig;
	assert_true(parse(
	    DKIM_KIND_SIGNATURE, STR(WITHOUT_A "; a=RSA-SHA1"), &arena, &sig));
	assert_false(sig.known_algorithm);
	assert_str(sig.algorithm_text, STR("rsa-sha1"));
	arena_free(&arena);
}

/* RFC 8616 4: U-labels in d= and s= are looked up as A-labels */
static void
names_become_a_labels(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_signature sig;
	assert_true(parse(DKIM_KIND_SIGNATURE,
	    STR("v=1; a=rsa-sha256; d=b\xc3\xbc"
		"cher.example; "
		"s=schl\xc3\xbcssel; h=From; i=\xc3\xa4@x.b\xc3\xbc"
		"cher.example; bh=" HASH "; b=YWJj"),
	    &arena, &sig));
	assert_str(sig.domain, STR("xn--bcher-kva.example"));
	assert_str(sig.selector, STR("xn--schlssel-95a"));
	assert_str(sig.identity_domain, STR("x.xn--bcher-kva.example"));
	arena_free(&arena);
}

/* A result is shown for a malformed one, too. */
static void
malformed_signatures_are_named_as_far_as_possible(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_signature sig;
	assert_false(
	    parse(DKIM_KIND_SIGNATURE, STR("v=2; " WITHOUT_V), &arena, &sig));
	assert_str(sig.domain, STR("example.com"));
	assert_str(sig.selector, STR("sel"));
	assert_str(sig.algorithm_text, STR("rsa-sha256"));
	assert_str(sig.signature_text, STR("YWJj"));
	arena_free(&arena);
}

static void
the_number_of_names_is_bounded(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_signature sig;
	struct buf value = { 0 };
	buf_adds(&value, WITHOUT_H "; h=From");
	for (int i = 1; i < DKIM_MAX_NAMES; i++)
		buf_adds(&value, ":x");
	assert_true(parse(DKIM_KIND_SIGNATURE, buf_str(&value), &arena, &sig));
	assert_int_equal(sig.name_count, DKIM_MAX_NAMES);
	buf_adds(&value, ":x");
	assert_false(parse(DKIM_KIND_SIGNATURE, buf_str(&value), &arena, &sig));
	buf_free(&value);
	arena_free(&arena);
}

static void
a_name_of_h_is_found_whatever_its_case(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_signature sig;
	assert_true(parse(
	    DKIM_KIND_SIGNATURE, STR(WITHOUT_H "; h=To:FROM"), &arena, &sig));
	assert_true(dkim_signature_signs(&sig, "From"));
	assert_false(dkim_signature_signs(&sig, "Subject"));
	arena_free(&arena);
}

/* ---- ARC: RFC 8617 4.1.2, 4.1.3 ---- */

#define ARC_MESSAGE WITHOUT_V "; i=2"
#define SEAL_WITHOUT_I "a=rsa-sha256; d=example.com; s=sel; cv=none; b=YWJj"

static const struct {
	enum dkim_kind kind;
	struct str value;
	bool good;
} arc_fields[] = {
	{ DKIM_KIND_ARC_MESSAGE, TEXT(ARC_MESSAGE), true },
	{ DKIM_KIND_ARC_MESSAGE, TEXT("v=8; " ARC_MESSAGE), true },
	{ DKIM_KIND_ARC_MESSAGE, TEXT(WITHOUT_V), false },
	{ DKIM_KIND_ARC_MESSAGE, TEXT(WITHOUT_V "; i="), false },
	{ DKIM_KIND_ARC_MESSAGE, TEXT(WITHOUT_V "; i=0"), false },
	{ DKIM_KIND_ARC_MESSAGE, TEXT(WITHOUT_V "; i=a"), false },
	{ DKIM_KIND_ARC_MESSAGE, TEXT(WITHOUT_V "; i=1000"), false },
	{ DKIM_KIND_ARC_MESSAGE,
	    TEXT("i=1; a=rsa-sha256; d=example.com; s=sel; h=; bh=" HASH
		 "; b=YWJj"),
	    true },
	{ DKIM_KIND_ARC_MESSAGE,
	    TEXT("i=1; a=rsa-sha256; d=example.com; s=sel; h=From:arc-seal; "
		 "bh=" HASH "; b=YWJj"),
	    false },
	{ DKIM_KIND_ARC_SEAL, TEXT(SEAL_WITHOUT_I "; i=1"), true },
	{ DKIM_KIND_ARC_SEAL, TEXT(SEAL_WITHOUT_I), false },
	{ DKIM_KIND_ARC_SEAL, TEXT(SEAL_WITHOUT_I "; i=1; h=From"), false },
	{ DKIM_KIND_ARC_SEAL, TEXT(SEAL_WITHOUT_I "; i=1; t="), false },
	{ DKIM_KIND_ARC_SEAL,
	    TEXT("a=rsa-sha256; d=example.com; s=sel; b=YWJj; i=1"), false },
};

static void
fields_of_arc_have_rules_of_their_own(void **state)
{
	struct arena arena = { 0 };
	struct dkim_signature sig;
	(void)state;
	for (size_t i = 0; i < sizeof arc_fields / sizeof *arc_fields; i++)
		if (parse(arc_fields[i].kind, arc_fields[i].value, &arena,
			&sig) != arc_fields[i].good)
			fail_msg("%s: %.*s",
			    arc_fields[i].good ? "good" : "bad",
			    STR_ARG(arc_fields[i].value));
	assert_true(parse(
	    DKIM_KIND_ARC_SEAL, STR(SEAL_WITHOUT_I "; i=12"), &arena, &sig));
	assert_int_equal(sig.instance, 12);
	assert_int_equal(sig.header_canon, DKIM_RELAXED);
	assert_str(sig.chain_validation, STR("none"));
	assert_str(sig.identity, STR(""));
	arena_free(&arena);
}

/* ---- what is signed ---- */

static struct str
input_of(struct str section, const char *h, size_t own, struct arena *arena)
{
	struct dkim_signature sig;
	struct header header;
	struct buf out = { 0 };
	const char *why;
	struct str value = arena_printf(arena, WITHOUT_H "; h=%s", h);
	assert_true(parse(DKIM_KIND_SIGNATURE, value, arena, &sig));
	assert_true(header_parse(section, arena, &header, &why));
	dkim_signature_input(&sig, &header, &header.fields[own], &out);
	struct str input = arena_str(arena, buf_str(&out));
	buf_free(&out);
	return input;
}

#define OWN "DKIM-Signature: b=x\r\n"
#define OWN_SIGNED "DKIM-Signature: b="

static const struct {
	struct str section;
	const char *h;
	size_t own;
	struct str input;
} inputs[] = {
	{ TEXT(OWN "From: a\r\nTo: b\r\n"), "to:from", 0,
	    TEXT("To: b\r\nFrom: a\r\n" OWN_SIGNED) },
	/* RFC 6376 5.4.2: from the bottom up */
	{ TEXT(OWN "A: 1\r\nB: x\r\na: 2\r\nA : 3\r\n"), "A:A", 0,
	    TEXT("A : 3\r\na: 2\r\n" OWN_SIGNED) },
	/* more than there are: over-signed */
	{ TEXT(OWN "A: 1\r\n"), "a:A:a", 0, TEXT("A: 1\r\n" OWN_SIGNED) },
	{ TEXT(OWN "A: 1\r\n"), "x:y", 0, TEXT(OWN_SIGNED) },
	/* other signatures may be signed, the own one only as itself */
	{ TEXT(OWN "DKIM-Signature: b=y\r\n"), "dkim-signature", 0,
	    TEXT("DKIM-Signature: b=y\r\n" OWN_SIGNED) },
	{ TEXT("DKIM-Signature: b=y\r\n" OWN), "dkim-signature", 1,
	    TEXT("DKIM-Signature: b=y\r\n" OWN_SIGNED) },
	{ TEXT(OWN), "dkim-signature:dkim-signature", 0, TEXT(OWN_SIGNED) },
};

static void
fields_are_taken_from_the_bottom_up(void **state)
{
	struct arena arena = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
		assert_str(input_of(inputs[i].section, inputs[i].h,
			       inputs[i].own, &arena),
		    inputs[i].input);
	arena_free(&arena);
}

static const struct {
	enum dkim_canon canon;
	struct str own, input;
} own_fields[] = {
	{ DKIM_SIMPLE, TEXT("D: a=1; b=ab\r\n\tc=; d=x\r\n"),
	    TEXT("D: a=1; b=; d=x") },
	{ DKIM_RELAXED, TEXT("D: a=1;  b=ab\r\n\tc=; d=x\r\n"),
	    TEXT("d:a=1; b=; d=x") },
	/* RFC 6376 3.7: with the white space around the value */
	{ DKIM_SIMPLE, TEXT("D: a=1; b = ab \r\n\t;d=x\r\n"),
	    TEXT("D: a=1; b =;d=x") },
	{ DKIM_SIMPLE, TEXT("D: bh=q; b=ab \r\n"), TEXT("D: bh=q; b=") },
	{ DKIM_SIMPLE, TEXT("D: bh=q;\r\n b=\r\n"), TEXT("D: bh=q;\r\n b=") },
	{ DKIM_RELAXED, TEXT("D : bh=q;\r\n b=x;\r\n"), TEXT("d:bh=q; b=;") },
	/* other tags that end in b, or have one in their value */
	{ DKIM_SIMPLE, TEXT("D: ab=1; B=2; z=b=3; b=4\r\n"),
	    TEXT("D: ab=1; B=2; z=b=3; b=") },
	/* bytes that C strings don't have */
	{ DKIM_SIMPLE, TEXT("D: a=\0x; b=4; c=\0\r\n"),
	    TEXT("D: a=\0x; b=; c=\0") },
	{ DKIM_SIMPLE, TEXT("D: a=1\r\n"), TEXT("D: a=1") },
};

static void
the_own_field_is_signed_with_an_empty_b(void **state)
{
	struct arena arena = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof own_fields / sizeof *own_fields; i++) {
		struct header header;
		struct buf out = { 0 };
		const char *why;
		assert_true(
		    header_parse(own_fields[i].own, &arena, &header, &why));
		dkim_signature_own(
		    own_fields[i].canon, header.fields, &arena, &out);
		assert_str(buf_str(&out), own_fields[i].input);
		buf_free(&out);
	}
	arena_free(&arena);
}

/* Every field once, however often and in whatever order it is named. */
static void
large_headers_cost_what_they_are_long(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct buf section = { 0 }, h = { 0 };
	buf_adds(&section, OWN);
	buf_adds(&h, "From");
	for (int i = 0; i + 1 < HEADER_MAX_FIELDS; i++)
		buf_addf(&section, "N%d: %0100d\r\n", i % 500, i);
	for (int i = 0; i + 1 < DKIM_MAX_NAMES; i++)
		buf_addf(&h, ":n%d", i % 500);
	struct str input = input_of(buf_str(&section), buf_cstr(&h), 0, &arena);
	assert_true(str_starts(input, STR("N0: 000")));
	assert_true(str_ends(input, STR(OWN_SIGNED)));
	assert_in_range(input.n, 1, section.n);
	buf_free(&section);
	buf_free(&h);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_read_as_the_rfc_says),
		cmocka_unit_test(tags_become_members),
		cmocka_unit_test(absent_tags_have_the_defaults_of_the_rfc),
		cmocka_unit_test(unknown_algorithms_are_no_syntax_error),
		cmocka_unit_test(names_become_a_labels),
		cmocka_unit_test(
		    malformed_signatures_are_named_as_far_as_possible),
		cmocka_unit_test(the_number_of_names_is_bounded),
		cmocka_unit_test(a_name_of_h_is_found_whatever_its_case),
		cmocka_unit_test(fields_of_arc_have_rules_of_their_own),
		cmocka_unit_test(fields_are_taken_from_the_bottom_up),
		cmocka_unit_test(the_own_field_is_signed_with_an_empty_b),
		cmocka_unit_test(large_headers_cost_what_they_are_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
