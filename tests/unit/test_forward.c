#include "smtpd/delivery/forward.h"

#include "lib/mail/srs.h"
#include "tests/unit/delivery_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct delivery_rig rig;
static struct arena arena;

static const struct fake_record world[] = {
	{ "remote.test", DNS_A, "11.0.0.1", DNS_FOUND, false, 60 },
	{ 0 },
};

static const struct fake_peer fine[] = { { .ip = "11.0.0.1" }, { 0 } };

static int
set_up(void **state)
{
	(void)state;
	delivery_rig_make(&rig, world, fine);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	delivery_rig_remove(&rig);
	return 0;
}

static struct parcel *
make_parcel(const char *sender, const char *recipients)
{
	return parcel_new(rig.delivery, fake_queue_item(sender, 0, recipients));
}

/* ---- one recipient ---- */

static void
assert_sender(const char *sender, const char *recipient, const char *wanted)
{
	struct parcel *parcel = make_parcel(sender, recipient);
	struct str found = forward_sender(parcel, 0, &arena);
	if (!str_eq(found, str_of(wanted)))
		fail_msg("%s to %s leaves as %.*s", sender, recipient,
		    STR_ARG(found));
	parcel_free(parcel);
}

static void
who_is_ours_or_nobody_stays(void **state)
{
	(void)state;
	assert_sender("", "a@ours.test>b@remote.test", "");
	assert_sender(
	    "you@ours.test", "a@ours.test>b@remote.test", "you@ours.test");
	assert_sender(
	    "you@also.test", "a@ours.test>b@remote.test", "you@also.test");
	assert_sender("eve@else.test", "b@remote.test", "eve@else.test");
	assert_sender("eve@else.test", "a@ours.test", "eve@else.test");
}

/* What a bounce to it would be sent back to. */
static struct str
go_back(struct str text, struct str domain)
{
	struct address rewritten, sender;
	const char *why;
	assert_true(address_parse(text, &arena, &rewritten, &why));
	assert_true(str_eq(rewritten.domain, domain));
	assert_int_equal(srs_reverse(rig.delivery->parts.srs, rewritten,
			     clock_wall_ms(), &arena, &sender),
	    SRS_GOOD);
	return address_text(sender, &arena);
}

static void
a_stranger_is_rewritten_and_found_again(void **state)
{
	static const struct {
		const char *recipient, *domain;
	} cases[] = {
		{ "a@ours.test>b@remote.test", "ours.test" },
		{ "a@also.test>b@remote.test", "also.test" },
		{ "postmaster>b@remote.test", "ours.test" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parcel *parcel =
		    make_parcel("Eve@else.test", cases[i].recipient);
		struct str back = go_back(
		    forward_sender(parcel, 0, &arena), str_of(cases[i].domain));
		assert_true(str_eq(back, STR("Eve@else.test")));
		parcel_free(parcel);
	}
}

static void
a_sender_that_gets_too_long_is_none(void **state)
{
	char sender[300];
	(void)state;
	snprintf(sender, sizeof sender, "%0220d@else.test", 0);
	assert_sender(sender, "a@ours.test>b@remote.test", "");
}

/* ---- several ---- */

static unsigned
count(const char *story, const char *word)
{
	unsigned n = 0;
	while ((story = strstr(story, word))) {
		story += strlen(word);
		n++;
	}
	return n;
}

static const struct {
	const char *sender, *recipients;
	unsigned mails, rewritten;
} several[] = {
	/* one alias, or two of one domain */
	{ "eve@else.test",
	    "a@ours.test>x@remote.test a@ours.test>y@remote.test", 1, 1 },
	{ "eve@else.test",
	    "a@ours.test>x@remote.test b@ours.test>y@remote.test", 1, 1 },
	/* two domains of ours */
	{ "eve@else.test",
	    "a@ours.test>x@remote.test b@also.test>y@remote.test", 2, 2 },
	/* with one who was written to */
	{ "eve@else.test", "a@ours.test>x@remote.test y@remote.test", 2, 1 },
	{ "you@ours.test", "a@ours.test>x@remote.test y@remote.test", 1, 0 },
	{ "", "a@ours.test>x@remote.test b@also.test>y@remote.test", 1, 0 },
};

static void
each_transaction_has_one_reverse_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof several / sizeof *several; i++) {
		fake_queue_hand(fake_queue_item(
		    several[i].sender, 0, several[i].recipients));
		const char *story = delivery_rig_run(&rig);
		if (count(story, "mail <") != several[i].mails ||
		    count(story, "mail <SRS0=") != several[i].rewritten ||
		    count(story, " D 250 2.0.0 kept") != 2)
			fail_msg("%zu: %s", i, story);
	}
}

/* It is tried for as long as mail of our users. */
static void
a_forward_that_fails_is_tried_again_but_not_for_ever(void **state)
{
	(void)state;
	fake_queue_hand(fake_queue_item(
	    "eve@else.test", 0, "a@ours.test>later@remote.test"));
	const char *story = delivery_rig_run(&rig);
	assert_non_null(strstr(story, "told 1.0 W 451 4.7.1 greylisted"));
	assert_null(strstr(story, "added"));
	struct queue_item *item = fake_queue_item(
	    "eve@else.test", 0, "a@ours.test>later@remote.test");
	item->received_ms -= 150000; /* nobody is warned */
	fake_queue_hand(item);
	assert_null(strstr(delivery_rig_run(&rig), "added"));
	item = fake_queue_item(
	    "eve@else.test", 0, "a@ours.test>later@remote.test");
	item->received_ms -= 1000000;
	fake_queue_hand(item);
	story = delivery_rig_run(&rig);
	assert_non_null(strstr(story, "from=<> to=a@ours.test envid=3:0"));
	assert_non_null(strstr(story, "told 3.0 F 451 4.7.1 greylisted"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_ours_or_nobody_stays),
		TEST(a_stranger_is_rewritten_and_found_again),
		TEST(a_sender_that_gets_too_long_is_none),
		TEST(each_transaction_has_one_reverse_path),
		TEST(a_forward_that_fails_is_tried_again_but_not_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
