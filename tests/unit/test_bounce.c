#include "smtpd/delivery/audience.h"
#include "tests/fakes/said.h"
#include "tests/unit/delivery_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PROVEN ENVELOPE_SENDER_PROVEN
#define SUBMITTED ENVELOPE_SUBMITTED
#define BOUNCE ENVELOPE_BOUNCE

static void
each_has_its_audience(void **state)
{
	static const struct {
		unsigned flags;
		enum recipient_kind kind;
		const char *sender;
		enum audience wanted;
	} cases[] = {
		{ SUBMITTED, RECIPIENT_REMOTE, "a@b.test", AUDIENCE_USER },
		{ SUBMITTED | ENVELOPE_8BIT, RECIPIENT_LOCAL, "a@b.test",
		    AUDIENCE_USER },
		{ SUBMITTED, RECIPIENT_FORWARD, "a@b.test", AUDIENCE_USER },
		{ 0, RECIPIENT_LOCAL, "a@b.test", AUDIENCE_NOBODY },
		{ 0, RECIPIENT_REMOTE, "a@b.test", AUDIENCE_NOBODY },
		{ PROVEN, RECIPIENT_REMOTE, "a@b.test", AUDIENCE_NOBODY },
		{ PROVEN, RECIPIENT_FORWARD, "a@b.test", AUDIENCE_SENDER },
		{ 0, RECIPIENT_FORWARD, "a@b.test", AUDIENCE_OWNER },
		{ 0, RECIPIENT_FORWARD, "", AUDIENCE_NOBODY },
		{ PROVEN, RECIPIENT_FORWARD, "", AUDIENCE_NOBODY },
		{ SUBMITTED, RECIPIENT_REMOTE, "", AUDIENCE_NOBODY },
		{ BOUNCE, RECIPIENT_REMOTE, "", AUDIENCE_NOBODY },
		{ BOUNCE, RECIPIENT_FORWARD, "a@b.test", AUDIENCE_NOBODY },
		{ BOUNCE | SUBMITTED, RECIPIENT_REMOTE, "a@b.test",
		    AUDIENCE_NOBODY },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct envelope envelope = { .flags = cases[i].flags,
			.sender = str_of(cases[i].sender) };
		struct recipient recipient = { .kind = cases[i].kind };
		enum audience wanted = cases[i].wanted;
		if (audience_of(&envelope, &recipient) != wanted)
			fail_msg("%zu", i);
		assert_int_equal(bounce_is_due(&envelope, &recipient),
		    wanted != AUDIENCE_NOBODY);
		assert_int_equal(
		    bounce_warns(&envelope), wanted == AUDIENCE_USER);
	}
}

/* ---- what it says ---- */

static struct delivery_rig rig;

static const struct peer mx = { .host = { "mx.remote.test", 14 },
	.ip = { 4, { 11, 0, 0, 1 } },
	.port = 25 };

static struct parcel *
make_parcel_of(
    const char *sender, unsigned flags, int64_t age_ms, const char *recipients)
{
	delivery_rig_make(&rig, NULL, NULL);
	struct queue_item *item = fake_queue_item(sender, flags, recipients);
	item->received_ms -= age_ms;
	struct parcel *parcel = parcel_new(rig.delivery, item);
	parcel_hold(parcel);
	return parcel;
}

static struct parcel *
make_parcel(int64_t age_ms, const char *recipients)
{
	return make_parcel_of(
	    "you@ours.test", ENVELOPE_SUBMITTED, age_ms, recipients);
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
	parcel_outcome(
	    parcel, 0, said(REPLY(550, "5.1.1", "no such user")), &mx);
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
	    "Diagnostic-Code: X-Postern; The domain doesn't exist\r\n"
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
		parcel_outcome(parcel, 0,
		    REPLY(
			451, "4.4.1", "mx.remote.test couldn't be reached: No"),
		    &mx);
		parcel_release(parcel);
		delivery_rig_run(&rig);
		assert_non_null(fake_queue.added);
		const struct buf *body = &fake_queue.added->body;
		assert_has(body, cases[i].wanted);
		assert_has(body, "Action: failed\r\nStatus: 4.4.1\r\n");
		assert_has(body,
		    "\r\n    mx.remote.test couldn't be reached: No.\r\n");
		delivery_rig_remove(&rig);
	}
}

/* RFC 3464 2.3.5, 2.3.6: it isn't put into the mouth of a server. */
static void
what_we_found_is_no_servers_answer(void **state)
{
	static const struct {
		struct reply found;
		const char *sentence, *diagnostic, *meaning;
	} cases[] = {
		{ REPLY_IS(451, "4.4.1", "mx couldn't be reached: No route"),
		    "    mx couldn't be reached: No route.\r\n",
		    "\r\nDiagnostic-Code: X-Postern; mx couldn't be reached: "
		    "No route\r\n",
		    "What it means: The receiver's server can't be reached" },
		{ REPLY_IS(451, "4.7.5",
		      "The certificate of mx doesn't prove its name, and "
		      "a.test's MTA-STS policy demands that"),
		    "    The certificate of mx doesn't prove its name, and "
		    "a.test's MTA-STS\r\n    policy demands that.\r\n",
		    "\r\nDiagnostic-Code: X-Postern; The certificate of mx "
		    "doesn't",
		    "What it means: TLS is demanded" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parcel *parcel = make_parcel(200000, "bob@remote.test");
		parcel_outcome(parcel, 0, cases[i].found, &mx);
		parcel_release(parcel);
		delivery_rig_run(&rig);
		assert_non_null(fake_queue.added);
		const struct buf *body = &fake_queue.added->body;
		assert_has(body, cases[i].sentence);
		assert_has(body, cases[i].diagnostic);
		assert_has(body, cases[i].meaning);
		assert_has_not(body, "Remote-MTA:");
		assert_has_not(body, "smtp;");
		assert_has_not(body, "The answer");
		delivery_rig_remove(&rig);
	}
}

static void
a_delay_is_reported_as_one(void **state)
{
	(void)state;
	struct parcel *parcel =
	    make_parcel(200000, "bob@remote.test eve@remote.test");
	parcel_outcome(parcel, 0, said(REPLY(451, NULL, "come again")), &mx);
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
		parcel_outcome(parcel, i,
		    said(REPLY(550, "5.1.1", buf_cstr(&reply))), &mx);
	parcel_release(parcel);
	delivery_rig_run(&rig);
	assert_in_range(fake_queue.largest, QUEUE_INLINE / 2, QUEUE_INLINE);
	assert_has(&fake_queue.added->body, "X100: ");
	assert_has_not(&fake_queue.added->body, "X4000: ");
	buf_free(&recipients);
	buf_free(&reply);
	delivery_rig_remove(&rig);
}

/* ---- forwards ---- */

static const char *
fail_forward(const char *sender, unsigned flags, const char *recipient)
{
	struct parcel *parcel = make_parcel_of(sender, flags, 0, recipient);
	parcel_outcome(
	    parcel, 0, said(REPLY(550, "5.1.1", "no <bob@remote.test>")), &mx);
	parcel_release(parcel);
	return delivery_rig_run(&rig);
}

/* Where the alias leads isn't told to strangers. */
static void
a_proven_sender_hears_of_a_failed_forward(void **state)
{
	(void)state;
	const char *story = fail_forward(
	    "eve@sender.test", PROVEN, "info@ours.test>bob@remote.test");
	assert_non_null(
	    strstr(story, "added 2 from=<> to=eve@sender.test envid=1:0\n"));
	const struct message *report = fake_queue.added;
	assert_true(str_starts(buf_str(&report->header),
	    STR("DKIM-Signature: v=1; d=ours.test; b=fake\r\n")));
	assert_has(&report->header, "<postmaster@ours.test>\r\n");
	assert_has(&report->header, "To: eve@sender.test\r\n");
	assert_has(
	    &report->body, "Final-Recipient: rfc822; info@ours.test\r\n");
	assert_has(&report->body, "Status: 5.1.1\r\n");
	assert_has(&report->body, "and failed with 550 5.1.1.");
	assert_has_not(&report->header, "remote.test");
	assert_has_not(&report->body, "remote.test");
	delivery_rig_remove(&rig);
}

static void
a_report_needs_tls_when_its_message_did(void **state)
{
	static const struct {
		unsigned flags, wanted;
	} cases[] = {
		{ PROVEN, BOUNCE },
		{ PROVEN | ENVELOPE_8BIT | ENVELOPE_TLS_OPTIONAL, BOUNCE },
		{ PROVEN | ENVELOPE_REQUIRETLS, BOUNCE | ENVELOPE_REQUIRETLS },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fail_forward("eve@sender.test", cases[i].flags,
		    "info@ours.test>bob@remote.test");
		assert_non_null(fake_queue.added);
		assert_int_equal(fake_queue.flags, cases[i].wanted);
		delivery_rig_remove(&rig);
	}
}

static void
else_the_owner_does(void **state)
{
	(void)state;
	const char *story = fail_forward(
	    "eve@sender.test", 0, "info@ours.test>bob@remote.test");
	assert_non_null(
	    strstr(story, "added 2 from=<> to=info@ours.test envid=1:0\n"));
	const struct message *report = fake_queue.added;
	assert_has(&report->header, "From: Mail Delivery System <postmaster@o");
	assert_has(&report->header, "To: info@ours.test\r\n");
	assert_has(&report->body, "A message from <eve@sender.test> of");
	assert_has(
	    &report->body, "Final-Recipient: rfc822; bob@remote.test\r\n");
	assert_has(&report->body, "550 5.1.1 no <bob@remote.test>");
	assert_int_equal(fake_sign.asked, 0);
	delivery_rig_remove(&rig);
}

/* The id of a report is the time, and strangers' words stand in it: with a
   boundary that they know they could add parts of their own. */
static void
nobody_can_know_the_boundary(void **state)
{
	struct buf lines[2] = { 0 };
	(void)state;
	for (int i = 0; i < 2; i++) {
		fail_forward(
		    "eve@sender.test", 0, "info@ours.test>bob@remote.test");
		const struct buf *header = &fake_queue.added->header;
		assert_has(header, "Message-ID: <2@mail.ours.test>\r\n");
		struct str rest = buf_str(header);
		rest = str_from(rest, str_search(rest, STR("boundary=")));
		lines[i] = buf_of(str_cut(&rest, '\r'));
		delivery_rig_remove(&rig);
	}
	assert_true(lines[0].n > 20);
	assert_false(str_eq(buf_str(&lines[0]), buf_str(&lines[1])));
	buf_free(&lines[0]);
	buf_free(&lines[1]);
}

static void
an_alias_without_an_owner_has_the_postmaster(void **state)
{
	static const char *const aliases[][2] = {
		{ "away@ours.test>away@elsewhere.test",
		    "postmaster@ours.test" },
		{ "gone@ours.test>bob@remote.test", "postmaster@ours.test" },
		{ "away@also.test>away@elsewhere.test",
		    "postmaster@also.test" },
		{ "postmaster>bob@remote.test", "postmaster@ours.test" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
		const char *story =
		    fail_forward("eve@sender.test", 0, aliases[i][0]);
		char wanted[100];
		snprintf(wanted, sizeof wanted, "from=<> to=%s", aliases[i][1]);
		if (!strstr(story, wanted))
			fail_msg("%s", story);
		delivery_rig_remove(&rig);
	}
}

static void
each_alias_has_its_report(void **state)
{
	(void)state;
	struct parcel *parcel = make_parcel_of("eve@sender.test", 0, 0,
	    "a@ours.test>x@remote.test b@ours.test>y@remote.test "
	    "A@ours.test>z@remote.test");
	for (size_t i = 0; i < 3; i++)
		parcel_outcome(parcel, i, REPLY(550, "5.1.1", "no"), &mx);
	parcel_release(parcel);
	const char *story = delivery_rig_run(&rig);
	assert_non_null(strstr(story, "to=a@ours.test envid=1:0,2\n"));
	assert_non_null(strstr(story, "to=b@ours.test envid=1:1\n"));
	assert_non_null(strstr(story, "settled 1, attempted, done"));
	delivery_rig_remove(&rig);
}

/* Reports on reports have no end, nor have those that nobody can read. */
static void
nobody_hears_of_a_report(void **state)
{
	(void)state;
	static const char alias[] = "info@ours.test>bob@remote.test";
	assert_null(strstr(fail_forward("", 0, alias), "added"));
	delivery_rig_remove(&rig);
	assert_null(strstr(fail_forward("", PROVEN, alias), "added"));
	delivery_rig_remove(&rig);
	const char *story = fail_forward("", ENVELOPE_BOUNCE, alias);
	assert_null(strstr(story, "added"));
	assert_non_null(strstr(story, "settled 1, attempted, done"));
	delivery_rig_remove(&rig);
}

static void
a_report_that_cannot_be_signed_waits(void **state)
{
	(void)state;
	struct parcel *parcel = make_parcel_of(
	    "eve@sender.test", PROVEN, 0, "info@ours.test>bob@remote.test");
	fake_sign_set(FAKE_SIGN_AWAY);
	parcel_outcome(parcel, 0, REPLY(550, "5.1.1", "no"), &mx);
	parcel_release(parcel);
	const char *story = delivery_rig_run(&rig);
	assert_null(strstr(story, "added"));
	assert_non_null(strstr(story, "told 1.0 W 550 5.1.1 no"));
	delivery_rig_remove(&rig);
}

static void
a_stop_while_it_is_signed_leaves_nothing(void **state)
{
	(void)state;
	struct parcel *parcel = make_parcel_of(
	    "eve@sender.test", PROVEN, 0, "info@ours.test>bob@remote.test");
	fake_sign_set(FAKE_SIGN_SILENT);
	parcel_outcome(parcel, 0, REPLY(550, "5.1.1", "no"), &mx);
	parcel_release(parcel);
	delivery_rig_run(&rig);
	assert_int_equal(fake_sign.asked, 1);
	delivery_rig_remove(&rig);
	assert_int_equal(fake_sign.cancelled, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_audience),
		cmocka_unit_test(a_refusal_is_reported_with_the_reply),
		cmocka_unit_test(giving_up_says_for_how_long_it_was_tried),
		cmocka_unit_test(what_we_found_is_no_servers_answer),
		cmocka_unit_test(a_delay_is_reported_as_one),
		cmocka_unit_test(a_report_stays_small),
		cmocka_unit_test(a_proven_sender_hears_of_a_failed_forward),
		cmocka_unit_test(a_report_needs_tls_when_its_message_did),
		cmocka_unit_test(else_the_owner_does),
		cmocka_unit_test(nobody_can_know_the_boundary),
		cmocka_unit_test(an_alias_without_an_owner_has_the_postmaster),
		cmocka_unit_test(each_alias_has_its_report),
		cmocka_unit_test(nobody_hears_of_a_report),
		cmocka_unit_test(a_report_that_cannot_be_signed_waits),
		cmocka_unit_test(a_stop_while_it_is_signed_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
