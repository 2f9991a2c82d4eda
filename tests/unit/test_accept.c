#include "tests/fakes/intake.h"
#include "tests/fakes/loop.h"
#include "tests/unit/gate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT "Subject: hello\nFrom: eve@sender.test\n\nbody\n"

static struct caller c;

static void
send_text(const char *text, const char *reply)
{
	caller_send(&c, "eve@sender.test", "ann@example.test", text, reply);
}

static int
set_up(void **state)
{
	gate_open(state);
	caller_ready(&c, PORT_SMTP);
	return 0;
}

static int
tear_down(void **state)
{
	caller_close(&c);
	return gate_close(state);
}

static void
test_a_message_becomes_one_record(void **state)
{
	(void)state;
	send_text(TEXT, "250 2.0.0 Queued as 1");
	assert_int_equal(fake_intake.added, 1);
	assert_int_equal(fake_intake.envelope->id, 1);
	assert_int_equal(fake_intake.envelope->flags, 0);
	assert_true(
	    str_eq(fake_intake.envelope->sender, STR("eve@sender.test")));
	assert_true(str_empty(fake_intake.envelope->user));
	assert_int_equal(fake_intake.envelope->count, 1);
	const char *text = gate_message();
	assert_non_null(strstr(text, TEXT));
	assert_true(strncmp(text, "Authentication-Results: mail.example.test",
			41) == 0);
	assert_non_null(strstr(text, "\nReceived: from client.test"));
}

static void
test_received_says_how_it_came(void **state)
{
	(void)state;
	send_text(TEXT, "250 ");
	const char *received = gate_field("Received");
	assert_non_null(strstr(received, "([127.0.0.1])"));
	assert_non_null(strstr(received, "by mail.example.test with ESMTP"));
	assert_non_null(strstr(received, "id 1"));
	assert_non_null(strstr(received, "for <ann@example.test>"));
	caller_starttls(&c);
	caller_say(&c, "EHLO client.test\r\n", "250 ");
	send_text(TEXT, "250 ");
	received = gate_field("Received");
	assert_non_null(strstr(received, "with ESMTPS"));
	assert_non_null(strstr(received, "TLSv1.3"));
	caller_say(&c, "HELO client.test\r\n", "250 ");
	caller_say(&c,
	    "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\n"
	    "RCPT TO:<postmaster>\r\nDATA\r\n",
	    "354 ");
	caller_say(&c, "From: a@b.test\r\n\r\n.\r\n", "250 ");
	received = gate_field("Received");
	assert_non_null(strstr(received, "with SMTP\t"));
	assert_null(strstr(received, "for <"));
}

static void
test_the_250_waits_for_the_record(void **state)
{
	(void)state;
	fake_intake.hold = true;
	caller_say(&c, "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n",
	    "354 ");
	caller_say(&c, "From: a@b.test\r\n\r\nx\r\n.\r\n", "");
	assert_int_equal(fake_intake.added, 1);
	assert_int_equal(c.heard.n, 0);
	fake_intake_let_go();
	caller_say(&c, "", "250 2.0.0");
}

static void
test_a_client_that_vanishes_after_the_dot_strands_nothing(void **state)
{
	(void)state;
	fake_intake.hold = true;
	caller_say(&c, "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n",
	    "354 ");
	caller_say(&c, "From: a@b.test\r\n\r\nx\r\n.\r\n", "");
	caller_close(&c);
	assert_int_equal(inbound_sessions(gate.inbound), 0);
	fake_intake_let_go();
	fake_loop_settle(gate.loop);
	assert_int_equal(fake_intake.added, 1);
}

static void
test_a_client_that_vanishes_before_the_dot_leaves_nothing(void **state)
{
	(void)state;
	caller_say(&c, "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n",
	    "354 ");
	caller_say(&c, "From: a@b.test\r\n\r\nx\r\n", "");
	caller_close(&c);
	assert_int_equal(fake_intake.added, 0);
	assert_int_equal(fake_intake.memory, 0);
}

static void
test_a_full_disk(void **state)
{
	(void)state;
	fake_intake.result = QUEUE_FULL;
	send_text(TEXT, "452 4.3.1");
	fake_intake.no_space = true;
	caller_say(&c, "MAIL FROM:<>\r\n", "452 4.3.1");
	fake_intake.no_space = false;
	fake_intake.result = QUEUE_ADDED;
	send_text(TEXT, "250 ");
}

/* ---- header sections ---- */

struct row {
	const char *text, *reply, *kept;
};

static const struct row texts[] = {
	/* what comes without an empty line */
	{ "From: a@b.test\n", "250 ", "\nFrom: a@b.test\n" },
	{ "From: a@b.test\nbody\nmore\n", "250 ",
	    "\nFrom: a@b.test\n\nbody\nmore\n" },
	{ "From: a@b.test\nno field\nTo: y\n\nbody\n", "250 ",
	    "\nFrom: a@b.test\n\nno field\nTo: y\n\nbody\n" },
	/* 8 bit and dots are kept */
	{ "From: a@b.test\n\n..\n\xe4\n", "250 ", "\n\n.\n\xe4\n" },
	/* what others wrote about delivery goes */
	{ "Return-Path: <a@b.test>\nreturn-path : <>\nFrom: a@b.test\n\n",
	    "250 ", "\nFrom: a@b.test\n\n" },
};

static void
test_odd_header_sections(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		send_text(texts[i].text, texts[i].reply);
		const char *text = gate_message();
		const char *kept = texts[i].kept;
		size_t n = strlen(text), k = strlen(kept);
		if (n < k || strcmp(text + n - k, kept) != 0)
			fail_msg("%zu: %s", i, text);
		assert_null(strcasestr(text, "Return-Path"));
	}
	assert_int_equal(fake_intake.envelope->flags, 0);
}

/* RFC 8601 5 */
static void
test_forged_results_are_removed(void **state)
{
	(void)state;
	send_text("Authentication-Results: mail.example.test; dmarc=pass\n"
		  "authentication-results: (x) MAIL.Example.Test.\n ; a=b\n"
		  "Authentication-Results: \"mail.example.test\" 1; none\n"
		  "Authentication-Results: mx.other.test; spf=pass\n"
		  "From: a@b.test\n\n",
	    "250 ");
	const char *text = gate_message();
	const char *first = strcasestr(text, "Authentication-Results:");
	const char *second = strcasestr(first + 1, "Authentication-Results:");
	assert_ptr_equal(first, text);
	assert_non_null(strstr(first, "dmarc=none"));
	assert_memory_equal(
	    second, "Authentication-Results: mx.other.test", 37);
	assert_null(strcasestr(second + 1, "Authentication-Results:"));
	assert_null(strstr(text, "dmarc=pass"));
}

/* RFC 8689 4.1: it may have to be sent on */
static void
test_a_wish_for_no_tls_is_noted(void **state)
{
	(void)state;
	send_text("TLS-Required: No\nFrom: a@b.test\n\n", "250 ");
	assert_int_equal(fake_intake.envelope->flags, ENVELOPE_TLS_OPTIONAL);
	send_text("TLS-Required: Maybe\nFrom: a@b.test\n\n", "250 ");
	assert_int_equal(fake_intake.envelope->flags, 0);
}

static void
test_eight_bits_are_noted(void **state)
{
	(void)state;
	send_text("From: a@b.test\n\n\xe4\n", "250 ");
	assert_int_equal(fake_intake.envelope->flags, ENVELOPE_8BIT);
}

static void
begin_data(void)
{
	caller_say(&c, "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n",
	    "354 ");
}

static void
test_nul_in_the_header(void **state)
{
	const struct str bad[] = {
		STR("From: a@b.test\r\nSubject: a\0b\r\n\r\n.\r\n"),
		STR("From: a@b.test\r\nSub\0ject: a\r\n\r\n.\r\n"),
		STR("From: a@b.test\r\nSubject: a\0b\r\n.\r\n"),
	};
	(void)state;
	for (int i = 0; i < 3; i++) {
		begin_data();
		stream_write(c.stream, bad[i]);
		caller_say(&c, "", "550 5.6.0");
	}
	begin_data();
	stream_write(c.stream, STR("From: a@b.test\r\n\r\na\0b\r\n.\r\n"));
	caller_say(&c, "", "250 ");
}

static void
test_header_sections_have_limits(void **state)
{
	(void)state;
	struct buf text = { 0 };
	while (text.n < 300000)
		buf_adds(&text, "X: a line that goes on and on and on\n");
	buf_adds(&text, "\nbody\n");
	send_text(buf_cstr(&text), "552 5.3.4");
	buf_clear(&text);
	for (int i = 0; i < 2100; i++)
		buf_adds(&text, "X: y\n");
	send_text(buf_cstr(&text), "552 5.3.4");
	assert_int_equal(fake_intake.added, 0);
	assert_int_equal(fake_intake.memory, 0);
	send_text(TEXT, "250 ");
	buf_free(&text);
}

static void
test_mail_that_goes_in_circles(void **state)
{
	(void)state;
	struct buf text = { 0 };
	buf_adds(&text, "From: a@b.test\n");
	for (int i = 0; i < 50; i++)
		buf_addf(&text, "Received: from a by b%d.test; x\n", i);
	send_text(buf_cstr(&text), "250 ");
	buf_adds(&text, "Received: from a by c.test; x\n");
	send_text(buf_cstr(&text), "554 5.4.6");
	buf_clear(&text);
	buf_adds(&text, "From: a@b.test\n");
	for (int i = 0; i < 5; i++)
		buf_adds(&text, "Received: from a by mail.example.test; x\n");
	send_text(buf_cstr(&text), "250 ");
	buf_adds(&text, "Received: from a\n by Mail.Example.Test; x\n");
	send_text(buf_cstr(&text), "554 5.4.6");
	assert_int_equal(fake_intake.added, 2);
	buf_free(&text);
}

/* ---- large bodies ---- */

static void
make_large(struct buf *text, size_t size)
{
	buf_clear(text);
	buf_adds(text, "From: a@b.test\n\n");
	while (text->n < size)
		buf_adds(text, "a line that goes on and on and on\n");
}

static void
test_large_bodies_go_to_a_file(void **state)
{
	(void)state;
	struct buf text = { 0 };
	make_large(&text, 60000);
	send_text(buf_cstr(&text), "250 ");
	assert_false(fake_intake.in_file);
	make_large(&text, 500000);
	send_text(buf_cstr(&text), "250 ");
	assert_true(fake_intake.in_file);
	assert_non_null(strstr(gate_message(), buf_cstr(&text)));
	buf_free(&text);
}

static void
test_small_bodies_too_when_memory_is_short(void **state)
{
	(void)state;
	fake_intake.much = true;
	send_text(TEXT, "250 ");
	assert_true(fake_intake.in_file);
	assert_non_null(strstr(gate_message(), TEXT));
}

static void
test_long_header_sections_wait_for_memory(void **state)
{
	(void)state;
	struct buf text = { 0 };
	buf_adds(&text, "From: a@b.test\n");
	while (text.n < 200000)
		buf_addf(&text, "X: %0200d\n", 0);
	buf_adds(&text, "\nbody\n");
	fake_intake.much = true;
	send_text(buf_cstr(&text), "452 4.3.1");
	assert_int_equal(fake_intake.added, 0);
	assert_int_equal(fake_intake.memory, 0);
	send_text(TEXT, "250 ");
	fake_intake.much = false;
	send_text(buf_cstr(&text), "250 ");
	buf_free(&text);
}

static void
test_a_slow_disk_makes_the_sender_wait(void **state)
{
	(void)state;
	struct buf text = { 0 };
	make_large(&text, 1000000);
	fake_intake.hold = true;
	send_text(buf_cstr(&text), "");
	assert_in_range(fake_intake.largest, 262144, 262144 + 2 * 65536);
	assert_in_range(fake_intake.memory, 262144, 262144 + 2 * 65536);
	fake_intake_let_go();
	caller_say(&c, "", "250 ");
	assert_non_null(strstr(gate_message(), buf_cstr(&text)));
	buf_free(&text);
}

static void
test_bodies_that_can_not_be_written(void **state)
{
	static const struct {
		int error;
		const char *reply;
	} rows[] = { { ENOSPC, "452 4.3.1" }, { EIO, "451 4.3.0" } };
	(void)state;
	struct buf text = { 0 };
	for (int i = 0; i < 2; i++) {
		fake_intake.error = rows[i].error;
		make_large(&text, 500000); /* fails on the way */
		send_text(buf_cstr(&text), rows[i].reply);
		make_large(&text, 70000); /* at the end */
		send_text(buf_cstr(&text), rows[i].reply);
	}
	fake_intake.error = 0;
	assert_int_equal(fake_intake.added, 0);
	send_text(buf_cstr(&text), "250 ");
	buf_free(&text);
}

static void
test_what_the_protocol_refuses_leaves_no_file(void **state)
{
	(void)state;
	struct buf text = { 0 };
	make_large(&text, (1 << 20) + 100);
	send_text(buf_cstr(&text), "552 5.3.4");
	assert_int_equal(fake_intake.bodies, 0);
	assert_int_equal(fake_intake.memory, 0);
	begin_data();
	caller_say(&c, "From: a@b.test\r\n\r\na\nb\r\n.\r\n", "550 5.5.2");
	send_text(TEXT, "250 ");
	buf_free(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_message_becomes_one_record),
		TEST(test_received_says_how_it_came),
		TEST(test_the_250_waits_for_the_record),
		TEST(test_a_client_that_vanishes_after_the_dot_strands_nothing),
		TEST(test_a_client_that_vanishes_before_the_dot_leaves_nothing),
		TEST(test_a_full_disk),
		TEST(test_odd_header_sections),
		TEST(test_forged_results_are_removed),
		TEST(test_a_wish_for_no_tls_is_noted),
		TEST(test_eight_bits_are_noted),
		TEST(test_nul_in_the_header),
		TEST(test_header_sections_have_limits),
		TEST(test_mail_that_goes_in_circles),
		TEST(test_large_bodies_go_to_a_file),
		TEST(test_small_bodies_too_when_memory_is_short),
		TEST(test_long_header_sections_wait_for_memory),
		TEST(test_a_slow_disk_makes_the_sender_wait),
		TEST(test_bodies_that_can_not_be_written),
		TEST(test_what_the_protocol_refuses_leaves_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
