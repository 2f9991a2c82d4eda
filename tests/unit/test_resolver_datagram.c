#include "lib/net/resolver_datagram.h"

#include "tests/unit/assert_str.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define QUERY \
	"\x12\x34\x01\x00" \
	"and so on"
#define ANSWER \
	"\x12\x34\x81\x80" \
	"and so on, then the records"

static struct loop *loop;
static int server;
static uint16_t port;
static struct ip local = { 4, { 127, 0, 0, 1 } };
static struct datagram datagram;
static char got[64];
static size_t got_size;
static bool got_none;
static struct sockaddr_storage client;
static socklen_t client_size;

static int
set_up(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	socklen_t size = ip_to_sockaddr(local, 0, &address);
	loop = loop_new();
	server = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&address, size), 0);
	getsockname(server, (struct sockaddr *)&address, &size);
	ip_from_sockaddr((struct sockaddr *)&address, &port);
	datagram = (struct datagram){ 0 };
	got_size = 0;
	got_none = false;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	datagram_cancel(&datagram);
	if (server >= 0)
		close(server);
	loop_free(loop);
	return 0;
}

static void
on_answered(struct datagram *d, struct str message)
{
	assert_ptr_equal(d, &datagram);
	got_none = !message.p;
	got_size = message.n < sizeof got ? message.n : sizeof got;
	if (message.p)
		memcpy(got, message.p, got_size);
	loop_stop(loop);
}

static void
ask(void)
{
	char bytes[64];
	datagram_start(&datagram, loop, local, port, STR(QUERY), on_answered);
	client_size = sizeof client;
	ssize_t n = recvfrom(server, bytes, sizeof bytes, 0,
	    (struct sockaddr *)&client, &client_size);
	assert_true(n > 0);
	assert_str(((struct str){ bytes, (size_t)n }), STR(QUERY));
}

static void
reply(struct str message)
{
	assert_int_equal(sendto(server, message.p, message.n, 0,
			     (struct sockaddr *)&client, client_size),
	    message.n);
}

static void
the_answer_comes(void **state)
{
	(void)state;
	ask();
	reply(STR(ANSWER));
	loop_run(loop);
	assert_str(((struct str){ got, got_size }), STR(ANSWER));
}

/* Another id, a question, too short: the right one may still come. */
static void
what_is_no_answer_is_passed_over(void **state)
{
	(void)state;
	ask();
	reply(STR("\x12\x35\x81\x80"
		  "and so on"));
	reply(STR(QUERY));
	reply(STR("\x12\x34\x81"));
	reply(STR(""));
	reply(STR(ANSWER));
	loop_run(loop);
	assert_str(((struct str){ got, got_size }), STR(ANSWER));
}

static void
nobody_there_is_no_answer(void **state)
{
	(void)state;
	ask();
	close(server);
	server = -1;
	datagram_cancel(&datagram);
	datagram_start(&datagram, loop, local, port, STR(QUERY), on_answered);
	loop_run(loop);
	assert_true(got_none);
}

static void
who_has_cancelled_hears_nothing(void **state)
{
	(void)state;
	ask();
	reply(STR(ANSWER));
	datagram_cancel(&datagram);
	datagram_cancel(&datagram);
	assert_int_equal(got_size, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_answer_comes),
		TEST(what_is_no_answer_is_passed_over),
		TEST(nobody_there_is_no_answer),
		TEST(who_has_cancelled_hears_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
