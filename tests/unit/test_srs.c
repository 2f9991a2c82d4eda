#include "lib/mail/srs.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct srs ours = { { 1, 2 } }, theirs = { { 3, 4 } };
static const int64_t now = 1795184403117, day = 86400000;
static struct arena arena;

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct address
address(const char *text)
{
	struct address a = { 0 };
	const char *why;
	if (*text)
		assert_true(address_parse(str_of(text), &arena, &a, &why));
	return a;
}

static struct address
forward(const struct srs *srs, const char *domain, struct address sender)
{
	struct address rewritten;
	assert_true(
	    srs_forward(srs, sender, str_of(domain), now, &arena, &rewritten));
	assert_str(rewritten.domain, str_of(domain));
	return rewritten;
}

static void
a_bounce_finds_its_way_back(void **state)
{
	static const char *const senders[] = { "ann@sender.example",
		"Ann+Tag=x@sender.example", "a=b=c@sender.example",
		"\"two words\"@sender.example", "srs0@sender.example",
		"SRS0x=y@sender.example" };
	(void)state;
	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
		struct address back,
		    a = forward(&ours, "ours.example", address(senders[i]));
		assert_true(str_starts(a.local, STR("SRS0=")));
		assert_int_equal(
		    srs_reverse(&ours, a, now, &arena, &back), SRS_GOOD);
		assert_str(address_text(back, &arena), str_of(senders[i]));
	}
}

static void
an_address_does_not_grow_with_each_hop(void **state)
{
	(void)state;
	struct address a =
	    forward(&theirs, "one.example", address("ann@sender.example"));
	struct address b = forward(&ours, "two.example", a), back;
	struct address c = forward(&theirs, "three.example", b);
	assert_true(str_starts(b.local, STR("SRS1=")));
	assert_true(str_starts(c.local, STR("SRS1=")));
	assert_int_equal(c.local.n, b.local.n);
	assert_int_equal(srs_reverse(&theirs, c, now, &arena, &back), SRS_GOOD);
	assert_str(address_text(back, &arena), address_text(a, &arena));
	assert_int_equal(
	    srs_reverse(&theirs, back, now, &arena, &back), SRS_GOOD);
	assert_str(address_text(back, &arena), STR("ann@sender.example"));
}

static void
case_may_be_lost_on_the_way(void **state)
{
	(void)state;
	struct address back,
	    a = forward(&ours, "ours.example", address("ann@sender.example"));
	a.local = arena_lower(&arena, a.local);
	assert_int_equal(srs_reverse(&ours, a, now, &arena, &back), SRS_GOOD);
	assert_str(address_text(back, &arena), STR("ann@sender.example"));
}

static void
what_we_did_not_write_is_forged(void **state)
{
	struct address back,
	    a = forward(&theirs, "ours.example", address("ann@sender.example"));
	(void)state;
	assert_int_equal(srs_reverse(&ours, a, now, &arena, &back), SRS_FORGED);
	static const char *const forged[] = { "SRS0=a@ours.example",
		"SRS0=aaaaaaaa=aa=sender.example=ann@ours.example",
		"SRS1=aaaaaaaa=one.example==x@ours.example",
		"SRS0=================@ours.example",
		"srs0+aaaaaaaa=aa@ours.example", "SRS1=aaaaaaaa@ours.example",
		"SRS1=aaaaaaaaaa=@ours.example", "SRS0=aaaaaaa@ours.example" };
	for (size_t i = 0; i < sizeof forged / sizeof *forged; i++)
		assert_int_equal(
		    srs_reverse(&ours, address(forged[i]), now, &arena, &back),
		    SRS_FORGED);
}

/* The hash covers the kind: or whoever gets an SRS0 of ours could have mail
   sent to SRS0 addresses of their choice. */
static void
the_kind_can_not_be_changed(void **state)
{
	(void)state;
	struct address back,
	    a = forward(&ours, "ours.example", address("ann@sender.example"));
	a.local =
	    arena_printf(&arena, "SRS1%.*s", STR_ARG(str_from(a.local, 4)));
	assert_int_equal(srs_reverse(&ours, a, now, &arena, &back), SRS_FORGED);
}

static void
it_is_good_for_three_weeks(void **state)
{
	(void)state;
	struct address back,
	    a = forward(&ours, "ours.example", address("ann@sender.example"));
	assert_int_equal(
	    srs_reverse(&ours, a, now + SRS_DAYS * day, &arena, &back),
	    SRS_GOOD);
	assert_int_equal(
	    srs_reverse(&ours, a, now + (SRS_DAYS + 1) * day, &arena, &back),
	    SRS_EXPIRED);
	assert_int_equal(
	    srs_reverse(&ours, a, now - 2 * day, &arena, &back), SRS_EXPIRED);
}

/* Its first hop may be one that never looks at the day. */
static void
so_is_what_was_rewritten_before(void **state)
{
	(void)state;
	struct address back,
	    a = forward(&ours, "ours.example",
		address("SRS0=abcd=ab=sender.example=ann@hop.example"));
	assert_int_equal(
	    srs_reverse(&ours, a, now + SRS_DAYS * day, &arena, &back),
	    SRS_GOOD);
	assert_str(address_text(back, &arena),
	    STR("SRS0=abcd=ab=sender.example=ann@hop.example"));
	assert_int_equal(
	    srs_reverse(&ours, a, now + (SRS_DAYS + 1) * day, &arena, &back),
	    SRS_EXPIRED);
	/* the day can't be renewed */
	struct address later;
	assert_true(srs_forward(&ours,
	    address("SRS0=abcd=ab=sender.example=ann@hop.example"),
	    STR("ours.example"), now + 30 * day, &arena, &later));
	size_t at = strlen("SRS1=hhhhhhhh");
	a.local = arena_printf(&arena, "%.*s%.2s%.*s",
	    STR_ARG(str_sub(a.local, 0, at)), later.local.p + at,
	    STR_ARG(str_from(a.local, at + 2)));
	assert_int_equal(
	    srs_reverse(&ours, a, now + 30 * day, &arena, &back), SRS_FORGED);
}

/* As other programs write them: the separator behind SRS0 is the first hop's
   own, the hash has any length and both cases. */
static void
hops_of_others_are_kept_as_they_are(void **state)
{
	static const struct {
		const char *sender, *wanted;
	} cases[] = {
		{ "SRS0=HhHh=tT=a.example=Ann@hop.example",
		    "SRS0=HhHh=tT=a.example=Ann@hop.example" },
		{ "SRS0+HhHh=tT=a.example=ann@hop.example",
		    "SRS0+HhHh=tT=a.example=ann@hop.example" },
		{ "srs0-HhHh-tT-a.example-ann@hop.example",
		    "SRS0-HhHh-tT-a.example-ann@hop.example" },
		{ "SRS0=/h+H=tT=a.example=a=b@hop.example",
		    "SRS0=/h+H=tT=a.example=a=b@hop.example" },
		{ "SRS1=XyZz=hop.example==HhHh=tT=a.example=ann@two.example",
		    "SRS0=HhHh=tT=a.example=ann@hop.example" },
		{ "SRS1-XyZz=hop.example=+HhHh=tT=a.example=ann@two.example",
		    "SRS0+HhHh=tT=a.example=ann@hop.example" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address back,
		    a = forward(
			&ours, "ours.example", address(cases[i].sender));
		assert_true(str_starts(a.local, STR("SRS1=")));
		assert_int_equal(
		    srs_reverse(&ours, a, now, &arena, &back), SRS_GOOD);
		assert_str(address_text(back, &arena), str_of(cases[i].wanted));
	}
}

/* 64 octets are what every server must take, and no limit. */
static void
a_long_local_part_is_kept(void **state)
{
	char text[100];
	(void)state;
	snprintf(text, sizeof text, "%064d@sender.example", 0);
	struct address back, a = forward(&ours, "ours.example", address(text));
	assert_int_equal(a.local.n,
	    64 + strlen("SRS0=hhhhhhhh=dd=") + strlen("sender.example="));
	assert_int_equal(srs_reverse(&ours, a, now, &arena, &back), SRS_GOOD);
	assert_str(address_text(back, &arena), str_of(text));
}

static void
ordinary_addresses_are_left_alone(void **state)
{
	static const char *const plain[] = { "ann@ours.example",
		"srs0@ours.example", "srs0x=a=b=c=d@ours.example",
		"SRS2=a=b=c=d@ours.example" };
	(void)state;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		struct address back;
		assert_int_equal(
		    srs_reverse(&ours, address(plain[i]), now, &arena, &back),
		    SRS_NONE);
	}
}

static void
what_can_not_be_rewritten_is_said(void **state)
{
	struct address rewritten;
	(void)state;
	assert_false(srs_forward(
	    &ours, address(""), STR("ours.example"), now, &arena, &rewritten));
	struct buf text = { 0 };
	for (int i = 0; i < 220; i++)
		buf_addc(&text, 'a');
	buf_adds(&text, "@sender.example");
	assert_false(srs_forward(&ours, address(buf_cstr(&text)),
	    STR("ours.example"), now, &arena, &rewritten));
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    a_bounce_finds_its_way_back, teardown),
		cmocka_unit_test_teardown(
		    an_address_does_not_grow_with_each_hop, teardown),
		cmocka_unit_test_teardown(
		    case_may_be_lost_on_the_way, teardown),
		cmocka_unit_test_teardown(
		    what_we_did_not_write_is_forged, teardown),
		cmocka_unit_test_teardown(
		    the_kind_can_not_be_changed, teardown),
		cmocka_unit_test_teardown(it_is_good_for_three_weeks, teardown),
		cmocka_unit_test_teardown(
		    so_is_what_was_rewritten_before, teardown),
		cmocka_unit_test_teardown(
		    hops_of_others_are_kept_as_they_are, teardown),
		cmocka_unit_test_teardown(a_long_local_part_is_kept, teardown),
		cmocka_unit_test_teardown(
		    ordinary_addresses_are_left_alone, teardown),
		cmocka_unit_test_teardown(
		    what_can_not_be_rewritten_is_said, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
