#include "smtpd/delivery/bounce.h"

#include "tests/unit/delivery_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
only_our_own_users_are_told(void **state)
{
	static const struct {
		unsigned flags;
		struct str sender;
		bool wanted;
	} cases[] = {
		{ ENVELOPE_SUBMITTED, { "a@b.test", 8 }, true },
		{ ENVELOPE_SUBMITTED | ENVELOPE_8BIT, { "a@b.test", 8 }, true },
		{ 0, { "a@b.test", 8 }, false },
		{ ENVELOPE_SUBMITTED, { "", 0 }, false },
		{ ENVELOPE_BOUNCE, { "", 0 }, false },
		{ ENVELOPE_BOUNCE | ENVELOPE_SUBMITTED, { "a@b.test", 8 },
		    false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct envelope envelope = { .flags = cases[i].flags,
			.sender = cases[i].sender };
		assert_int_equal(bounce_is_due(&envelope), cases[i].wanted);
	}
}

/* ---- what it says ---- */

static struct delivery_rig rig;

static const struct peer mx = { .host = { "mx.remote.test", 14 },
	.ip = { 4, { 11, 0, 0, 1 } },
	.port = 25 };

static struct parcel *
make_parcel(int64_t age_ms, const char *recipients)
{
	delivery_rig_make(&rig, NULL, NULL);
	struct queue_item *item =
	    fake_queue_item("you@ours.test", ENVELOPE_SUBMITTED, recipients);
	item->received_ms -= age_ms;
	struct parcel *parcel = parcel_new(rig.delivery, item);
	parcel_hold(parcel);
	return parcel;
}

static void
assert_has(const struct buf *text, const char *wanted)
{
	if (str_search(buf_str(text), str_of(wanted)) == text->n)
		print_error(
		    "no \"%s\" in\n%.*s\n", wanted, (int)text->n, text->p);
	assert_true(str_search(buf_str(text), str_of(wanted)) < text->n);
}

static void
assert_has_not(const struct buf *text, const char *unwanted)
{
	assert_int_equal(str_search(buf_str(text), str_of(unwanted)), text->n);
}

static void
a_refusal_is_reported_with_the_reply(void **state)
{
	(void)state;
	struct parcel *parcel =
	    make_parcel(5000, "bad@remote.test nowhere@gone.test");
	parcel_outcome(parcel, 0, REPLY(550, "5.1.1", "no such user"), &mx);
	parcel_outcome(
	    parcel, 1, REPLY(550, "5.1.2", "The domain doesn't exist"), NULL);
	parcel_release(parcel);
	delivery_rig_run(&rig);
	const struct message *report = fake_queue.added;
	assert_non_null(report);
	assert_has(&report->header, "<postmaster@ours.test>\r\n");
	assert_has(&report->header, "To: you@ours.test\r\n");
	assert_has(&report->header, "Message-ID: <2@mail.ours.test>\r\n");
	assert_has(&report->body, "Reporting-MTA: dns; mail.ours.test\r\n");
	assert_has(&report->body,
	    "Final-Recipient: rfc822; bad@remote.test\r\n"
	    "Action: failed\r\n"
	    "Status: 5.1.1\r\n"
	    "Remote-MTA: dns; mx.remote.test\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n");
	assert_has(&report->body,
	    "Final-Recipient: rfc822; nowhere@gone.test\r\n"
	    "Action: failed\r\n"
	    "Status: 5.1.2\r\n"
	    "Last-Attempt-Date: ");
	assert_has(&report->body, "    The domain doesn't exist.\r\n");
	assert_has(&report->body, "Subject: hello\r\n");
	assert_has_not(&report->body, "\r\nbody\r\n");
	delivery_rig_remove(&rig);
}

static void
giving_up_says_for_how_long_it_was_tried(void **state)
{
	static const struct {
		uint64_t lifetime_ms;
		const char *wanted;
	} cases[] = {
		{ 432000000, "It was tried for 5 days." },
		{ 86400000, "It was tried for 24 hours." },
		{ 7200000, "It was tried for 2 hours." },
		{ 300000, "It was tried for 5 minutes." },
		{ 8000, "It was tried for 8 seconds." },
		{ 1000, "It was tried for 1 seconds." },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parcel *parcel = make_parcel(
		    (int64_t)cases[i].lifetime_ms, "bob@remote.test");
		rig.settings.queue_lifetime_ms = cases[i].lifetime_ms;
		parcel_outcome(
		    parcel, 0, REPLY(451, "4.4.1", "Connection refused"), &mx);
		parcel_release(parcel);
		delivery_rig_run(&rig);
		assert_non_null(fake_queue.added);
		const struct buf *body = &fake_queue.added->body;
		assert_has(body, cases[i].wanted);
		assert_has(body, "Action: failed\r\nStatus: 4.4.1\r\n");
		assert_has(body, "451 4.4.1 Connection refused\r\n");
		delivery_rig_remove(&rig);
	}
}

static void
a_delay_is_reported_as_one(void **state)
{
	(void)state;
	struct parcel *parcel =
	    make_parcel(200000, "bob@remote.test eve@remote.test");
	parcel_outcome(parcel, 0, REPLY(451, NULL, "come again"), &mx);
	parcel_outcome(parcel, 1, REPLY(250, "2.0.0", "kept"), &mx);
	parcel_release(parcel);
	delivery_rig_run(&rig);
	assert_non_null(fake_queue.added);
	const struct buf *body = &fake_queue.added->body;
	assert_has(body, "Action: delayed\r\nStatus: 4.0.0\r\n");
	assert_has(body, "Diagnostic-Code: smtp; 451 come again\r\n");
	/* 1000 s after the message came */
	assert_has(body, "Will-Retry-Until: Fri, 20 Nov 2026 14:33:23 +0000");
	assert_has_not(body, "eve@");
	delivery_rig_remove(&rig);
}

/* It goes into the journal whole, whatever the original is like. */
static void
a_report_stays_small(void **state)
{
	(void)state;
	struct buf recipients = { 0 }, reply = { 0 };
	for (int i = 0; i < 300; i++) {
		buf_addf(&recipients, "%s%0200d@remote.test", i ? " " : "", i);
		buf_adds(&reply, "really no ");
	}
	struct parcel *parcel = make_parcel(0, buf_cstr(&recipients));
	struct buf *header = &fake_queue_message(parcel->item)->header;
	for (int i = 0; i < 5000; i++)
		buf_addf(
		    header, "X%d: \xe4\xe4\xe4\xe4\xe4\xe4\xe4\xe4\r\n", i);
	for (size_t i = 0; i < parcel->item->count; i++)
		parcel_outcome(
		    parcel, i, REPLY(550, "5.1.1", buf_cstr(&reply)), &mx);
	parcel_release(parcel);
	delivery_rig_run(&rig);
	assert_in_range(fake_queue.largest, QUEUE_INLINE / 2, QUEUE_INLINE);
	assert_has(&fake_queue.added->body, "X100: ");
	assert_has_not(&fake_queue.added->body, "X4000: ");
	buf_free(&recipients);
	buf_free(&reply);
	delivery_rig_remove(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_our_own_users_are_told),
		cmocka_unit_test(a_refusal_is_reported_with_the_reply),
		cmocka_unit_test(giving_up_says_for_how_long_it_was_tried),
		cmocka_unit_test(a_delay_is_reported_as_one),
		cmocka_unit_test(a_report_stays_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
