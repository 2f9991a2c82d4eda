/* Questions to web, whose end of the pair is played here, and the records
   between both. */
#include "lib/net/fetch.h"

#include "lib/base/arena.h"
#include "lib/net/fetch_wire.h"
#include "tests/fakes/loop.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MANY = 100,
	/* places, and how many of them an answer may keep for a minute */
	AWAITED = 24,
	AWAITED_PATIENT = 12,
	AHEAD = 4,
	POSTED = 4,
	DAMAGED = 12, /* ways to damage a question */
};

static struct loop *loop;
static struct fetch_channel *channel;
static int ours, web; /* the two ends */
static struct buf record;

static int
setup(void **state)
{
	(void)state;
	int ends[2];
	loop = loop_new();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	channel = fetch_channel_new(loop, ends[0]);
	ours = ends[0];
	web = ends[1];
	fetch_wire_prepare(web);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fetch_channel_free(channel);
	loop_free(loop);
	if (web >= 0)
		close(web);
	buf_free(&record);
	return 0;
}

/* ---- both ends ---- */

struct asker {
	struct fetch fetch;
	unsigned done;
	bool frees; /* the channel */
	struct arena arena;
	struct str type, content;
};

static void
on_done(struct fetch *fetch)
{
	struct asker *a = container_of(fetch, struct asker, fetch);
	a->done++;
	if (a->frees) {
		fetch_channel_free(channel);
		channel = NULL;
	}
	a->type = arena_str(&a->arena, fetch->content_type);
	a->content = arena_str(&a->arena, fetch->content);
}

static void
start_at(struct asker *a, const char *host, bool ahead)
{
	*a = (struct asker){
		.fetch = {
		    .host = str_of(host),
		    .ahead = ahead,
		    .path = STR("/.well-known/mta-sts.txt"),
		    .port = 443,
		    .count = 1,
		    .ips = { { .family = 4, .bytes = { 192, 0, 2, 1 } } },
		},
	};
	fetch_start(channel, &a->fetch, on_done);
	assert_int_equal(a->done, 0); /* never from within the start */
}

static void
start(struct asker *a)
{
	start_at(a, "mta-sts.a.test", false);
}

static bool
hear(struct fetch_question *q, struct str *body)
{
	int got = fetch_wire_receive(web, &record, FETCH_QUESTION_MAX);
	if (got > 0)
		assert_true(fetch_question_read(buf_str(&record), q, body));
	return got > 0;
}

static struct fetch_question
next(void)
{
	struct fetch_question q;
	struct str body;
	assert_true(hear(&q, &body));
	return q;
}

static struct fetch_answer
answer_to(const struct fetch_question *q)
{
	return (struct fetch_answer){
		.id = q->id,
		.result = FETCH_DONE,
		.status = 200,
		.type = "text/plain",
	};
}

static void
say(struct fetch_answer a, struct str content)
{
	a.length = (uint32_t)content.n;
	assert_true(fetch_wire_send(web, &a, sizeof a, content));
	fake_loop_settle(loop);
}

/* ---- the channel ---- */

static void
a_question_gets_its_answer(void **state)
{
	(void)state;
	struct asker a;
	start(&a);
	struct fetch_question q = next();
	assert_string_equal(q.host, "mta-sts.a.test");
	assert_string_equal(q.path, "/.well-known/mta-sts.txt");
	assert_int_equal(q.port, 443);
	assert_int_equal(q.post, 0);
	assert_int_equal(q.count, 1);
	assert_true(ip_eq(q.ips[0], a.fetch.ips[0]));
	say(answer_to(&q), STR("version: STSv1\n"));
	assert_int_equal(a.done, 1);
	assert_int_equal(a.fetch.result, FETCH_DONE);
	assert_int_equal(a.fetch.status, 200);
	assert_str(a.type, STR("text/plain"));
	assert_str(a.content, STR("version: STSv1\n"));
	arena_free(&a.arena);
}

static void
the_largest_records_fit(void **state)
{
	(void)state;
	struct asker a;
	struct str body;
	struct fetch_question q;
	char *most = calloc(1, FETCH_POST);
	assert_non_null(most);
	a = (struct asker){
		.fetch = {
		    .host = STR("a.test"),
		    .path = STR("/"),
		    .port = 443,
		    .count = FETCH_IPS,
		    .post = true,
		    .body = { most, FETCH_POST },
		    .type = STR("application/tlsrpt+gzip"),
		},
	};
	for (int i = 0; i < FETCH_IPS; i++)
		a.fetch.ips[i].family = 6;
	fetch_start(channel, &a.fetch, on_done);
	assert_true(hear(&q, &body));
	assert_int_equal(body.n, FETCH_POST);
	assert_string_equal(q.type, "application/tlsrpt+gzip");
	say(answer_to(&q), (struct str){ most, FETCH_BODY });
	assert_int_equal(a.done, 1);
	assert_int_equal(a.content.n, FETCH_BODY);
	arena_free(&a.arena);
	free(most);
}

static void
answers_come_in_any_order(void **state)
{
	(void)state;
	struct asker a, b;
	start(&a);
	start(&b);
	struct fetch_question first = next(), second = next();
	say(answer_to(&second), STR("b"));
	assert_true(a.done == 0 && b.done == 1);
	say(answer_to(&first), STR("a"));
	assert_str(a.content, STR("a"));
	assert_str(b.content, STR("b"));
	arena_free(&a.arena);
	arena_free(&b.arena);
}

static void
what_does_not_match_is_thrown_away(void **state)
{
	(void)state;
	struct asker a;
	start(&a);
	struct fetch_question q = next();
	struct fetch_answer stray = answer_to(&q);
	stray.id++;
	say(stray, STR("stray"));
	assert_int_equal(a.done, 0);
	say(answer_to(&q), STR("right"));
	say(answer_to(&q), STR("again"));
	assert_int_equal(a.done, 1);
	assert_str(a.content, STR("right"));
	arena_free(&a.arena);
}

static void
ids_begin_anywhere(void **state)
{
	(void)state;
	struct asker a;
	start(&a);
	assert_true(next().id > 1000); /* with a chance of 2^-54 it isn't */
	fetch_cancel(&a.fetch);
}

static void
without_an_answer_web_is_away(void **state)
{
	(void)state;
	struct asker a;
	start(&a);
	struct fetch_question q = next();
	fake_loop_advance(loop, FETCH_MS);
	assert_int_equal(a.done, 0);
	fake_loop_advance(loop, 5000);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.fetch.result, FETCH_AWAY);
	say(answer_to(&q), STR("late"));
	assert_int_equal(a.done, 1);
	arena_free(&a.arena);
}

static void
one_that_is_cancelled_hears_nothing(void **state)
{
	(void)state;
	struct asker a;
	start(&a);
	struct fetch_question q = next();
	fetch_cancel(&a.fetch);
	fetch_cancel(&a.fetch);
	say(answer_to(&q), STR("late"));
	fake_loop_advance(loop, 2 * FETCH_MS);
	assert_int_equal(a.done, 0);
}

/* How many questions there are; the last one is left in q. */
static unsigned
hear_all(struct fetch_question *q)
{
	struct str body;
	unsigned count = 0;
	while (hear(q, &body))
		count++;
	return count;
}

static void
cancel_all(struct asker *askers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fetch_cancel(&askers[i].fetch);
		arena_free(&askers[i].arena);
	}
}

static void
few_are_asked_at_a_time(void **state)
{
	(void)state;
	static struct asker askers[MANY];
	struct fetch_question q;
	unsigned asked, done = 0;
	for (int i = 0; i < MANY; i++)
		start(&askers[i]);
	asked = hear_all(&q);
	assert_int_equal(asked, AWAITED);
	for (; asked < MANY; asked++) {
		say(answer_to(&q), STR(""));
		assert_int_equal(hear_all(&q), 1);
	}
	fake_loop_advance(loop, 2 * FETCH_MS);
	for (int i = 0; i < MANY; i++)
		done += askers[i].done;
	assert_int_equal(done, MANY);
	cancel_all(askers, MANY);
}

static void
what_web_is_at_keeps_its_place(void **state)
{
	(void)state;
	static struct asker askers[AWAITED + 1];
	struct fetch_question q;
	for (int i = 0; i < AWAITED; i++)
		start(&askers[i]);
	assert_int_equal(hear_all(&q), AWAITED);
	fetch_cancel(&askers[AWAITED - 1].fetch); /* the last that was asked */
	start(&askers[AWAITED]);
	struct fetch_question none;
	assert_int_equal(hear_all(&none), 0);
	say(answer_to(&q), STR("late"));
	assert_int_equal(hear_all(&q), 1);
	say(answer_to(&q), STR(""));
	assert_int_equal(askers[AWAITED - 1].done, 0);
	assert_int_equal(askers[AWAITED].done, 1);
	cancel_all(askers, AWAITED + 1);
}

/* ---- stalling hosts ---- */

static void
with_half_the_places_taken_patience_ends(void **state)
{
	(void)state;
	static struct asker askers[AWAITED];
	struct asker late;
	struct fetch_question q;
	for (int i = 0; i < AWAITED; i++) {
		start(&askers[i]);
		assert_int_equal(
		    next().ms, i < AWAITED_PATIENT ? FETCH_MS : FETCH_BRIEF_MS);
	}
	start(&late);
	/* none of them ever answers, and web doesn't say so */
	fake_loop_advance(loop, FETCH_BRIEF_MS + 5000);
	assert_int_equal(hear_all(&q), 1);
	say(answer_to(&q), STR("late"));
	assert_str(late.content, STR("late"));
	assert_int_equal(askers[0].done, 0);
	assert_int_equal(askers[AWAITED - 1].done, 1);
	arena_free(&late.arena);
	cancel_all(askers, AWAITED);
}

static void
a_stranger_goes_before_many_neighbours(void **state)
{
	(void)state;
	static struct asker askers[MANY];
	static char hosts[MANY][32];
	struct asker late;
	struct fetch_question q;
	for (int i = 0; i < MANY; i++) {
		snprintf(hosts[i], sizeof *hosts, "mta-sts.d%d.evil.test", i);
		start_at(&askers[i], hosts[i], false);
	}
	assert_int_equal(hear_all(&q), AWAITED);
	start_at(&late, "mta-sts.good.test", false);
	say(answer_to(&q), STR(""));
	assert_string_equal(next().host, "mta-sts.good.test");
	fetch_cancel(&late.fetch);
	/* and among neighbours those who came first */
	q.id--;
	say(answer_to(&q), STR(""));
	assert_string_equal(next().host, hosts[AWAITED]);
	cancel_all(askers, MANY);
}

static void
what_nobody_waits_for_has_places_of_its_own(void **state)
{
	(void)state;
	static struct asker ahead[MANY], awaited[MANY];
	struct fetch_question q;
	for (int i = 0; i < MANY; i++)
		start_at(&ahead[i], "mta-sts.a.test", true);
	assert_int_equal(hear_all(&q), AHEAD);
	for (int i = 0; i < MANY; i++)
		start(&awaited[i]);
	assert_int_equal(hear_all(&q), AWAITED);
	cancel_all(ahead, MANY);
	cancel_all(awaited, MANY);
}

/* However long the others take: it isn't a failure of the host. */
static void
nobody_fails_for_want_of_a_place_within_minutes(void **state)
{
	(void)state;
	static struct asker askers[MANY];
	struct fetch_question q;
	unsigned asked = 0, done = 0;
	for (int i = 0; i < MANY; i++)
		start(&askers[i]);
	for (int s = 0; s < FETCH_WAIT_MS / 1000; s++) {
		asked += hear_all(&q);
		fake_loop_advance(loop, 1000);
	}
	assert_int_equal(asked, MANY);
	fake_loop_advance(loop, 2 * FETCH_MS);
	for (int i = 0; i < MANY; i++)
		done += askers[i].done;
	assert_int_equal(done, MANY);
	cancel_all(askers, MANY);
}

static void
the_wait_for_a_place_ends(void **state)
{
	(void)state;
	struct asker a;
	int room = 1;
	setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	while (send(ours, "", 1, MSG_DONTWAIT) > 0)
		continue; /* web reads nothing any more */
	start(&a);
	fake_loop_advance(loop, FETCH_WAIT_MS - 1);
	assert_int_equal(a.done, 0);
	fake_loop_advance(loop, 1);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.fetch.result, FETCH_AWAY);
	arena_free(&a.arena);
}

/* ---- a web that starts anew ---- */

static void
web_starts(void)
{
	say((struct fetch_answer){ .id = FETCH_START }, STR(""));
}

static void
a_web_that_starts_is_asked_again(void **state)
{
	(void)state;
	struct asker a, b;
	web_starts(); /* there is nothing to ask */
	start(&a);
	start(&b);
	fetch_cancel(&b.fetch);
	struct fetch_question q = next(), cut = next();
	fake_loop_advance(loop, FETCH_MS);
	web_starts();
	struct fetch_question again = next();
	assert_true(again.id != q.id && again.id != cut.id);
	assert_string_equal(again.host, q.host);
	assert_int_equal(again.ms, FETCH_MS);
	assert_int_equal(hear_all(&q), 0); /* nobody wants the other any more */
	fake_loop_advance(loop, FETCH_MS); /* which begins anew */
	assert_int_equal(a.done, 0);
	say(answer_to(&again), STR("good"));
	assert_int_equal(a.done, 1);
	assert_str(a.content, STR("good"));
	arena_free(&a.arena);
}

static void
what_stops_web_twice_is_not_asked_again(void **state)
{
	(void)state;
	struct asker a, b;
	struct fetch_question q;
	start(&a);
	next();
	web_starts();
	next();
	web_starts();
	fake_loop_advance(loop, 1);
	assert_int_equal(hear_all(&q), 0);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.fetch.result, FETCH_AWAY);
	start(&b);
	q = next();
	say(answer_to(&q), STR("good"));
	assert_str(b.content, STR("good"));
	arena_free(&a.arena);
	arena_free(&b.arena);
}

/* ---- reports ---- */

static void
post(struct asker *a, struct str body)
{
	*a = (struct asker){
		.fetch = {
		    .host = STR("reports.test"),
		    .path = STR("/"),
		    .port = 443,
		    .count = 1,
		    .ips = { { .family = 4, .bytes = { 192, 0, 2, 2 } } },
		    .post = true,
		    .body = body,
		},
	};
	fetch_start(channel, &a->fetch, on_done);
}

static void
reports_keep_no_policy_waiting(void **state)
{
	(void)state;
	static struct asker askers[MANY];
	struct asker a;
	struct fetch_question q;
	for (int i = 0; i < MANY; i++)
		post(&askers[i], STR("report"));
	assert_int_equal(hear_all(&q), POSTED);
	assert_int_equal(q.ms, FETCH_MS);
	start(&a);
	assert_string_equal(next().host, "mta-sts.a.test");
	say(answer_to(&q), STR(""));
	assert_string_equal(next().host, "reports.test");
	fetch_cancel(&a.fetch);
	cancel_all(askers, MANY);
}

static void
what_the_socket_has_no_room_for_fails_alone(void **state)
{
	(void)state;
	struct asker a, b;
	int room = 4096;
	char *much = calloc(1, FETCH_POST);
	assert_non_null(much);
	setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	post(&a, (struct str){ much, FETCH_POST });
	fake_loop_advance(loop, 1);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.fetch.result, FETCH_AWAY);
	start(&b);
	assert_string_equal(next().host, "mta-sts.a.test");
	fetch_cancel(&b.fetch);
	arena_free(&a.arena);
	free(much);
}

static void
what_no_record_can_say_fails(void **state)
{
	(void)state;
	static const struct {
		const char *host, *path;
		size_t count;
	} cases[] = {
		{ "a.test", "no-slash", 1 },
		{ "a.test", "/with space", 1 },
		{ "a.test", "/with\r\nX-Field: y", 1 },
		{ "a.test:25", "/", 1 },
		{ "", "/", 1 },
		{ "a.test", "/", FETCH_IPS + 1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct asker a = { .fetch.port = 443 };
		a.fetch.host = str_of(cases[i].host);
		a.fetch.path = str_of(cases[i].path);
		a.fetch.count = cases[i].count;
		fetch_start(channel, &a.fetch, on_done);
		assert_int_equal(a.done, 0);
		fake_loop_advance(loop, 1);
		assert_int_equal(a.done, 1);
		assert_int_equal(a.fetch.result, FETCH_AWAY);
		arena_free(&a.arena);
	}
	assert_int_equal(
	    fetch_wire_receive(web, &record, FETCH_QUESTION_MAX), 0);
}

static void
done_may_free_the_channel(void **state)
{
	(void)state;
	struct asker a, b;
	start(&a);
	start(&b);
	a.frees = true;
	struct fetch_question q = next();
	say(answer_to(&q), STR("content"));
	assert_true(a.done == 1 && b.done == 0);
	assert_str(a.content, STR("content"));
	arena_free(&a.arena);
}

static void
the_end_of_the_other_side_is_survived(void **state)
{
	(void)state;
	struct asker a;
	close(web);
	web = -1;
	start(&a);
	fake_loop_settle(loop);
	fake_loop_advance(loop, 1);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.fetch.result, FETCH_AWAY);
	arena_free(&a.arena);
}

/* ---- hostile answers ---- */

static void
damaged_answers_are_thrown_away(void **state)
{
	(void)state;
	struct asker a;
	start(&a);
	struct fetch_question q = next();
	struct fetch_answer bad[6];
	for (int i = 0; i < 6; i++)
		bad[i] = answer_to(&q);
	bad[0].result = FETCH_AWAY;
	bad[1].result = UINT32_MAX;
	bad[2].status = 1000;
	memset(bad[3].type, 'a', FETCH_TYPE);
	bad[4].type[0] = '\n';
	for (int i = 0; i < 5; i++)
		say(bad[i], STR(""));
	bad[5].length = 4; /* more than there is */
	assert_true(fetch_wire_send(web, &bad[5], sizeof bad[5], STR("abc")));
	assert_true(fetch_wire_send(web, &q.id, sizeof q.id, STR("")));
	fake_loop_settle(loop);
	assert_int_equal(a.done, 0);
	say(answer_to(&q), STR("good"));
	assert_int_equal(a.done, 1);
	arena_free(&a.arena);
}

static void
a_larger_answer_is_thrown_away(void **state)
{
	(void)state;
	struct asker a;
	char *much = calloc(1, FETCH_BODY + 1);
	assert_non_null(much);
	start(&a);
	struct fetch_question q = next();
	say(answer_to(&q), (struct str){ much, FETCH_BODY + 1 });
	assert_int_equal(a.done, 0);
	free(much);
	fetch_cancel(&a.fetch);
}

/* ---- questions as web reads them ---- */

static void
damaged_questions_are_none(void **state)
{
	(void)state;
	struct asker a;
	struct fetch_question read;
	struct str body;
	start(&a);
	struct fetch_question good = next(), bad[DAMAGED];
	for (int i = 0; i < DAMAGED; i++)
		bad[i] = good;
	bad[0].port = 0;
	bad[1].count = 0;
	bad[2].count = FETCH_IPS + 1;
	bad[3].ips[0].family = 0;
	bad[4].post = 2;
	bad[5].length = 1;
	memset(bad[6].host, 'a', FETCH_HOST);
	memset(bad[7].path, '/', FETCH_PATH);
	bad[8].host[0] = '/';
	bad[9].ms = 0;
	bad[10].ms = FETCH_MS + 1;
	bad[11].id = FETCH_START;
	for (int i = 0; i < DAMAGED; i++) {
		struct str text = { (const char *)&bad[i], sizeof bad[i] };
		assert_false(fetch_question_read(text, &read, &body));
	}
	struct str text = { (const char *)&good, sizeof good };
	assert_true(fetch_question_read(text, &read, &body));
	text.n--;
	assert_false(fetch_question_read(text, &read, &body));
	fetch_cancel(&a.fetch);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_question_gets_its_answer),
		TEST(the_largest_records_fit),
		TEST(answers_come_in_any_order),
		TEST(what_does_not_match_is_thrown_away),
		TEST(ids_begin_anywhere),
		TEST(without_an_answer_web_is_away),
		TEST(one_that_is_cancelled_hears_nothing),
		TEST(few_are_asked_at_a_time),
		TEST(what_web_is_at_keeps_its_place),
		TEST(with_half_the_places_taken_patience_ends),
		TEST(a_stranger_goes_before_many_neighbours),
		TEST(what_nobody_waits_for_has_places_of_its_own),
		TEST(nobody_fails_for_want_of_a_place_within_minutes),
		TEST(the_wait_for_a_place_ends),
		TEST(a_web_that_starts_is_asked_again),
		TEST(what_stops_web_twice_is_not_asked_again),
		TEST(reports_keep_no_policy_waiting),
		TEST(what_the_socket_has_no_room_for_fails_alone),
		TEST(what_no_record_can_say_fails),
		TEST(done_may_free_the_channel),
		TEST(the_end_of_the_other_side_is_survived),
		TEST(damaged_answers_are_thrown_away),
		TEST(a_larger_answer_is_thrown_away),
		TEST(damaged_questions_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
