#include "lib/trust/sign.h"

#include "lib/base/list.h"
#include "lib/trust/sign_wire.h"
#include "tests/fakes/loop.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	WALL_MS = 1795184403,
	MANY = 2000
};

/* ---- both ends ---- */

/* The signer's end is played by the test, question by question. */
struct bench {
	struct loop *loop;
	struct sign_channel *channel;
	int signer;
	struct arena arena;
	struct header header;
};

struct asker {
	struct sign_request request;
	struct bench *bench;
	unsigned done; /* how often */
	bool frees; /* the channel, when it is done */
};

static void
on_done(struct sign_request *request)
{
	struct asker *a = container_of(request, struct asker, request);
	a->done++;
	if (a->frees) {
		sign_channel_free(a->bench->channel);
		a->bench->channel = NULL;
	}
}

static int
setup(void **state)
{
	static struct bench bench;
	int ends[2];
	const char *why;
	bench = (struct bench){ .loop = loop_new() };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	bench.channel = sign_channel_new(bench.loop, ends[0]);
	bench.signer = ends[1];
	header_parse(STR("From: you@example.com\r\nSubject:  a\r\n"),
	    &bench.arena, &bench.header, &why);
	*state = &bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	sign_channel_free(b->channel);
	loop_free(b->loop);
	if (b->signer >= 0)
		close(b->signer);
	arena_free(&b->arena);
	return 0;
}

static struct asker
ask(struct bench *b)
{
	struct asker a = { .bench = b };
	a.request.header = &b->header;
	a.request.domain = STR("example.com");
	a.request.wall_ms = WALL_MS;
	memset(a.request.body_hash, 0x5a, 32);
	return a;
}

static void
start(struct asker *a)
{
	sign_start(a->bench->channel, &a->request, on_done);
	assert_int_equal(a->done, 0); /* never from within the start */
}

static bool
take(struct bench *b, struct sign_question *q)
{
	ssize_t n = recv(b->signer, q, sizeof *q, MSG_DONTWAIT);
	assert_true(n == -1 || n == sizeof *q);
	return n > 0;
}

static struct sign_answer
answer_to(const struct sign_question *q)
{
	struct sign_answer a = {
		.id = q->id,
		.algorithm = SIGN_RSA_SHA256,
		.keys = 1,
		.selector = "postern",
	};
	memcpy(a.digest, q->digest, SIGN_DIGEST);
	if (q->kind == SIGN_SIGN)
		a.length = 256;
	return a;
}

static void
give(struct bench *b, const struct sign_answer *a)
{
	assert_int_equal(sizeof *a, send(b->signer, a, sizeof *a, 0));
	fake_loop_settle(b->loop);
}

/* The next question, which must be of that kind, is answered. */
static struct sign_question
serve(struct bench *b, enum sign_kind kind)
{
	struct sign_question q;
	assert_true(take(b, &q));
	assert_int_equal(q.kind, kind);
	struct sign_answer a = answer_to(&q);
	give(b, &a);
	return q;
}

static void
expect(struct asker *a, enum sign_result result)
{
	assert_int_equal(a->done, 1);
	assert_int_equal(a->request.result, result);
	assert_null(a->request.work);
	assert_true((a->request.fields.n > 0) == (result == SIGN_DONE));
	buf_free(&a->request.fields);
}

static void
expect_silence(struct bench *b)
{
	struct sign_question q;
	fake_loop_settle(b->loop);
	assert_false(take(b, &q));
}

/* ---- the field ---- */

static void
field_is_written_as_promised(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b);
	start(&a);
	struct sign_question list = serve(b, SIGN_LIST);
	assert_string_equal(list.domain, "example.com");
	serve(b, SIGN_SIGN);
	assert_int_equal(a.done, 1);
	assert_string_equal(buf_cstr(&a.request.fields),
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	    "\td=example.com;\r\n"
	    "\ts=postern; t=1795184;\r\n"
	    "\th=From:From:To:Cc:Subject:Subject:Date:Message-ID:Reply-To:\r\n"
	    "\tMIME-Version:Content-Type;\r\n"
	    "\tbh=WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=;\r\n"
	    "\tb=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAA\r\n"
	    "\tAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AA\r\n"
	    "\tAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AA\r\n"
	    "\tAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AA\r\n"
	    "\tAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AA\r\n"
	    "\tAAAAAAAAAAAAAAAAAAAAAA==\r\n");
	expect(&a, SIGN_DONE);
}

struct header_case {
	const char *header;
	const char *names; /* h= */
	const char *input; /* of the hash, before our own field */
};

static const struct header_case headers[] = {
	/* all that is over-signed, though absent */
	{ "From: a@example.com\r\n",
	    "From:From:To:Cc:Subject:Date:Message-ID:Reply-To:MIME-Version:"
	    "Content-Type",
	    "from:a@example.com\r\n" },
	/* several instances: from the last one up, once more than there are */
	{ "Subject: one\r\nFrom: a@example.com\r\nsubject: two\r\n"
	  "SUBJECT: three\r\n",
	    "From:From:To:Cc:Subject:Subject:Subject:Subject:Date:Message-ID:"
	    "Reply-To:MIME-Version:Content-Type",
	    "from:a@example.com\r\nsubject:three\r\nsubject:two\r\n"
	    "subject:one\r\n" },
	/* signed as often as they occur, and what is never signed */
	{ "Received: x\r\nReturn-Path: <>\r\nFrom: a@example.com\r\n"
	  "Sender: b@example.com\r\nList-Id: one\r\nList-Id: two\r\n"
	  "List-Unsubscribe: <https://example.com/>\r\nX-Mine: y\r\n"
	  "Bcc: c@example.com\r\nComments: z\r\n",
	    "From:From:To:Cc:Subject:Date:Message-ID:Reply-To:MIME-Version:"
	    "Content-Type:Sender:List-Id:List-Id:List-Unsubscribe",
	    "from:a@example.com\r\nsender:b@example.com\r\nlist-id:two\r\n"
	    "list-id:one\r\nlist-unsubscribe:<https://example.com/>\r\n" },
	/* odd ones */
	{ "From:\ta@example.com\t \r\nSubject:\r\nTo :\r\n\tb@example.com,"
	  "\r\n \r\n  c@example.com\r\nMIME-Version: 1.0\r\n"
	  "Message-ID: \r\nContent-Transfer-Encoding: 8bit\r\n"
	  "References: \xc3\xa4 \t\xff\r\n",
	    "From:From:To:To:Cc:Subject:Subject:Date:Message-ID:Message-ID:"
	    "Reply-To:MIME-Version:MIME-Version:Content-Type:"
	    "Content-Transfer-Encoding:References",
	    "from:a@example.com\r\nto:b@example.com, c@example.com\r\n"
	    "subject:\r\nmessage-id:\r\nmime-version:1.0\r\n"
	    "content-transfer-encoding:8bit\r\nreferences:\xc3\xa4 \xff\r\n" },
};

/* Our own field, canonical and without its signature, as it enters the hash:
   its folds stand where h= is folded. */
static void
add_own_field(struct buf *out, struct str fields)
{
	struct str text =
	    str_sub(fields, 0, str_search(fields, STR("\r\n\tb=")));
	buf_adds(out, "dkim-signature:");
	str_cut(&text, ' ');
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		buf_add(out, line);
		buf_addc(out, ' ');
	}
	buf_adds(out, "b=");
}

static struct buf
unfolded_names(struct str fields)
{
	struct buf out = { 0 };
	struct str rest = str_from(fields, str_search(fields, STR("\th=")) + 3);
	struct str names = str_cut(&rest, ';');
	while (names.p) {
		struct str line = str_trim(str_cut(&names, '\n'));
		assert_true(line.n <= 76 - 8);
		buf_add(&out, line);
	}
	return out;
}

static void
check_header(struct bench *b, const struct header_case *c)
{
	const char *why;
	struct asker a = ask(b);
	struct buf input = { 0 };
	uint8_t digest[32];
	assert_true(
	    header_parse(str_of(c->header), &b->arena, &b->header, &why));
	start(&a);
	serve(b, SIGN_LIST);
	struct sign_question q = serve(b, SIGN_SIGN);
	struct str fields = buf_str(&a.request.fields);
	struct buf names = unfolded_names(fields);
	assert_string_equal(buf_cstr(&names), c->names);
	buf_adds(&input, c->input);
	add_own_field(&input, fields);
	EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL);
	assert_memory_equal(q.digest, digest, 32);
	buf_free(&names);
	buf_free(&input);
	expect(&a, SIGN_DONE);
}

static void
headers_are_signed_and_over_signed(void **state)
{
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		check_header(*state, &headers[i]);
}

static void
every_key_makes_a_field(void **state)
{
	struct bench *b = *state;
	static const char *const selectors[] = { "one", "two" };
	struct asker a = ask(b);
	struct sign_question q;
	start(&a);
	for (int i = 0; i < 4; i++) {
		assert_true(take(b, &q));
		assert_int_equal(q.key, i / 2);
		struct sign_answer answer = answer_to(&q);
		answer.keys = 2;
		memcpy(answer.selector, selectors[i / 2], 4);
		answer.algorithm =
		    i < 2 ? SIGN_RSA_SHA256 : SIGN_ED25519_SHA256;
		give(b, &answer);
	}
	struct str fields = buf_str(&a.request.fields);
	size_t second = str_search(fields, STR("a=ed25519-sha256;"));
	assert_true(str_search(fields, STR("a=rsa-sha256;")) < second);
	assert_true(str_search(fields, STR("s=one;")) < second);
	assert_true(second < str_search(fields, STR("s=two;")));
	assert_true(str_search(fields, STR("s=two;")) < fields.n);
	assert_true(str_ends(fields, STR("\r\n")));
	expect(&a, SIGN_DONE);
}

/* ---- what may go wrong ---- */

struct refusal_case {
	enum sign_kind at;
	enum sign_status status;
	uint32_t algorithm, length;
	enum sign_result result;
};

static const struct refusal_case refusals[] = {
	{ SIGN_LIST, SIGN_NO_KEY, 0, 0, SIGN_NOT_OURS },
	{ SIGN_LIST, SIGN_FAILED, 0, 0, SIGN_AWAY },
	{ SIGN_SIGN, SIGN_FAILED, SIGN_RSA_SHA256, 0, SIGN_AWAY },
	/* never signed in a way that we can't name */
	{ SIGN_LIST, SIGN_OK, 0, 0, SIGN_AWAY },
	{ SIGN_LIST, SIGN_OK, 3, 0, SIGN_AWAY },
	{ SIGN_LIST, 99, SIGN_RSA_SHA256, 0, SIGN_AWAY },
	{ SIGN_SIGN, SIGN_OK, SIGN_RSA_SHA256, SIGN_SIGNATURE + 1, SIGN_AWAY },
	{ SIGN_SIGN, SIGN_OK, SIGN_RSA_SHA256, 0, SIGN_AWAY },
};

static void
refusals_are_passed_on(void **state)
{
	struct bench *b = *state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal_case *c = &refusals[i];
		struct asker a = ask(b);
		struct sign_question q;
		start(&a);
		if (c->at == SIGN_SIGN)
			serve(b, SIGN_LIST);
		assert_true(take(b, &q));
		struct sign_answer answer = answer_to(&q);
		answer.status = c->status;
		answer.algorithm = c->algorithm;
		answer.length = c->length;
		give(b, &answer);
		expect(&a, c->result);
	}
}

/* What a signer that was taken over might try. */
static void
strange_answers_go_nowhere(void **state)
{
	static const struct {
		const char *selector;
		uint32_t keys;
	} answers[] = {
		{ "a;\r\nBcc: eve@b.test\r\nX", 1 },
		{ "a b", 1 },
		{ "", 1 },
		{ "one", 0 },
		{ "one", SIGN_KEYS + 1 },
	};
	struct bench *b = *state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct asker a = ask(b);
		struct sign_question q;
		start(&a);
		assert_true(take(b, &q));
		struct sign_answer answer = answer_to(&q);
		memset(answer.selector, 0, SIGN_SELECTOR);
		memcpy(answer.selector, answers[i].selector,
		    strlen(answers[i].selector));
		answer.keys = answers[i].keys;
		give(b, &answer);
		expect(&a, SIGN_AWAY);
		expect_silence(b);
	}
}

static void
too_long_a_domain_is_nobodys(void **state)
{
	struct bench *b = *state;
	char name[SIGN_DOMAIN];
	struct asker a = ask(b);
	struct sign_question q;
	memset(name, 'a', sizeof name);
	a.request.domain = (struct str){ name, sizeof name };
	start(&a);
	assert_true(take(b, &q));
	assert_string_equal(q.domain, "");
	struct sign_answer answer = answer_to(&q);
	answer.status = SIGN_NO_KEY;
	give(b, &answer);
	expect(&a, SIGN_NOT_OURS);
}

static void
silent_signer_is_asked_twice_then_away(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b);
	struct sign_question first, second;
	start(&a);
	assert_true(take(b, &first));
	fake_loop_advance(b->loop, 1999);
	expect_silence(b);
	fake_loop_advance(b->loop, 1);
	assert_true(take(b, &second));
	assert_memory_equal(&first, &second, sizeof first);
	fake_loop_advance(b->loop, 1999);
	assert_int_equal(a.done, 0);
	fake_loop_advance(b->loop, 1);
	expect(&a, SIGN_AWAY);
	expect_silence(b);
}

/* The signer was restarted with our question in its hands. */
static void
second_asking_saves_the_message(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b);
	struct sign_question lost;
	start(&a);
	serve(b, SIGN_LIST);
	assert_true(take(b, &lost));
	fake_loop_advance(b->loop, 2000);
	serve(b, SIGN_SIGN);
	expect(&a, SIGN_DONE);
}

/* One retry for each message, not for each question. */
static void
retries_do_not_add_up(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b);
	struct sign_question lost;
	start(&a);
	assert_true(take(b, &lost));
	fake_loop_advance(b->loop, 2000);
	serve(b, SIGN_LIST);
	assert_true(take(b, &lost));
	fake_loop_advance(b->loop, 2000);
	expect(&a, SIGN_AWAY);
	expect_silence(b);
}

static void
strays_are_thrown_away(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b);
	struct sign_question q;
	start(&a);
	serve(b, SIGN_LIST);
	assert_true(take(b, &q));
	struct sign_answer good = answer_to(&q), bad = good;
	bad.id++;
	give(b, &bad);
	bad = good;
	bad.digest[31] ^= 1;
	give(b, &bad);
	assert_int_equal(9, send(b->signer, "too short", 9, 0));
	fake_loop_settle(b->loop);
	assert_int_equal(a.done, 0);
	give(b, &good);
	give(b, &good); /* answered twice */
	expect(&a, SIGN_DONE);
}

/* An answer to the first asking while the second is under way. */
static void
late_answers_count(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b);
	struct sign_question q;
	start(&a);
	assert_true(take(b, &q));
	fake_loop_advance(b->loop, 2000);
	struct sign_answer answer = answer_to(&q);
	give(b, &answer);
	serve(b, SIGN_LIST); /* the second asking: now a stray */
	serve(b, SIGN_SIGN);
	expect(&a, SIGN_DONE);
}

/* The signer came back with another key between list and signature. */
static void
changed_keys_begin_again_once(void **state)
{
	struct bench *b = *state;
	for (int changes = 1; changes <= 2; changes++) {
		struct asker a = ask(b);
		struct sign_question q;
		start(&a);
		for (int i = 0; i < changes; i++) {
			serve(b, SIGN_LIST);
			assert_true(take(b, &q));
			struct sign_answer answer = answer_to(&q);
			answer.selector[0] = 'x';
			give(b, &answer);
		}
		if (changes == 1) {
			serve(b, SIGN_LIST);
			serve(b, SIGN_SIGN);
		}
		if (changes == 1)
			assert_true(str_starts(buf_str(&a.request.fields),
			    STR("DKIM-Signature:")));
		expect(&a, changes == 1 ? SIGN_DONE : SIGN_AWAY);
		expect_silence(b);
	}
}

static void
ids_start_at_random_and_do_not_repeat(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b), other = ask(b);
	struct sign_question q, next;
	start(&a);
	assert_true(take(b, &q));
	assert_true(q.id > UINT32_MAX);
	start(&other);
	assert_true(take(b, &next));
	assert_true(next.id != q.id);
	sign_cancel(&a.request);
	sign_cancel(&other.request);
}

/* ---- many at once ---- */

static void
serve_all(struct bench *b)
{
	struct sign_question q;
	while (take(b, &q)) {
		struct sign_answer a = answer_to(&q);
		give(b, &a);
	}
}

static void
many_wait_for_a_full_socket(void **state)
{
	struct bench *b = *state;
	struct asker *all = mem_array(NULL, MANY, sizeof *all);
	for (int i = 0; i < MANY; i++) {
		all[i] = ask(b);
		start(&all[i]);
	}
	serve_all(b);
	for (int i = 0; i < MANY; i++)
		expect(&all[i], SIGN_DONE);
	free(all);
}

/* 5 ms for each question: the last ones wait for ten seconds, but not for their
   answer. */
static void
slow_signer_serves_all(void **state)
{
	struct bench *b = *state;
	struct asker *all = mem_array(NULL, MANY / 2, sizeof *all);
	struct sign_question q;
	for (int i = 0; i < MANY / 2; i++) {
		all[i] = ask(b);
		start(&all[i]);
	}
	while (take(b, &q)) {
		struct sign_answer a = answer_to(&q);
		fake_loop_advance(b->loop, 5);
		give(b, &a);
	}
	for (int i = 0; i < MANY / 2; i++)
		expect(&all[i], SIGN_DONE);
	free(all);
}

/* All of them within the time that the number in flight allows. */
static void
many_do_not_wait_for_ever(void **state)
{
	struct bench *b = *state;
	struct asker *all = mem_array(NULL, MANY, sizeof *all);
	for (int i = 0; i < MANY; i++) {
		all[i] = ask(b);
		start(&all[i]);
	}
	fake_loop_advance(b->loop, 4000 * (MANY / 256 + 1));
	for (int i = 0; i < MANY; i++)
		expect(&all[i], SIGN_AWAY);
	/* the signer comes back and finds only what nobody waits for */
	serve_all(b);
	struct asker a = ask(b);
	start(&a);
	serve(b, SIGN_LIST);
	serve(b, SIGN_SIGN);
	expect(&a, SIGN_DONE);
	free(all);
}

/* ---- leaving ---- */

static void
cancelled_requests_hear_nothing(void **state)
{
	struct bench *b = *state;
	struct asker idle = ask(b), a = ask(b), signing = ask(b);
	struct sign_question q;
	sign_cancel(&idle.request);
	start(&a);
	sign_cancel(&a.request);
	sign_cancel(&a.request);
	serve(b, SIGN_LIST);
	start(&signing);
	serve(b, SIGN_LIST);
	assert_true(take(b, &q));
	sign_cancel(&signing.request);
	struct sign_answer late = answer_to(&q);
	give(b, &late);
	fake_loop_advance(b->loop, 10000);
	assert_int_equal(a.done + signing.done, 0);
	assert_int_equal(signing.request.fields.n, 0);
}

static void
freed_channel_cancels_all(void **state)
{
	struct bench *b = *state;
	struct asker *all = mem_array(NULL, MANY, sizeof *all);
	for (int i = 0; i < MANY; i++) {
		all[i] = ask(b);
		start(&all[i]);
	}
	sign_channel_free(b->channel);
	b->channel = NULL;
	fake_loop_advance(b->loop, 10000);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(all[i].done, 0);
		assert_null(all[i].request.work);
	}
	free(all);
}

static void
channel_may_be_freed_by_whom_it_answers(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b), other = ask(b);
	a.frees = true;
	start(&a);
	start(&other);
	serve(b, SIGN_LIST);
	serve(b, SIGN_LIST);
	serve(b, SIGN_SIGN);
	expect(&a, SIGN_DONE);
	assert_null(b->channel);
	assert_int_equal(other.done, 0);
}

/* PID 1 keeps both ends, so this is the end of all; but nobody may hang. */
static void
closed_socket_ends_in_away(void **state)
{
	struct bench *b = *state;
	struct asker a = ask(b), later = ask(b);
	start(&a);
	close(b->signer);
	b->signer = -1;
	fake_loop_settle(b->loop);
	start(&later);
	fake_loop_advance(b->loop, 4000);
	expect(&a, SIGN_AWAY);
	expect(&later, SIGN_AWAY);
}

#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(field_is_written_as_promised),
		BENCH_TEST(headers_are_signed_and_over_signed),
		BENCH_TEST(every_key_makes_a_field),
		BENCH_TEST(refusals_are_passed_on),
		BENCH_TEST(strange_answers_go_nowhere),
		BENCH_TEST(too_long_a_domain_is_nobodys),
		BENCH_TEST(silent_signer_is_asked_twice_then_away),
		BENCH_TEST(second_asking_saves_the_message),
		BENCH_TEST(retries_do_not_add_up),
		BENCH_TEST(strays_are_thrown_away),
		BENCH_TEST(late_answers_count),
		BENCH_TEST(changed_keys_begin_again_once),
		BENCH_TEST(ids_start_at_random_and_do_not_repeat),
		BENCH_TEST(many_wait_for_a_full_socket),
		BENCH_TEST(slow_signer_serves_all),
		BENCH_TEST(many_do_not_wait_for_ever),
		BENCH_TEST(cancelled_requests_hear_nothing),
		BENCH_TEST(freed_channel_cancels_all),
		BENCH_TEST(channel_may_be_freed_by_whom_it_answers),
		BENCH_TEST(closed_socket_ends_in_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
