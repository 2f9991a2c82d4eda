#include "lib/mail/advice.h"

#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Replies as they were seen, and a word of the sentence that must come. */
static const struct {
	struct reply reply;
	const char *word; /* NULL: no sentence */
} seen[] = {
	{ { 550, "5.7.25",
	      "[192.0.2.1] The IP address sending this message does not have a "
	      "PTR record setup, or the corresponding forward DNS entry does "
	      "not match the sending IP. As a policy, Gmail does not accept "
	      "messages from IPs with missing PTR records." },
	    "reverse name" },
	{ { 550, "5.7.26",
	      "This mail has been blocked because the sender is "
	      "unauthenticated. Gmail requires all senders to authenticate "
	      "with either SPF or DKIM." },
	    "neither a valid SPF" },
	{ { 550, "5.7.26",
	      "Unauthenticated email from example.com is not accepted due to "
	      "domain's DMARC policy." },
	    "DMARC policy" },
	{ { 550, "5.7.1",
	      "[192.0.2.1 19] Our system has detected that this message is "
	      "likely unsolicited mail. To reduce the amount of spam sent to "
	      "Gmail, this message has been blocked." },
	    "for spam" },
	{ { 550, "5.7.1",
	      "[2001:db8::1] Our system has detected that this message does "
	      "not meet IPv6 sending guidelines regarding PTR records and "
	      "authentication." },
	    "IPv6" },
	{ { 421, "4.7.28",
	      "Gmail has detected an unusual rate of unsolicited mail "
	      "originating from your IP Netblock." },
	    "slows down" },
	{ { 550, "5.7.515",
	      "Access denied, sending domain EXAMPLE.COM does not meet the "
	      "required authentication level." },
	    "neither a valid SPF" },
	{ { 550, "5.7.1",
	      "Unfortunately, messages from [192.0.2.1] weren't sent. Please "
	      "contact your Internet service provider since part of their "
	      "network is on our block list (S3140)." },
	    "Microsoft" },
	{ { 550, "5.7.1", "Service unavailable (S3150)" }, "Microsoft" },
	{ { 550, "5.7.606",
	      "Access denied, banned sending IP [192.0.2.1]. To request "
	      "removal from this list please visit "
	      "https://sender.office.com/" },
	    "Microsoft" },
	{ { 451, "4.7.650",
	      "The mail server [192.0.2.1] has been temporarily rate limited "
	      "due to IP reputation." },
	    "slows down" },
	{ { 550, "5.4.1",
	      "Recipient address rejected: Access denied. AS(201806281)" },
	    "no such mailbox" },
	{ { 421, "4.7.0",
	      "[TSS04] Messages from 192.0.2.1 temporarily deferred due to "
	      "unexpected volume or user complaints - 4.16.55.1" },
	    "slows down" },
	{ { 553, "5.7.1",
	      "[BL21] Connections will not be accepted from 192.0.2.1, "
	      "because the ip is in Spamhaus's list" },
	    "blocklist" },
	{ { 554, "5.7.9", "Message not accepted for policy reasons." },
	    "DMARC policy" },
	{ { 554, "5.7.1",
	      "Service unavailable; Client host [192.0.2.1] blocked using "
	      "zen.example" },
	    "blocklist" },
	{ { 450, "4.7.25",
	      "Client host rejected: cannot find your hostname, [192.0.2.1]" },
	    "reverse name" },
	{ { 450, "4.7.1",
	      "Client host rejected: cannot find your reverse hostname" },
	    "reverse name" },
	{ { 554, NULL,
	      "gmx.net (mxgmx) Nemesis ESMTP Service not available "
	      "Bad DNS PTR resource record." },
	    "reverse name" },
	{ { 554, NULL,
	      "IP=192.0.2.1 - A problem occurred. (Ask your "
	      "postmaster for help or to contact "
	      "tosa@rx.t-online.de to clarify.)" },
	    "T-Online" },
	{ { 450, "4.2.0", "Greylisted, see http://postgrey.example" },
	    "greylisting" },
	{ { 550, "5.1.1",
	      "The email account that you tried to reach does not "
	      "exist." },
	    "no such mailbox" },
	{ { 552, "5.2.2", "The recipient's inbox is out of storage space" },
	    "is full" },
	{ { 452, "4.2.2", "Over quota" }, "is full" },
	{ { 552, "5.3.4", "Message size exceeds fixed limit" }, "larger" },
	{ { 554, "5.7.1", "<a@b.example>: Relay access denied" }, "MX record" },
	{ { 550, "5.7.1", "Delivery not authorized" }, "rule of its own" },
	{ { 250, "2.0.0", "spamhaus is happy" }, NULL },
	{ { 451, "4.3.0", "Temporary lookup failure" }, NULL },
	{ { 550, NULL, "" }, NULL },
	{ { 0, NULL, "spamhaus" }, NULL },
};

static void
what_senders_meet_is_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		const char *advice = advice_for(seen[i].reply);
		if (!seen[i].word)
			assert_null(advice);
		else if (!advice || !strstr(advice, seen[i].word))
			fail_msg("\"%s\" for: %s", advice ? advice : "",
			    seen[i].reply.text);
	}
}

/* As the queue keeps them, with or without an enhanced code. */
static void
a_written_reply_is_explained(void **state)
{
	(void)state;
	const char *text = "550 5.7.25 no (mx.remote.example[192.0.2.1])";
	assert_ptr_equal(advice_for_text(str_of(text)),
	    advice_for(REPLY(550, "5.7.25", "no")));
	assert_ptr_equal(advice_for_text(STR("554 blocked using zen.example")),
	    advice_for(REPLY(554, NULL, "blocked using zen.example")));
	assert_null(advice_for_text(STR("")));
	assert_null(advice_for_text(STR("55")));
	assert_null(advice_for_text(STR("5.7.25 no")));
	assert_null(advice_for_text(STR("250 2.0.0 spamhaus")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_senders_meet_is_explained),
		cmocka_unit_test(a_written_reply_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
