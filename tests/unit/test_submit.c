#include "lib/base/codec.h"
#include "lib/trust/dkim_canon.h"
#include "tests/fakes/intake.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/sign.h"
#include "tests/unit/gate.h"
#include "tests/unit/scram_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANN USER("ann@example.test", HORSE)
#define BOB USER("bob@other.test", STAPLE)
#define TEXT "From: Ann <ann@example.test>\nSubject: hello\n\nbody\n"

static struct caller c;

static int
set_up(void **state)
{
	gate_open(state);
	gate_people(ANN BOB,
	    "info@example.test: ann@example.test\n"
	    "@example.test: bob@other.test\n");
	caller_ready(&c, PORT_SUBMISSIONS);
	return 0;
}

static int
tear_down(void **state)
{
	caller_close(&c);
	return gate_close(state);
}

static void
send_text(const char *text, const char *reply)
{
	caller_send(&c, "ann@example.test", "x@elsewhere.test", text, reply);
}

/* ---- what is accepted ---- */

/* RFC 8689: what the sender wants of TLS stays with the message. */
static void
test_wishes_for_tls_are_noted(void **state)
{
	static const struct {
		const char *parameter, *field;
		unsigned flags;
	} wishes[] = {
		{ "", "TLS-Required: No\r\n", ENVELOPE_TLS_OPTIONAL },
		{ "", "tls-required:\r\n no \r\n", ENVELOPE_TLS_OPTIONAL },
		{ "", "TLS-Required: Yes\r\n", 0 },
		{ "", "TLS-Required: No, thanks\r\n", 0 },
		{ "", "TLS-Required: No\r\nTLS-Required: No\r\n", 0 },
		{ " REQUIRETLS", "", ENVELOPE_REQUIRETLS },
		{ " REQUIRETLS", "TLS-Required: No\r\n",
		    ENVELOPE_REQUIRETLS | ENVELOPE_TLS_OPTIONAL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		caller_sayf(&c, "250 ", "MAIL FROM:<ann@example.test>%s\r\n",
		    wishes[i].parameter);
		caller_say(&c, "RCPT TO:<x@elsewhere.test>\r\n", "250 ");
		caller_say(&c, "DATA\r\n", "354 ");
		caller_sayf(&c, "250 ",
		    "%sFrom: Ann <ann@example.test>\r\n\r\nbody\r\n.\r\n",
		    wishes[i].field);
		assert_int_equal(fake_intake.envelope->flags,
		    ENVELOPE_SUBMITTED | wishes[i].flags);
	}
}

static void
test_a_message_is_signed_and_traced(void **state)
{
	(void)state;
	send_text(TEXT, "250 2.0.0 Queued as 1");
	const char *text = gate_message();
	const char head[] = "DKIM-Signature: v=1; d=example.test; b=fake\n"
			    "Received: from ";
	assert_true(strncmp(text, head, sizeof head - 1) == 0);
	assert_non_null(strstr(gate_field("Received"), "with ESMTPSA"));
	assert_true(
	    str_eq(fake_intake.envelope->user, STR("ann@example.test")));
	assert_int_equal(fake_intake.envelope->flags, ENVELOPE_SUBMITTED);
}

static void
test_the_same_over_starttls(void **state)
{
	(void)state;
	caller_close(&c);
	caller_ready(&c, PORT_SUBMISSION);
	send_text(TEXT, "250 ");
	assert_int_equal(fake_intake.envelope->flags, ENVELOPE_SUBMITTED);
}

/* DESIGN.md 6: where a user is appears nowhere, in no form. */
static void
test_the_address_of_the_user_is_not_told(void **state)
{
	(void)state;
	caller_say(&c, "EHLO [127.0.0.1]\r\n", "250 ");
	send_text(TEXT, "250 ");
	assert_null(strstr(gate_message(), "127.0.0.1"));
}

static void
test_missing_fields_are_added(void **state)
{
	(void)state;
	send_text(TEXT, "250 ");
	assert_non_null(gate_field("Date"));
	assert_string_equal(gate_field("Message-ID"), "<1@mail.example.test>");
	send_text("Date: Fri, 20 Nov 2026 14:20:03 +0000\n"
		  "Message-ID: <x@y>\nFrom: ann@example.test\n\nbody\n",
	    "250 ");
	assert_string_equal(gate_field("Message-ID"), "<x@y>");
	assert_string_equal(
	    gate_field("Date"), "Fri, 20 Nov 2026 14:20:03 +0000");
	assert_non_null(
	    strstr(gate_message(), "From: ann@example.test\n\nbody\n"));
}

static void
test_blind_copies_stay_blind(void **state)
{
	(void)state;
	send_text("Bcc: secret@elsewhere.test\nFrom: ann@example.test\n"
		  "bcc : secret@elsewhere.test,\n secret@other.test\n"
		  "Resent-Bcc: secret@elsewhere.test\n"
		  "Return-Path: <secret@elsewhere.test>\n\nbody\n",
	    "250 ");
	assert_null(strstr(gate_message(), "secret"));
	assert_null(strcasestr(gate_message(), "bcc"));
}

/* The signature's hash is of the body alone, in whatever pieces it came. */
static void
assert_body_hash(const char *body)
{
	struct dkim_body hash;
	uint8_t digest[32];
	dkim_body_start(&hash, DKIM_RELAXED);
	dkim_body_add(&hash, str_of(body));
	dkim_body_end(&hash, digest);
	assert_memory_equal(fake_sign.body_hash, digest, sizeof digest);
}

static void
test_the_body_is_hashed_as_it_comes(void **state)
{
	static const struct {
		const char *text, *body;
	} rows[] = {
		{ TEXT, "body\r\n" },
		{ "From: ann@example.test\n\na\nb  c \n\n\n", "a\r\nb c\r\n" },
		{ "From: ann@example.test\n\n", "" },
		{ "From: ann@example.test\n", "" },
		{ "From: ann@example.test\n\n..dots\n", ".dots\r\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		send_text(rows[i].text, "250 ");
		assert_body_hash(rows[i].body);
	}
}

static void
test_large_messages_are_signed_too(void **state)
{
	struct buf text = { 0 }, body = { 0 };
	(void)state;
	buf_adds(&text, TEXT);
	buf_adds(&body, "body\r\n");
	while (text.n < 600000) {
		buf_adds(&text, "a line that goes on and on\n");
		buf_adds(&body, "a line that goes on and on\r\n");
	}
	send_text(buf_cstr(&text), "250 ");
	assert_true(fake_intake.in_file);
	assert_body_hash(buf_cstr(&body));
	buf_free(&text);
	buf_free(&body);
}

/* ---- who they say they are ---- */

static void
test_envelope_senders(void **state)
{
	static const struct {
		const char *sender, *reply;
	} rows[] = {
		{ "ann@example.test", "250 2.1.0" },
		{ "Ann+x@Example.test", "250 2.1.0" },
		{ "info@example.test", "250 2.1.0" },
		{ "", "250 2.1.0" },
		{ "bob@other.test", "550 5.7.1" },
		{ "nobody@example.test", "550 5.7.1" },
		{ "ann@elsewhere.test", "550 5.7.1" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		caller_sayf(
		    &c, rows[i].reply, "MAIL FROM:<%s>\r\n", rows[i].sender);
		caller_say(&c, "RSET\r\n", "250 ");
	}
}

static void
test_header_sections(void **state)
{
	static const struct {
		const char *header, *reply;
	} rows[] = {
		{ "From: info@example.test\n", "250 " },
		{ "From: \"Bob <bob@other.test>\" <ann@example.test>\n",
		    "250 " },
		{ "From: ann@example.test, info@example.test\n", "250 " },
		{ "From: ann@example.test\nSender: ann+x@example.test\n",
		    "250 " },
		{ "From: bob@other.test\n", "550 5.7.1" },
		{ "From: Ann <ceo@elsewhere.test>\n", "550 5.7.1" },
		{ "From: ann@example.test, x@example.test\n", "550 5.7.1" },
		{ "From: ann@example.test\nSender: bob@other.test\n",
		    "550 5.7.1" },
		{ "Subject: who?\n", "550 5.6.0" },
		{ "From: ann@example.test\nFrom: ann@example.test\n",
		    "550 5.6.0" },
		{ "From: ann@example.test\nfrom : bob@other.test\n",
		    "550 5.6.0" },
		{ "From: ann@example.test, bob@other.test\n", "550 5.6.0" },
		{ "From: Undisclosed:;\n", "550 5.6.0" },
		{ "From:\n", "550 5.6.0" },
		{ "From: ann@example.test\nSubject: a\nSubject: b\n",
		    "550 5.6.0" },
		{ "From: ann@example.test\nSender: info@example.test, "
		  "ann@example.test\n",
		    "550 5.6.0" },
		{ "From: ann@example.test\nno field\n", "550 5.6.0" },
		{ "From: ann@example.test\nResent-From: ann@example.test, "
		  "info@example.test\nResent-Sender: ann@example.test\n",
		    "250 " },
		{ "From: ann@example.test\nResent-From: bob@other.test\n",
		    "550 5.7.1" },
		{ "From: ann@example.test\nResent-From: ann@example.test\n"
		  "resent-from: ann@example.test, bob@other.test\n",
		    "550 5.7.1" },
		{ "From: ann@example.test\nResent-Sender: bob@other.test\n",
		    "550 5.7.1" },
		{ "From: ann@example.test\nResent-Sender: ann@example.test, "
		  "info@example.test\n",
		    "550 5.6.0" },
		{ "From: ann@example.test\nResent-From: Friends:;\n",
		    "550 5.6.0" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf text = { 0 };
		buf_addf(&text, "%s\nbody\n", rows[i].header);
		send_text(buf_cstr(&text), rows[i].reply);
		buf_free(&text);
	}
	assert_int_equal(fake_intake.added, 5);
	assert_int_equal(fake_sign.asked, 5);
}

static void
test_the_catch_all_names_who_may_invent_addresses(void **state)
{
	(void)state;
	caller_close(&c);
	caller_open(&c, PORT_SUBMISSIONS, "127.0.0.1");
	caller_say(&c, "EHLO client.test\r\n", "250 ");
	caller_login(&c, "bob@other.test", "battery staple", "235 ");
	caller_send(&c, "new@example.test", "x@elsewhere.test",
	    "From: other@example.test\n\n", "250 ");
	caller_say(&c, "MAIL FROM:<ann@example.test>\r\n", "550 5.7.1");
}

/* ---- the signer ---- */

static void
test_never_unsigned(void **state)
{
	static const enum fake_sign_mood moods[] = { FAKE_SIGN_AWAY,
		FAKE_SIGN_NOT_OURS };
	(void)state;
	for (int i = 0; i < 2; i++) {
		fake_sign_set(moods[i]);
		send_text(TEXT, "451 4.3.0");
	}
	assert_int_equal(fake_intake.added, 0);
	assert_int_equal(fake_intake.memory, 0);
	fake_sign_set(FAKE_SIGN_ANSWERS);
	send_text(TEXT, "250 ");
}

static void
test_a_client_that_vanishes_while_we_sign(void **state)
{
	(void)state;
	fake_sign_set(FAKE_SIGN_SILENT);
	send_text(TEXT, "");
	caller_close(&c);
	assert_int_equal(fake_intake.added, 0);
	fake_sign_set(FAKE_SIGN_ANSWERS);
	fake_loop_settle(gate.loop);
	assert_int_equal(fake_intake.added, 1);
}

static void
test_the_end_while_we_sign(void **state)
{
	(void)state;
	fake_sign_set(FAKE_SIGN_SILENT);
	send_text(TEXT, "");
}

/* An earlier piece of the body can't be written, and we hear of it behind the
   final dot, when the signer reads the header section. */
static void
test_a_body_that_fails_while_we_sign(void **state)
{
	struct buf text = { 0 };
	(void)state;
	buf_adds(&text, TEXT);
	while (text.n < 200000)
		buf_adds(&text, "a line that goes on and on\n");
	fake_sign_set(FAKE_SIGN_SILENT);
	fake_intake.hold = true;
	fake_intake.error = ENOSPC;
	send_text(buf_cstr(&text), "");
	fake_intake_let_go();
	fake_loop_settle(gate.loop);
	fake_sign_set(FAKE_SIGN_ANSWERS);
	fake_loop_settle(gate.loop);
	assert_true(str_starts(buf_str(&c.heard), STR("452 4.3.1")));
	assert_int_equal(fake_intake.added, 0);
	assert_int_equal(fake_intake.bodies, 0);
	assert_int_equal(fake_intake.memory, 0);
	buf_free(&text);
}

/* ---- AUTH ---- */

static void
greet(enum port_name port, const char *from)
{
	caller_close(&c);
	caller_open(&c, port, from);
	if (port == PORT_SUBMISSION)
		caller_starttls(&c);
	caller_say(&c, "EHLO client.test\r\n", "250 ");
}

static void
test_plus_is_offered_where_the_channel_binds(void **state)
{
	(void)state;
	greet(PORT_SUBMISSION, "127.0.0.1");
	assert_non_null(strstr(buf_cstr(&c.heard),
	    "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"));
}

static void
say_base64(const char *before, struct str bytes, const char *reply)
{
	struct buf text = { 0 };
	base64_add(&text, bytes);
	caller_sayf(&c, reply, "%s%s\r\n", before, buf_cstr(&text));
	buf_free(&text);
}

/* What is behind "334 ". */
static void
heard_base64(struct buf *bytes)
{
	struct str text = str_trim(str_from(buf_str(&c.heard), 4));
	buf_clear(bytes);
	assert_true(base64_read(bytes, text));
}

/* RFC 9266: both ends derive the same bytes from the handshake. */
static void
test_scram_bound_to_the_channel(void **state)
{
	struct scram_client scram;
	struct buf binding = { 0 }, challenge = { 0 };
	const char *type;
	(void)state;
	greet(PORT_SUBMISSIONS, "127.0.0.1");
	assert_true(stream_channel_binding(c.stream, &type, &binding));
	assert_string_equal(type, "tls-exporter");
	scram_client_open(
	    &scram, "ann@example.test", "correct horse", buf_str(&binding));
	say_base64("AUTH SCRAM-SHA-256-PLUS ",
	    scram_client_start(&scram, "SCRAM-SHA-256-PLUS"), "334 ");
	heard_base64(&challenge);
	say_base64("", scram_client_step(&scram, buf_str(&challenge)), "334 ");
	heard_base64(&challenge);
	say_base64("", scram_client_step(&scram, buf_str(&challenge)), "235 ");
	scram_client_close(&scram);
	buf_free(&binding);
	buf_free(&challenge);
}

static void
test_login_in_words(void **state)
{
	(void)state;
	greet(PORT_SUBMISSIONS, "127.0.0.1");
	caller_say(&c, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6");
	caller_say(&c, "YW5uQGV4YW1wbGUudGVzdA==\r\n", "334 UGFzc3dvcmQ6");
	caller_say(&c, "Y29ycmVjdCBob3JzZQ==\r\n", "235 2.7.0");
	caller_say(&c, "MAIL FROM:<ann@example.test>\r\n", "250 ");
}

static void
test_bad_base64(void **state)
{
	(void)state;
	greet(PORT_SUBMISSIONS, "127.0.0.1");
	caller_say(&c, "AUTH PLAIN !!\r\n", "501 5.5.2");
	caller_say(&c, "AUTH LOGIN\r\n", "334 ");
	caller_say(&c, "!!\r\n", "501 5.5.2");
	caller_say(&c, "AUTH LOGIN\r\n", "334 ");
	caller_say(&c, "*\r\n", "501 ");
	caller_login(&c, "ann", "correct horse", "235 ");
}

static void
test_wrong_passwords_wait_and_then_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		greet(PORT_SUBMISSIONS, "127.0.0.9");
		const char *user = i % 2 ? "ann" : "nobody";
		caller_login(&c, user, "x", i ? "" : "535 5.7.8");
		assert_int_equal(c.heard.n > 0, i == 0);
		fake_loop_advance(gate.loop, 2000);
		assert_true(
		    i == 0 || str_starts(buf_str(&c.heard), STR("535 5.7.8")));
	}
	greet(PORT_SUBMISSIONS, "127.0.0.9");
	caller_login(&c, "ann", "correct horse", "421 4.7.0");
	greet(PORT_SUBMISSIONS, "127.0.0.1");
	caller_login(&c, "ann", "correct horse", "235 ");
}

/* Who has guessed too often from two places at last guesses right. */
static void
test_a_lucky_guess_is_refused(void **state)
{
	static const char *const places[] = { "127.0.0.8", "127.0.0.9" };
	(void)state;
	for (int i = 0; i < 10; i++) {
		greet(PORT_SUBMISSIONS, places[i % 2]);
		caller_login(&c, "ann", "x", "");
		fake_loop_advance(gate.loop, 2000);
	}
	greet(PORT_SUBMISSIONS, "127.0.0.9");
	caller_login(&c, "ann", "correct horse", "");
	fake_loop_advance(gate.loop, 2000);
	assert_true(str_starts(buf_str(&c.heard), STR("535 5.7.8")));
	greet(PORT_SUBMISSIONS, "127.0.0.1");
	caller_login(&c, "ann", "correct horse", "235 ");
}

static void
test_a_client_that_vanishes_during_the_delay(void **state)
{
	(void)state;
	greet(PORT_SUBMISSIONS, "127.0.0.1");
	caller_login(&c, "ann", "x", "535 ");
	caller_login(&c, "ann", "x", "");
	caller_close(&c);
	fake_loop_advance(gate.loop, 5000);
	assert_int_equal(inbound_sessions(gate.inbound), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_message_is_signed_and_traced),
		TEST(test_wishes_for_tls_are_noted),
		TEST(test_the_same_over_starttls),
		TEST(test_the_address_of_the_user_is_not_told),
		TEST(test_missing_fields_are_added),
		TEST(test_blind_copies_stay_blind),
		TEST(test_the_body_is_hashed_as_it_comes),
		TEST(test_large_messages_are_signed_too),
		TEST(test_envelope_senders),
		TEST(test_header_sections),
		TEST(test_the_catch_all_names_who_may_invent_addresses),
		TEST(test_never_unsigned),
		TEST(test_a_client_that_vanishes_while_we_sign),
		TEST(test_the_end_while_we_sign),
		TEST(test_a_body_that_fails_while_we_sign),
		TEST(test_plus_is_offered_where_the_channel_binds),
		TEST(test_scram_bound_to_the_channel),
		TEST(test_login_in_words),
		TEST(test_bad_base64),
		TEST(test_wrong_passwords_wait_and_then_are_refused),
		TEST(test_a_lucky_guess_is_refused),
		TEST(test_a_client_that_vanishes_during_the_delay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
