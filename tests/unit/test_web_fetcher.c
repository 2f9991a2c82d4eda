/* web's half: questions in, libcurl behind them, on the real loop; the hosts
   are listening sockets of the test. */
#include "web/fetcher.h"

#include "lib/base/arena.h"
#include "tests/unit/assert_str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	AT_A_TIME = FETCH_PLACES,
	DEADLINE_MS = 20000, /* of a test: then something hangs */
};

static struct loop *loop;
static struct multi *multi;
static struct fetcher *fetcher;
static struct transfer_rules rules;
static int smtpd, listener;
static uint16_t port;
static struct timer deadline;
static bool gone;
static struct buf record;

static void
on_gone(void)
{
	gone = true;
	loop_stop(loop);
}

/* web's first word. */
static bool
hear_start(void)
{
	struct fetch_answer a;
	struct str content;
	return fetch_wire_receive(smtpd, &record, FETCH_ANSWER_MAX) == 1 &&
	    fetch_answer_read(buf_str(&record), &a, &content) &&
	    a.id == FETCH_START && content.n == 0;
}

static int
setup(void **state)
{
	(void)state;
	int ends[2];
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof in;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&in, sizeof in) != 0 ||
	    listen(listener, 64) != 0 ||
	    getsockname(listener, (struct sockaddr *)&in, &size) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
		return -1;
	port = ntohs(in.sin_port);
	loop = loop_new();
	multi = multi_new(loop);
	rules =
	    (struct transfer_rules){ .private_allowed = true, .ca_file = "" };
	gone = false;
	fetcher = fetcher_new(loop, multi, ends[0], &rules, on_gone);
	smtpd = ends[1];
	fetch_wire_prepare(smtpd);
	return hear_start() ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	fetcher_free(fetcher);
	multi_free(multi);
	timer_stop(&deadline);
	loop_free(loop);
	close(listener);
	if (smtpd >= 0)
		close(smtpd);
	buf_free(&record);
	return 0;
}

/* ---- both ends ---- */

static struct fetch_question
question(const char *host, const char *address)
{
	struct fetch_question q = {
		.id = 7,
		.ms = FETCH_MS,
		.port = port,
		.count = 1,
	};
	assert_true(fetch_wire_set_host(&q, str_of(host)));
	assert_true(fetch_wire_set_path(&q, STR("/policy")));
	assert_true(ip_parse(str_of(address), &q.ips[0]));
	return q;
}

static void
say(struct fetch_question q)
{
	assert_true(fetch_wire_send(smtpd, &q, sizeof q, STR("")));
}

static void
on_deadline(struct timer *timer)
{
	(void)timer;
	abort();
}

static void
on_readable(struct watch *watch, bool readable, bool writable)
{
	(void)watch, (void)readable, (void)writable;
	loop_stop(loop);
}

/* Until that descriptor can be read. */
static void
run_until(int fd)
{
	struct watch watch = { 0 };
	timer_start(&deadline, loop, DEADLINE_MS, on_deadline);
	watch_start(&watch, loop, fd, true, false, on_readable);
	loop_run(loop);
	watch_stop(&watch);
}

static struct fetch_answer
hear(void)
{
	struct fetch_answer a;
	struct str content;
	run_until(smtpd);
	assert_int_equal(
	    fetch_wire_receive(smtpd, &record, FETCH_ANSWER_MAX), 1);
	assert_true(fetch_answer_read(buf_str(&record), &a, &content));
	assert_int_equal(content.n, 0);
	return a;
}

/* Whether somebody has connected; that connection is closed at once. */
static bool
was_connected(void)
{
	int fd = accept(listener, NULL, NULL);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- where it connects ---- */

static const struct {
	bool allowed;
	const char *host, *address;
} refused[] = {
	{ false, "a.test", "127.0.0.1" },
	{ false, "localhost", "127.0.0.1" },
	{ false, "127.0.0.1", "127.0.0.1" },
	{ false, "a.test", "::1" },
	{ false, "a.test", "10.0.0.1" },
	/* the host's own address isn't the one in the question */
	{ true, "127.0.0.1", "192.0.2.1" },
	{ true, "0x7f000001", "192.0.2.1" },
	{ true, "127.1", "192.0.2.1" },
};

static void
it_connects_to_what_it_is_told_and_may(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		rules.private_allowed = refused[i].allowed;
		say(question(refused[i].host, refused[i].address));
		struct fetch_answer a = hear();
		assert_int_equal(a.id, 7);
		assert_int_equal(a.result, FETCH_NO_CONNECTION);
		assert_false(was_connected());
	}
}

static void
on_accepted(struct watch *watch, bool readable, bool writable)
{
	(void)readable, (void)writable;
	assert_true(was_connected());
	watch_stop(watch);
}

static void
names_are_never_looked_up(void **state)
{
	(void)state;
	struct watch watch = { 0 };
	watch_start(&watch, loop, listener, true, false, on_accepted);
	say(question("nobody-has-this-name.test", "127.0.0.1"));
	assert_int_equal(hear().result, FETCH_TLS); /* it was closed */
	assert_null(watch.reader);
}

static void
on_garbage(struct watch *watch, bool readable, bool writable)
{
	(void)readable, (void)writable;
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19), 19);
	close(fd);
	watch_stop(watch);
}

static void
plain_text_is_not_taken(void **state)
{
	(void)state;
	struct watch watch = { 0 };
	watch_start(&watch, loop, listener, true, false, on_garbage);
	say(question("a.test", "127.0.0.1"));
	assert_int_equal(hear().result, FETCH_TLS);
}

static void
it_takes_as_long_as_it_is_told(void **state)
{
	(void)state;
	struct fetch_question q = question("a.test", "127.0.0.1");
	q.ms = 200;
	say(q); /* nobody accepts, nobody answers */
	assert_int_equal(hear().result, FETCH_TIMEOUT);
	assert_true(was_connected());
}

/* ---- the channel ---- */

static void
what_was_asked_before_the_start_is_not_answered(void **state)
{
	(void)state;
	struct fetch_question old = question("a.test", "127.0.0.1");
	int ends[2];
	fetcher_free(fetcher);
	fetcher = NULL;
	close(smtpd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	smtpd = ends[1];
	fetch_wire_prepare(smtpd);
	old.id = 1;
	say(old);
	say(old);
	rules.private_allowed = false;
	fetcher = fetcher_new(loop, multi, ends[0], &rules, on_gone);
	assert_true(hear_start());
	say(question("a.test", "127.0.0.1"));
	assert_int_equal(hear().id, 7);
}

static void
what_is_no_question_is_skipped(void **state)
{
	(void)state;
	struct fetch_question bad = question("a.test", "127.0.0.1");
	bad.id = 1;
	bad.path[0] = 0;
	say(bad);
	assert_true(fetch_wire_send(smtpd, "x", 1, STR("")));
	rules.private_allowed = false;
	say(question("a.test", "127.0.0.1"));
	assert_int_equal(hear().id, 7);
}

/* Those that are accepted stay open and silent. */
static int held[AT_A_TIME + 1];
static size_t held_count;

static void
on_hold(struct watch *watch, bool readable, bool writable)
{
	(void)watch, (void)readable, (void)writable;
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0 && held_count <= AT_A_TIME);
	held[held_count++] = fd;
	loop_stop(loop);
}

static void
the_rest_waits_in_the_socket(void **state)
{
	(void)state;
	struct watch watch = { 0 };
	held_count = 0;
	watch_start(&watch, loop, listener, true, false, on_hold);
	timer_start(&deadline, loop, DEADLINE_MS, on_deadline);
	while (held_count < AT_A_TIME) {
		say(question("a.test", "127.0.0.1"));
		loop_run(loop);
	}
	say(question("a.test", "127.0.0.1"));
	assert_false(was_connected());
	close(held[0]);
	loop_run(loop);
	assert_int_equal(held_count, AT_A_TIME + 1);
	watch_stop(&watch);
	for (size_t i = 1; i < held_count; i++)
		close(held[i]);
}

static void
the_end_of_the_other_side_is_told(void **state)
{
	(void)state;
	close(smtpd);
	smtpd = -1;
	timer_start(&deadline, loop, DEADLINE_MS, on_deadline);
	loop_run(loop);
	assert_true(gone);
}

static void
the_end_cancels_what_is_under_way(void **state)
{
	(void)state;
	say(question("a.test", "127.0.0.1"));
	run_until(listener);
	fetcher_free(fetcher);
	fetcher = NULL;
	assert_true(was_connected());
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_connects_to_what_it_is_told_and_may),
		TEST(names_are_never_looked_up),
		TEST(plain_text_is_not_taken),
		TEST(it_takes_as_long_as_it_is_told),
		TEST(what_was_asked_before_the_start_is_not_answered),
		TEST(what_is_no_question_is_skipped),
		TEST(the_rest_waits_in_the_socket),
		TEST(the_end_of_the_other_side_is_told),
		TEST(the_end_cancels_what_is_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
