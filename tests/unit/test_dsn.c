#include "lib/mail/dsn.h"

#include "lib/base/file.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t arrival = 1795184403117; /* 2026-11-20 14:20:03 */

static const struct dsn_recipient failed[] = {
	{
	    .original = TEXT("bob@alias.example"),
	    .final = TEXT("bob@remote.example"),
	    .status = TEXT("5.1.1"),
	    .remote_host = TEXT("mx1.remote.example"),
	    .diagnostic = TEXT("550 5.1.1 <bob@remote.example>: Recipient "
			       "address rejected: User unknown in virtual "
			       "mailbox table; see https://remote.example/why"),
	    .reason = TEXT("remote.example does not know this address."),
	    .last_attempt_ms = 1795184404000,
	},
	{
	    .original = TEXT("eve@gone.example"),
	    .final = TEXT("eve@gone.example"),
	    .finding = TEXT("The domain gone.example does not exist"),
	    .last_attempt_ms = 1795184405000,
	},
};

static struct dsn
example(enum dsn_action action, size_t count)
{
	return (struct dsn){
		.action = action,
		.our_host = STR("mail.example.com"),
		.from = STR("postmaster@example.com"),
		.to = STR("ann@example.com"),
		.report_id = STR("3fK9x002"),
		.boundary = STR("b7c0"),
		.queue_id = STR("3fK9x001"),
		.arrival_ms = arrival,
		.now_ms = arrival + 2000,
		.give_up_ms = arrival + 432000000,
		.header = STR("Received: from a\r\n\tby b; c\r\n"
			      "From: ann@example.com\r\n"
			      "Subject: Hello\r\n"
			      "Message-ID: <1@example.com>\r\n"),
		.count = count,
		.recipients = failed,
	};
}

static struct buf
write_whole(const struct dsn *dsn)
{
	struct buf header = { 0 }, body = { 0 };
	dsn_write(dsn, &header, &body);
	assert_true(str_ends(buf_str(&header), STR("\r\n")));
	assert_true(str_starts(buf_str(&body), STR("\r\n")));
	buf_add(&header, buf_str(&body));
	buf_free(&body);
	return header;
}

static struct buf
run_python(struct str text)
{
	char path[] = "/tmp/test_dsn.XXXXXX", command[128], piece[4096];
	struct buf out = { 0 };
	int fd = mkstemp(path);
	assert_true(fd >= 0 && fd_write_all(fd, text));
	close(fd);
	snprintf(command, sizeof command,
	    "/usr/bin/python3 tests/unit/dsn_fields.py <%s", path);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	for (size_t n; (n = fread(piece, 1, sizeof piece, pipe)) > 0;)
		buf_add(&out, (struct str){ piece, n });
	assert_int_equal(pclose(pipe), 0);
	unlink(path);
	return out;
}

static void
assert_reads(const struct dsn *dsn, const char *wanted)
{
	struct buf whole = write_whole(dsn);
	struct buf fields = run_python(buf_str(&whole));
	assert_str(buf_str(&fields), str_of(wanted));
	buf_free(&fields);
	buf_free(&whole);
}

#define HEADER(SUBJECT) \
	"header From: Mail Delivery System <postmaster@example.com>\n" \
	"header To: ann@example.com\n" \
	"header Subject: " SUBJECT "\n" \
	"header Date: Fri, 20 Nov 2026 14:20:05 +0000\n" \
	"header Message-ID: <3fK9x002@mail.example.com>\n" \
	"header In-Reply-To: <1@example.com>\n" \
	"header References: <1@example.com>\n" \
	"header Auto-Submitted: auto-replied\n" \
	"header MIME-Version: 1.0\n" \
	"header Content-Type: multipart/report; " \
	"report-type=\"delivery-status\"; boundary=\"=_b7c0\"\n" \
	"types multipart/report delivery-status text/plain " \
	"message/delivery-status text/rfc822-headers\n"

#define STATUS_0 \
	"status[0] Reporting-MTA: dns; mail.example.com\n" \
	"status[0] X-Postern-Queue-ID: 3fK9x001\n" \
	"status[0] Arrival-Date: Fri, 20 Nov 2026 14:20:03 +0000\n"

#define SECTION \
	"section b'Received: from a\\n\\tby b; c\\n" \
	"From: ann@example.com\\n" \
	"Subject: Hello\\n" \
	"Message-ID: <1@example.com>\\n'\n"

static void
python_reads_a_failure_field_by_field(void **state)
{
	(void)state;
	struct dsn dsn = example(DSN_FAILED, 2);
	assert_reads(&dsn,
	    HEADER(
		"Your message could not be delivered") "text 'Your message of Fri, 20 Nov 2026 14:20:03 +0000 could "
						       "not be delivered to'\n" STATUS_0
						       "status[1] Original-Recipient: rfc822; bob@alias.example\n"
						       "status[1] Final-Recipient: rfc822; bob@remote.example\n"
						       "status[1] Action: failed\n"
						       "status[1] Status: 5.1.1\n"
						       "status[1] Remote-MTA: dns; mx1.remote.example\n"
						       "status[1] Diagnostic-Code: smtp; 550 5.1.1 "
						       "<bob@remote.example>: Recipient address rejected: User unknown "
						       "in virtual mailbox table; see https://remote.example/why\n"
						       "status[1] Last-Attempt-Date: Fri, 20 Nov 2026 14:20:04 +0000\n"
						       "status[2] Original-Recipient: rfc822; eve@gone.example\n"
						       "status[2] Final-Recipient: rfc822; eve@gone.example\n"
						       "status[2] Action: failed\n"
						       "status[2] Status: 5.0.0\n"
						       "status[2] Diagnostic-Code: X-Postern; The domain gone.example does not exist\n"
						       "status[2] Last-Attempt-Date: Fri, 20 Nov 2026 14:20:05 "
						       "+0000\n" SECTION);
}

static void
python_reads_a_delay(void **state)
{
	(void)state;
	struct dsn dsn = example(DSN_DELAYED, 1);
	struct dsn_recipient recipient = failed[1];
	dsn.recipients = &recipient;
	assert_reads(&dsn,
	    HEADER(
		"Your message is delayed") "text 'Your message of Fri, 20 Nov 2026 14:20:03 +0000 has not "
					   "been delivered yet'\n" STATUS_0
					   "status[1] Original-Recipient: rfc822; eve@gone.example\n"
					   "status[1] Final-Recipient: rfc822; eve@gone.example\n"
					   "status[1] Action: delayed\n"
					   "status[1] Status: 4.0.0\n"
					   "status[1] Diagnostic-Code: X-Postern; The domain gone.example does not exist\n"
					   "status[1] Last-Attempt-Date: Fri, 20 Nov 2026 14:20:05 +0000\n"
					   "status[1] Will-Retry-Until: Wed, 25 Nov 2026 14:20:03 "
					   "+0000\n" SECTION);
}

static void
assert_travels(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		assert_true((unsigned char)text.p[i] < 128);
	assert_true(str_search(text, STR(" \r\n")) == text.n);
	while (text.n > 0)
		assert_true(str_cut(&text, '\n').n < 999);
}

/* A report has short lines of seven bits, and the header comes back exactly. */
static void
returns_any_header(void **state)
{
	(void)state;
	struct dsn dsn = example(DSN_FAILED, 1);
	struct buf section = { 0 }, wanted = { 0 };
	buf_adds(&section, "Subject: J\xc3\xb6rg = \r\n\t--=_b7c0 \r\nX: ");
	buf_adds(&wanted,
	    "section b'Subject: J\\xc3\\xb6rg = \\n"
	    "\\t--=_b7c0 \\nX: ");
	for (size_t i = 0; i < 1500; i++) {
		buf_addc(&section, (char)('a' + i % 26));
		buf_addc(&wanted, (char)('a' + i % 26));
	}
	buf_adds(&section, "\r\n");
	buf_adds(&wanted, "\\n'\n");
	dsn.header = buf_str(&section);
	struct buf whole = write_whole(&dsn);
	assert_travels(buf_str(&whole));
	struct buf fields = run_python(buf_str(&whole));
	size_t from = str_search(buf_str(&fields), STR("section "));
	assert_str(str_from(buf_str(&fields), from), buf_str(&wanted));
	buf_free(&fields);
	buf_free(&whole);
	buf_free(&wanted);
	buf_free(&section);
}

static void
cuts_long_lines_of_the_header(void **state)
{
	(void)state;
	struct dsn dsn = example(DSN_FAILED, 1);
	struct buf section = { 0 };
	buf_addf(&section, "X: %0999d\r\n", 0);
	dsn.header = buf_str(&section);
	struct buf whole = write_whole(&dsn);
	assert_travels(buf_str(&whole));
	buf_free(&whole);
	buf_free(&section);
}

/* Whatever a remote says, it stays where it belongs. */
static void
lets_nothing_break_out(void **state)
{
	(void)state;
	char word[3000];
	memset(word, 'x', sizeof word);
	struct dsn_recipient recipient = {
		.final = STR("a@x\r\nAction: delivered"),
		.diagnostic = { word, sizeof word },
		.remote_host = STR("mx\r\n\r\n--=_b7c0--\r\n"),
		.reason = STR("\xc3\xb6\r\n.\r\n"),
	};
	struct dsn dsn = example(DSN_FAILED, 1);
	dsn.recipients = &recipient;
	dsn.header = STR("");
	struct buf whole = write_whole(&dsn);
	assert_travels(buf_str(&whole));
	struct buf fields = run_python(buf_str(&whole));
	assert_true(
	    str_search(buf_str(&fields),
		STR("Final-Recipient: rfc822; a@x??Action: delivered\n")) <
	    fields.n);
	assert_true(str_search(buf_str(&fields),
			STR("Remote-MTA: dns; mx???"
			    "?--=_b7c0--??\n")) < fields.n);
	assert_true(str_search(buf_str(&fields), STR("defect")) == fields.n);
	buf_free(&fields);
	buf_free(&whole);
}

static void
people_read_what_to_do(void **state)
{
	(void)state;
	struct dsn dsn = example(DSN_FAILED, 2);
	struct buf whole = write_whole(&dsn);
	size_t from = str_search(buf_str(&whole), STR("Your message of"));
	struct str text = str_from(buf_str(&whole), from);
	text.n = str_search(text, STR("\r\n\r\n--=_"));
	assert_str(text,
	    STR("Your message of Fri, 20 Nov 2026 14:20:03 +0000 could not be "
		"delivered to\r\n"
		"these addresses. It will not be tried again.\r\n"
		"\r\n"
		"<bob@remote.example>\r\n"
		"    You wrote to: bob@alias.example\r\n"
		"    remote.example does not know this address.\r\n"
		"    The answer came from: mx1.remote.example\r\n"
		"    The answer was: 550 5.1.1 <bob@remote.example>: Recipient "
		"address\r\n"
		"    rejected: User unknown in virtual mailbox table; see\r\n"
		"    https://remote.example/why\r\n"
		"    What to do: Look for a typing error in the address and "
		"send the message\r\n"
		"    again. If the address looks right, ask the recipient for "
		"it by other\r\n"
		"    means.\r\n"
		"\r\n"
		"<eve@gone.example>\r\n"
		"    The domain gone.example does not exist.\r\n"
		"    What to do: If the address is right, show this report to "
		"whoever looks\r\n"
		"    after your mail.\r\n"
		"\r\n"
		"Details for programs and experts, and the header of your "
		"message, are\r\n"
		"attached."));
	buf_free(&whole);
}

/* What we demand isn't called the other side's rule. */
static void
the_advice_fits_whoever_said_it(void **state)
{
	static const struct {
		struct dsn_recipient recipient;
		const char *wanted;
	} cases[] = {
		{ { .status = TEXT("5.7.0"),
		      .diagnostic = TEXT("554 5.7.0 no") },
		    "The other side refuses" },
		{ { .status = TEXT("5.7.0"), .finding = TEXT("No") },
		    "If the address is right, show" },
		{ { .status = TEXT("5.4.4"), .finding = TEXT("No") },
		    "Look for a typing error behind" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dsn dsn = example(DSN_FAILED, 1);
		dsn.recipients = &cases[i].recipient;
		struct buf whole = write_whole(&dsn);
		assert_true(str_search(buf_str(&whole),
				str_of(cases[i].wanted)) < whole.n);
		buf_free(&whole);
	}
}

static void
the_owner_of_an_alias_reads_what_is_theirs(void **state)
{
	(void)state;
	struct dsn dsn = example(DSN_FAILED, 1);
	dsn.sender = STR("eve@sender.example");
	struct buf whole = write_whole(&dsn);
	assert_travels(buf_str(&whole));
	struct str text = buf_str(&whole);
	assert_true(str_search(text,
			STR("Subject: A message to your alias could not be "
			    "sent on\r\n")) < text.n);
	text = str_from(text, str_search(text, STR("A message from <")));
	text.n = str_search(text, STR("    remote.example does"));
	assert_str(text,
	    STR("A message from <eve@sender.example> of Fri, 20 Nov 2026 "
		"14:20:03 +0000 could\r\n"
		"not be sent on to this address. It will not be tried again. "
		"You are told,\r\n"
		"and not its sender, because it isn't proven that it is from "
		"there.\r\n"
		"\r\n"
		"<bob@remote.example>\r\n"
		"    The alias is: bob@alias.example\r\n"));
	text = buf_str(&whole);
	assert_true(str_search(text, STR("(postern alias).")) < text.n);
	assert_int_equal(str_search(text, STR("typing error")), text.n);
	buf_free(&whole);
}

/* What is known of this reply says more than its status. */
static void
people_read_what_it_means(void **state)
{
	(void)state;
	struct dsn_recipient recipient = failed[0];
	struct dsn dsn = example(DSN_FAILED, 1);
	recipient.advice = STR("The mailbox has moved.");
	dsn.recipients = &recipient;
	for (int action = DSN_FAILED; action <= DSN_DELAYED; action++) {
		dsn.action = (enum dsn_action)action;
		struct buf whole = write_whole(&dsn);
		struct str text = buf_str(&whole);
		assert_true(str_search(text,
				STR("    What it means: The mailbox has "
				    "moved.\r\n")) < text.n);
		assert_true(str_search(text, STR("What to do:")) == text.n);
		buf_free(&whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_reads_a_failure_field_by_field),
		cmocka_unit_test(python_reads_a_delay),
		cmocka_unit_test(returns_any_header),
		cmocka_unit_test(cuts_long_lines_of_the_header),
		cmocka_unit_test(lets_nothing_break_out),
		cmocka_unit_test(people_read_what_to_do),
		cmocka_unit_test(the_advice_fits_whoever_said_it),
		cmocka_unit_test(the_owner_of_an_alias_reads_what_is_theirs),
		cmocka_unit_test(people_read_what_it_means),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
