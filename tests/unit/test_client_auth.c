/* The client logs in.  The test speaks for the server, and knows the password
   or doesn't. */
#include "lib/base/codec.h"
#include "lib/net/scram.h"
#include "tests/fakes/jobs.h"
#include "tests/fakes/loop.h"
#include "tests/unit/assert_str.h"
#include "tests/unit/client_rig.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct sender *s;
static struct buf first, challenge, final; /* the exchange, decoded */

static int
set_up(void **state)
{
	(void)state;
	s = sender_login("ann", "secret");
	fake_jobs_use(s->loop);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	sender_close(s);
	buf_free(&first);
	buf_free(&challenge);
	buf_free(&final);
	return 0;
}

static void
greet(const char *offer)
{
	char reply[200];
	sender_expect(s, "220 mx\r\n", "EHLO client.example.test\r\n");
	snprintf(reply, sizeof reply, "250-mx\r\n250 AUTH %s\r\n", offer);
	sender_say(s, reply);
}

/* What the client has said behind "lead", decoded. */
static void
hear(const char *lead, struct buf *out)
{
	struct str line = sender_hear(s);
	assert_true(str_starts(line, str_of(lead)));
	assert_true(str_ends(line, STR("\r\n")));
	line =
	    str_sub(str_from(line, strlen(lead)), 0, line.n - strlen(lead) - 2);
	assert_true(base64_read(out, line));
}

static void
say_334(struct str text)
{
	struct buf line = { 0 };
	buf_adds(&line, "334 ");
	base64_add(&line, text);
	buf_adds(&line, "\r\n");
	sender_say(s, buf_cstr(&line));
	buf_free(&line);
}

static void
challenge_it(void)
{
	struct str nonce = buf_str(&first);
	hear("AUTH SCRAM-SHA-256 ", &first);
	nonce = str_from(buf_str(&first), strlen("n,,n=ann,r="));
	buf_addf(&challenge, "r=%.*sserver,s=c2FsdA==,i=4096", STR_ARG(nonce));
	say_334(buf_str(&challenge));
}

/* RFC 5802 3: ServerSignature */
static struct buf
signature(const char *password)
{
	unsigned char hash[32], key[32], mac[32];
	struct buf text = { 0 }, message = { 0 };
	struct str proven = buf_str(&final);
	buf_add(&message, str_from(buf_str(&first), 3));
	buf_addc(&message, ',');
	buf_add(&message, buf_str(&challenge));
	buf_addc(&message, ',');
	buf_add(&message, str_sub(proven, 0, str_search(proven, STR(",p="))));
	PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
	    (const unsigned char *)"salt", 4, 4096, EVP_sha256(), 32, hash);
	HMAC(EVP_sha256(), hash, 32, (const unsigned char *)"Server Key", 10,
	    key, NULL);
	HMAC(EVP_sha256(), key, 32, (const unsigned char *)message.p, message.n,
	    mac, NULL);
	buf_adds(&text, "v=");
	base64_add(&text, (struct str){ (char *)mac, 32 });
	buf_free(&message);
	return text;
}

static void
answer(const char *password)
{
	hear("", &final);
	struct buf last = signature(password);
	say_334(buf_str(&last));
	buf_free(&last);
}

static void
ended_with(const char *text)
{
	fake_loop_settle(s->loop);
	assert_str(buf_str(&s->calls), STR("ended "));
	assert_int_equal(s->client.failure, CLIENT_AUTH);
	assert_int_equal(s->client.reply.code, 451);
	assert_string_equal(s->client.reply.text, text);
}

/* ---- cases ---- */

static void
scram_comes_before_what_shows_the_password(void **state)
{
	(void)state;
	greet("LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS");
	challenge_it();
	answer("secret");
	assert_str(sender_hear(s), STR("\r\n"));
	sender_expect(s, "235 2.7.0 ok\r\n", "");
	assert_str(buf_str(&s->calls), STR("ready "));
	assert_int_equal(fake_jobs.done, 1); /* not on the loop */
}

static void
a_server_without_the_password_gets_nothing(void **state)
{
	(void)state;
	greet("PLAIN SCRAM-SHA-256");
	challenge_it();
	answer("guess");
	assert_str(sender_hear(s), STR(""));
	ended_with("The server doesn't know the password");
}

static void
a_success_without_proof_is_a_failure(void **state)
{
	(void)state;
	greet("PLAIN SCRAM-SHA-256");
	challenge_it();
	hear("", &final);
	sender_say(s, "235 2.7.0 come in\r\n");
	ended_with("The server hasn't proven who it is");
}

/* Somebody between could refuse the strong one to see the password. */
static void
a_refusal_is_not_followed_by_a_weaker_try(void **state)
{
	(void)state;
	greet("PLAIN SCRAM-SHA-256");
	hear("AUTH SCRAM-SHA-256 ", &first);
	sender_say(s, "504 5.5.4 not that\r\n");
	fake_loop_settle(s->loop);
	assert_str(buf_str(&s->calls), STR("ended "));
	assert_int_equal(s->client.failure, CLIENT_AUTH);
	assert_int_equal(s->client.reply.code, 504);
	assert_str(sender_hear(s), STR(""));
}

static void
what_is_no_challenge_ends_it(void **state)
{
	(void)state;
	greet("SCRAM-SHA-256");
	hear("AUTH SCRAM-SHA-256 ", &first);
	sender_say(s, "334 !\r\n");
	ended_with("The challenge isn't base64");
}

static void
too_many_iterations_end_it(void **state)
{
	(void)state;
	greet("SCRAM-SHA-256");
	hear("AUTH SCRAM-SHA-256 ", &first);
	buf_addf(&challenge, "r=%.*sx,s=c2FsdA==,i=2000000000",
	    STR_ARG(str_from(buf_str(&first), strlen("n,,n=ann,r="))));
	say_334(buf_str(&challenge));
	ended_with("The SCRAM challenge wants too few or too many iterations");
	assert_int_equal(fake_jobs.done, 0);
}

static void
without_workers_it_is_tried_later(void **state)
{
	(void)state;
	greet("SCRAM-SHA-256");
	fake_jobs.full = true;
	challenge_it();
	ended_with("Too busy to hash the password");
}

/* The worker's result comes to nobody. */
static void
a_session_may_end_while_a_worker_hashes(void **state)
{
	(void)state;
	for (int begun = 0; begun < 2; begun++) {
		greet("SCRAM-SHA-256");
		fake_jobs.hold = true;
		fake_jobs.begun = begun;
		challenge_it();
		sender_say(s, "421 4.3.2 bye\r\n");
		assert_str(buf_str(&s->calls), STR("ended "));
		fake_jobs_let_go();
		fake_loop_settle(s->loop);
		tear_down(state);
		set_up(state);
	}
}

static void
a_reply_while_a_worker_hashes_is_one_too_many(void **state)
{
	(void)state;
	greet("SCRAM-SHA-256");
	fake_jobs.hold = true;
	challenge_it();
	sender_say(s, "334 dj0=\r\n");
	assert_str(buf_str(&s->calls), STR("ended "));
	assert_int_equal(s->client.failure, CLIENT_LOST);
	fake_jobs_let_go();
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(scram_comes_before_what_shows_the_password),
		CASE(a_server_without_the_password_gets_nothing),
		CASE(a_success_without_proof_is_a_failure),
		CASE(a_refusal_is_not_followed_by_a_weaker_try),
		CASE(what_is_no_challenge_ends_it),
		CASE(too_many_iterations_end_it),
		CASE(without_workers_it_is_tried_later),
		CASE(a_session_may_end_while_a_worker_hashes),
		CASE(a_reply_while_a_worker_hashes_is_one_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
