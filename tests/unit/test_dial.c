#include "lib/net/dial.h"
#include "lib/net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;

struct caller {
	struct dial dial;
	unsigned done;
};

static void
on_dialled(struct dial *dial)
{
	container_of(dial, struct caller, dial)->done++;
	loop_stop(loop);
}

struct door {
	struct listener listener;
	uint16_t port;
	unsigned accepted;
	int fd; /* the last */
	struct ip peer;
};

static void
on_accepted(struct listener *listener, int fd, struct ip peer)
{
	struct door *door = container_of(listener, struct door, listener);
	door->accepted++;
	door->fd = fd;
	door->peer = peer;
	loop_stop(loop);
}

static struct ip
ip_of(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(str_of(text), &ip));
	return ip;
}

/* Listens on that address, any port; -1 when the host doesn't have it. */
static int
listen_on(const char *address, uint16_t *port)
{
	struct sockaddr_storage a;
	socklen_t length = ip_to_sockaddr(ip_of(address), 0, &a);
	int fd = socket(a.ss_family, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, length) < 0)
		return -1;
	assert_int_equal(listen(fd, 8), 0);
	length = sizeof a;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &length), 0);
	ip_from_sockaddr((struct sockaddr *)&a, port);
	return fd;
}

static void
door_open(struct door *door, const char *address)
{
	*door = (struct door){ 0 };
	int fd = listen_on(address, &door->port);
	assert_true(fd >= 0);
	listener_start(&door->listener, loop, fd, on_accepted);
}

static struct caller
caller_to(const char *address, uint16_t port)
{
	return (struct caller){ .dial = { .to = ip_of(address),
				    .port = port,
				    .timeout_ms = 5000 } };
}

static void
test_connects_and_is_accepted(void **state)
{
	(void)state;
	struct door door;
	door_open(&door, "127.0.0.1");
	struct caller c = caller_to("127.0.0.1", door.port);
	c.dial.from = ip_of("127.0.0.2");
	dial_start(&c.dial, loop, on_dialled);
	assert_int_equal(c.done, 0); /* never from within the start */
	while (!c.done || !door.accepted)
		loop_run(loop);
	assert_int_equal(c.dial.error, 0);
	assert_true(ip_eq(door.peer, ip_of("127.0.0.2")));
	assert_true(fcntl(door.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(door.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(c.dial.fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(send(c.dial.fd, "x", 1, 0), 1);
	dial_cancel(&c.dial); /* idle: the descriptor is ours and stays */
	assert_int_equal(send(c.dial.fd, "x", 1, 0), 1);
	close(c.dial.fd);
	close(door.fd);
	listener_stop(&door.listener);
	listener_stop(&door.listener);
}

static void
test_failures(void **state)
{
	(void)state;
	uint16_t closed;
	int fd = listen_on("127.0.0.1", &closed);
	close(fd);
	const struct {
		const char *to, *from;
		int error;
	} cases[] = {
		{ "127.0.0.1", NULL, ECONNREFUSED },
		{ "127.0.0.1", "192.0.2.77", EADDRNOTAVAIL },
		{ "255.255.255.255", NULL, EACCES },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct caller c = caller_to(cases[i].to, closed);
		if (cases[i].from)
			c.dial.from = ip_of(cases[i].from);
		dial_start(&c.dial, loop, on_dialled);
		assert_int_equal(c.done, 0);
		loop_run(loop);
		assert_int_equal(c.done, 1);
		assert_int_equal(c.dial.fd, -1);
		if (cases[i].error == EACCES) /* or ENETUNREACH, by routes */
			assert_int_not_equal(c.dial.error, 0);
		else
			assert_int_equal(c.dial.error, cases[i].error);
	}
}

/* A backlog that is full makes further connections wait for an answer. */
static void
test_timeout(void **state)
{
	(void)state;
	enum {
		FILL = 8
	};
	uint16_t port;
	struct caller fill[FILL];
	int fd = listen_on("127.0.0.1", &port);
	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < FILL; i++) {
		fill[i] = caller_to("127.0.0.1", port);
		dial_start(&fill[i].dial, loop, on_dialled);
	}
	struct caller c = caller_to("127.0.0.1", port);
	c.dial.timeout_ms = 20;
	dial_start(&c.dial, loop, on_dialled);
	while (!c.done)
		loop_run(loop);
	assert_int_equal(c.dial.error, ETIMEDOUT);
	assert_int_equal(c.dial.fd, -1);
	for (int i = 0; i < FILL; i++) {
		dial_cancel(&fill[i].dial);
		if (fill[i].done)
			close(fill[i].dial.fd);
	}
	close(fd);
}

static void
on_enough(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void
run_ms(int64_t ms)
{
	struct timer enough = { 0 };
	timer_start(&enough, loop, ms, on_enough);
	while (timer_pending(&enough))
		loop_run(loop);
}

static void
test_cancelled_is_never_done(void **state)
{
	(void)state;
	struct door door;
	struct dial idle = { 0 };
	door_open(&door, "127.0.0.1");
	dial_cancel(&idle);
	struct caller connecting = caller_to("127.0.0.1", door.port);
	struct caller failing = caller_to("127.0.0.1", door.port);
	failing.dial.from = ip_of("192.0.2.77");
	dial_start(&connecting.dial, loop, on_dialled);
	dial_start(&failing.dial, loop, on_dialled);
	int fd = connecting.dial.fd;
	dial_cancel(&connecting.dial);
	dial_cancel(&connecting.dial);
	dial_cancel(&failing.dial);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
	while (!door.accepted)
		loop_run(loop);
	run_ms(5);
	assert_int_equal(connecting.done, 0);
	assert_int_equal(failing.done, 0);
	close(door.fd);
	listener_stop(&door.listener);
}

static void
test_ipv6(void **state)
{
	(void)state;
	uint16_t port;
	int fd = listen_on("::1", &port);
	if (fd < 0)
		skip();
	close(fd);
	struct door door;
	door_open(&door, "::1");
	struct caller c = caller_to("::1", door.port);
	dial_start(&c.dial, loop, on_dialled);
	while (!c.done || !door.accepted)
		loop_run(loop);
	assert_int_equal(c.dial.error, 0);
	assert_true(ip_eq(door.peer, ip_of("::1")));
	close(c.dial.fd);
	close(door.fd);
	listener_stop(&door.listener);
}

/* Out of descriptors the listener rests instead of spinning, then goes on. */
static void
test_listener_outlives_descriptors(void **state)
{
	(void)state;
	struct door door;
	struct rlimit before, tight;
	door_open(&door, "127.0.0.1");
	struct caller c = caller_to("127.0.0.1", door.port);
	dial_start(&c.dial, loop, on_dialled);
	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	tight.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	run_ms(20);
	assert_int_equal(c.done, 1);
	assert_int_equal(door.accepted, 0);
	setrlimit(RLIMIT_NOFILE, &before);
	while (!door.accepted)
		loop_run(loop);
	assert_int_equal(door.accepted, 1);
	close(c.dial.fd);
	close(door.fd);
	listener_stop(&door.listener);
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_connects_and_is_accepted),
		CASE(test_failures),
		CASE(test_timeout),
		CASE(test_cancelled_is_never_done),
		CASE(test_ipv6),
		CASE(test_listener_outlives_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
