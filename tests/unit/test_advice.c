#include "lib/mail/advice.h"

#include "lib/base/str.h"
#include "lib/mail/advice_private.h"
#include "tests/fakes/said.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Replies as they were seen, and a word of the sentence that must come. */
static const struct {
	struct {
		int code;
		const char *enhanced, *text;
	} reply;
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
	/* Gmail, as it publishes them */
	{ { 421, "4.7.0",
	      "The IP address sending this message does not have a PTR record, "
	      "or the corresponding forward DNS entry does not point to the "
	      "sending IP." },
	    "reverse name" },
	{ { 451, "4.7.23",
	      "The sending IP address for this message doesn\xe2\x80\x99t have "
	      "a PTR record" },
	    "reverse name" },
	{ { 451, "4.7.24",
	      "The SPF record of the sending domain has one or more suspicious "
	      "entries." },
	    "mistake in the SPF" },
	{ { 421, "4.7.26",
	      "This mail has been rate limited because it is unauthenticated. "
	      "Gmail requires all senders to authenticate with either SPF or "
	      "DKIM." },
	    "neither a valid SPF" },
	{ { 550, "5.7.26",
	      "The MAIL FROM domain [example.com] has an SPF record with a hard "
	      "fail policy (-all) but it fails to pass SPF checks with the "
	      "ip: [192.0.2.1]." },
	    "not allowed by the SPF" },
	{ { 421, "4.7.27",
	      "Your email has been rate limited because SPF authentication "
	      "didn't pass for this message." },
	    "not allowed by the SPF" },
	{ { 421, "4.7.28",
	      "Gmail has detected an unusual rate of unsolicited mail "
	      "originating from your DKIM domain example.com." },
	    "domain has a bad reputation" },
	{ { 550, "5.7.28",
	      "There is an unusual rate of unsolicited mail originating from "
	      "your IP address." },
	    "neighbours" },
	{ { 421, "4.7.29",
	      "Your email has been rate limited because this message "
	      "wasn\xe2\x80\x99t sent over a TLS connection." },
	    "over TLS" },
	{ { 421, "4.7.30",
	      "Your email has been rate limited because DKIM authentication "
	      "didn't pass for this message." },
	    "DKIM signature" },
	{ { 421, "4.7.32",
	      "Your email has been rate limited because the From: header "
	      "(RFC5322) in this message isn't aligned with either the "
	      "authenticated SPF or DKIM organizational domain." },
	    "DMARC policy" },
	{ { 550, "5.7.40", "The sending domain has no DMARC record" },
	    "to have a DMARC record" },
	{ { 421, "4.7.0",
	      "This message is suspicious due to the very low reputation of "
	      "the sending domain." },
	    "domain has a bad reputation" },
	{ { 550, "5.7.1",
	      "Our system has detected that this message is likely suspicious "
	      "due to the very low reputation of the sending IP address." },
	    "neighbours" },
	{ { 421, "4.7.0",
	      "This message is suspicious due to the nature of the content or "
	      "the links within." },
	    "for spam" },
	{ { 550, "5.7.1",
	      "Messages missing a valid Message-ID: header are not accepted." },
	    "malformed" },
	{ { 550, "5.7.1",
	      "This message is not RFC 5322 compliant because it has duplicate "
	      "headers. To reduce the amount of spam sent to Gmail, this "
	      "message has been blocked." },
	    "malformed" },
	{ { 552, "5.7.0",
	      "This message was blocked because its content presents a "
	      "potential security issue." },
	    "dangerous" },
	{ { 450, "4.2.1",
	      "The user you are trying to contact is receiving mail too "
	      "quickly." },
	    "no more for the moment" },
	{ { 550, "5.2.1",
	      "The user you are trying to contact is receiving mail at a rate "
	      "that prevents additional messages from being delivered." },
	    "more mail than it may" },
	{ { 550, "5.2.1",
	      "The email account that you tried to reach is "
	      "inactive." },
	    "is closed" },
	{ { 421, "4.7.0", "TLS required for RCPT domain, closing connection" },
	    "over TLS" },
	{ { 550, "5.4.5", "Daily SMTP relay limit exceeded for user." },
	    "smarthost's account" },

	/* Microsoft */
	{ { 550, "5.7.509",
	      "Access denied, sending domain EXAMPLE.COM does not pass DMARC "
	      "verification" },
	    "DMARC policy" },
	{ { 550, "5.7.23",
	      "The message was rejected because of Sender Policy Framework "
	      "violation" },
	    "not allowed by the SPF" },
	{ { 550, "5.7.708",
	      "Service unavailable. Access denied, traffic not accepted from "
	      "this IP." },
	    "Microsoft" },
	{ { 550, "5.7.511",
	      "Access denied, banned sender[192.0.2.1]. To request removal "
	      "from this list please forward this message to "
	      "delist@microsoft.com" },
	    "Microsoft" },
	{ { 550, "5.7.649", "Access denied, banned sending IP [192.0.2.1]" },
	    "Microsoft" },
	{ { 550, "5.7.513",
	      "Service unavailable, Client host [192.0.2.1] blocked by "
	      "example.org using Customer Block list (AS16012607)" },
	    "organization itself" },
	{ { 550, "5.7.750",
	      "Service unavailable. Client blocked from sending from "
	      "unregistered domains" },
	    "register" },
	{ { 450, "4.7.26",
	      "Access denied, a message sent over IPv6 [2001:db8::1] must pass "
	      "either SPF or DKIM validation, this message is not signed" },
	    "IPv6" },
	{ { 550, "5.7.510",
	      "Access denied, example.org does not accept email "
	      "over IPv6" },
	    "IPv6" },
	{ { 451, "4.7.651",
	      "The mail server [192.0.2.1] has been temporarily rate limited "
	      "due to IP reputation. (S775)" },
	    "slows down" },
	{ { 451, "4.7.500", "Access denied, please try again later" },
	    "slows down" },
	{ { 451, "4.7.500", "Server busy. Please try again later (S77719)" },
	    "no more for the moment" },
	{ { 550, "5.7.1",
	      "Service unavailable, MailFrom domain is listed in Spamhaus." },
	    "A domain" },
	{ { 550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; not found" },
	    "no such mailbox" },
	{ { 556, "5.1.10", "This domain takes no mail (null MX)" },
	    "takes no mail" },
	{ { 550, "5.5.0",
	      "Requested action not taken: mailbox unavailable "
	      "(S2017062302)." },
	    "no such mailbox" },
	{ { 550, "5.7.133",
	      "RESOLVER.RST.SenderNotAuthenticatedForGroup; sender not "
	      "authenticated for group" },
	    "own organization" },
	{ { 554, "5.4.14", "Hop count exceeded - possible mail loop" },
	    "circles" },

	/* Yahoo */
	{ { 553, "5.7.2",
	      "[TSS09] All messages from 192.0.2.1 will be permanently "
	      "deferred; Retrying will NOT succeed." },
	    "neighbours" },
	{ { 554, NULL,
	      "Message not allowed - [PH01] Email not accepted for policy "
	      "reasons." },
	    "for spam" },
	{ { 550, "5.7.9",
	      "This mail has been blocked because the sender is "
	      "unauthenticated. Yahoo requires all senders to authenticate "
	      "with either SPF or DKIM." },
	    "neither a valid SPF" },
	{ { 451, NULL,
	      "Message temporarily deferred due to unresolvable RFC.5321 from "
	      "domain." },
	    "MX record" },
	{ { 554, NULL,
	      "delivery error: dd This user doesn't have a yahoo.com "
	      "account (a@yahoo.com)" },
	    "no such mailbox" },

	/* Apple */
	{ { 550, "5.7.1",
	      "[CS01] Message rejected due to local policy. Please visit "
	      "https://support.apple.com/en-us/HT204137" },
	    "Apple" },
	{ { 554, "5.7.1", "[HM08] Message rejected due to local policy." },
	    "Apple" },
	{ { 554, "5.7.1",
	      "[HME1] This message was blocked for failing both SPF and DKIM "
	      "authentication checks." },
	    "neither a valid SPF" },
	{ { 554, "5.7.1",
	      "Your message was rejected due to example.com's DMARC policy." },
	    "DMARC policy" },
	{ { 421, "4.7.1",
	      "Messages to a@icloud.com deferred due to excessive volume." },
	    "no more for the moment" },

	/* T-Online, GMX and WEB.DE */
	{ { 554, NULL,
	      "IP=192.0.2.1 - None/bad reputation. Ask your postmaster for "
	      "help or to contact tobr@rx.t-online.de for reset. (NOWL)" },
	    "T-Online" },
	{ { 554, NULL,
	      "IP=192.0.2.1 - Dialup/transient IP not allowed. Use a "
	      "mailgateway or contact toda@rx.t-online.de if obsolete. "
	      "(DIAL)" },
	    "T-Online" },
	{ { 550, "5.1.1", "<nobody@t-online.de>: user unknown" },
	    "no such mailbox" },
	{ { 554, NULL,
	      "gmx.net (mxgmx104) Nemesis ESMTP Service not available No SMTP "
	      "service IP address is block listed." },
	    "blocklist" },
	{ { 550, NULL,
	      "Reject due to SPF policy. The originating IP of the message is "
	      "not permitted by the domain owner" },
	    "not allowed by the SPF" },
	{ { 554, NULL,
	      "web.de (mxweb012) Nemesis ESMTP Service not available Dynamic "
	      "IP addresses are not allowed" },
	    "home connection" },

	/* blocklists, as Postfix and others quote them */
	{ { 554, "5.7.1",
	      "Service unavailable; Client host [192.0.2.1] blocked using "
	      "zen.spamhaus.org; Error: open resolver; "
	      "https://check.spamhaus.org/returnc/pub/198.51.100.1/" },
	    "Nobody is listed" },
	{ { 554, "5.7.1",
	      "Service unavailable; Sender address [a@example.com] blocked "
	      "using dbl.spamhaus.org" },
	    "A domain" },
	{ { 554, NULL,
	      "Service unavailable; Client host [192.0.2.1] blocked using "
	      "dnsbl.sorbs.net" },
	    "blocklist" },
	{ { 554, NULL,
	      "Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1" },
	    "blocklist" },
	{ { 550, NULL,
	      "permanent failure for one or more recipients (a@b.example:"
	      "blocked) http://www.barracudacentral.org/reputation?ip=" },
	    "blocklist" },

	/* what most programs say */
	{ { 550, NULL, "Client host has no PTR" }, "reverse name" },
	{ { 504, "5.5.2",
	      "<mail>: Helo command rejected: need "
	      "fully-qualified hostname" },
	    "POSTERN_HOSTNAME" },
	{ { 450, "4.1.8",
	      "<a@b.example>: Sender address rejected: Domain not "
	      "found" },
	    "MX record" },
	{ { 450, "4.3.2", "Service currently unavailable" }, "greylisting" },
	{ { 457, NULL, "Greylisted, please come back later." }, "greylisting" },
	{ { 550, NULL, "Mailbox full" }, "is full" },
	{ { 550, "5.7.0", "Message contains a virus" }, "dangerous" },

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
		struct reply reply = said(REPLY(seen[i].reply.code,
		    seen[i].reply.enhanced, seen[i].reply.text));
		const char *advice = advice_for(reply);
		if (!seen[i].word)
			assert_null(advice);
		else if (!advice || !strstr(advice, seen[i].word))
			fail_msg("\"%s\" for: %s", advice ? advice : "",
			    seen[i].reply.text);
	}
}

/* What we find ourselves is explained by its code: the names in our sentences
   are anybody's. */
static void
what_we_find_is_explained(void **state)
{
	static const struct {
		struct reply found;
		const char *word; /* NULL: no sentence */
	} cases[] = {
		{ REPLY_IS(451, "4.4.1", "mx.a.test couldn't be reached"),
		    "port 25" },
		{ REPLY_IS(451, "4.4.2", "The session with mx.a.test failed"),
		    "broke off" },
		{ REPLY_IS(451, "4.4.3", "The DNS doesn't answer"),
		    "resolver" },
		{ REPLY_IS(451, "4.7.5", "mx.dkim.test doesn't prove its name"),
		    "check policy" },
		{ REPLY_IS(451, "4.7.10", "mx.spf.test doesn't offer TLS"),
		    "check policy" },
		{ REPLY_IS(550, "5.7.30", "TLS is required, and isn't kept"),
		    "REQUIRETLS" },
		{ REPLY_IS(451, "4.4.1", "mx.blacklist.test can't be reached"),
		    "port 25" },
		{ REPLY_IS(451, "4.3.0", "greylist.test: spam"), NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *advice = advice_for(cases[i].found);
		if (!cases[i].word)
			assert_null(advice);
		else if (!advice || !strstr(advice, cases[i].word))
			fail_msg("\"%s\" for: %s", advice ? advice : "",
			    cases[i].found.text);
	}
}

/* Made of its own words alone, each row is the one that is found, or the advice
   is the same. */
static void
no_row_hides_behind_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < advice_row_count; i++) {
		const struct advice_row *row = &advice_rows[i];
		char enhanced[16];
		int class = row->class ? row->class : 5;
		snprintf(enhanced, sizeof enhanced, "%d.%s", class,
		    row->enhanced ? row->enhanced : "9.9");
		const char *text = row->text ? row->text : "";
		const char *found =
		    advice_for(said(REPLY(class * 100 + 50, enhanced, text)));
		if (found != row->advice)
			fail_msg("\"%s %s\" gets \"%s\"", enhanced, text,
			    found ? found : "nothing");
	}
}

/* One sentence or two, in words: no code but those that are asked for. */
static void
advice_is_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < advice_row_count; i++) {
		struct str advice = str_of(advice_rows[i].advice);
		assert_in_range(advice.n, 40, 240);
		assert_true(str_ends(advice, STR(".")));
		assert_false(str_search(advice, STR("RFC")) < advice.n);
		assert_false(str_has(advice, '\n'));
	}
}

/* As the queue keeps them, with or without an enhanced code. */
static void
a_written_reply_is_explained(void **state)
{
	(void)state;
	const char *text = "550 5.7.25 no (mx.remote.example[192.0.2.1])";
	assert_ptr_equal(advice_for_text(str_of(text), true),
	    advice_for(said(REPLY(550, "5.7.25", "no"))));
	assert_ptr_equal(
	    advice_for_text(STR("554 blocked using zen.example"), true),
	    advice_for(said(REPLY(554, NULL, "blocked using zen.example"))));
	assert_null(advice_for_text(STR("451 4.3.0 mx.greylist.test"), false));
	assert_null(advice_for_text(STR(""), true));
	assert_null(advice_for_text(STR("55"), true));
	assert_null(advice_for_text(STR("5.7.25 no"), true));
	assert_null(advice_for_text(STR("250 2.0.0 spamhaus"), true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_senders_meet_is_explained),
		cmocka_unit_test(what_we_find_is_explained),
		cmocka_unit_test(no_row_hides_behind_another),
		cmocka_unit_test(advice_is_plain),
		cmocka_unit_test(a_written_reply_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
