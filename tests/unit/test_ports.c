/* The listening sockets: which must be there, which are tried again, and what
   smtpd gets of them. */
#include "entrypoint/entrypoint.h"
#include "lib/host/handover.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static uint16_t smtp, submission; /* that nobody uses */

static int
bind_local(uint16_t port)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static void
listen_on(const char *text)
{
	struct ip_list *list = &self.settings.listen;
	list->count = 0;
	for (struct str rest = str_of(text); rest.n;)
		assert_true(
		    ip_parse(str_cut(&rest, ' '), &list->ips[list->count++]));
}

static int
setup(void **state)
{
	(void)state;
	int a = bind_local(0), b = bind_local(0);
	smtp = port_of(a);
	submission = port_of(b);
	close(a);
	close(b);
	memset(self.settings.ports, 0, sizeof self.settings.ports);
	self.settings.ports[PORT_SMTP] = smtp;
	self.settings.ports[PORT_SUBMISSION] = submission;
	listen_on("127.0.0.1");
	return 0;
}

/* The names that were handed down, with a blank behind each; they are closed,
   so that the next test finds its ports free. */
static const char *
handed(int socket)
{
	static char all[256];
	char name[HANDOVER_NAME];
	int fd;
	*all = 0;
	fcntl(socket, F_SETFL, O_NONBLOCK);
	while (handover_receive(socket, name, &fd) == 1) {
		int listening = 0;
		socklen_t n = sizeof listening;
		assert_int_equal(
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n),
		    0);
		assert_true(listening);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		strncat(all, name, sizeof all - strlen(all) - 1);
		strncat(all, " ", sizeof all - strlen(all) - 1);
		close(fd);
	}
	return all;
}

static bool
status_says(const char *service, const char *what)
{
	struct buf status = { 0 }, line = { 0 };
	ports_status(&status);
	buf_addf(&line, "port\t%s\t127.0.0.1\t%u\t%s\n", service,
	    (unsigned)(service[1] == 'm' ? smtp : submission), what);
	bool found = str_search(buf_str(&status), buf_str(&line)) < status.n;
	buf_free(&status);
	buf_free(&line);
	return found;
}

static void
all_are_opened_and_handed_down(void **state)
{
	(void)state;
	int ends[2];
	assert_true(handover_pair(ends));
	assert_true(ports_open());
	assert_false(ports_missing());
	ports_hand_down(ends[0]);
	assert_string_equal(handed(ends[1]), "smtp submission ");
	assert_true(status_says("smtp", "open"));
	ports_hand_down(ends[0]); /* a second smtpd gets them as well */
	assert_string_equal(handed(ends[1]), "smtp submission ");
}

static void
port_25_in_use_is_fatal(void **state)
{
	(void)state;
	int taken = bind_local(smtp);
	assert_false(ports_open());
	close(taken);
}

static void
another_one_in_use_is_tried_again(void **state)
{
	(void)state;
	int ends[2], taken = bind_local(submission);
	assert_true(handover_pair(ends));
	assert_true(ports_open());
	assert_true(ports_missing());
	assert_true(status_says("submission", strerror(EADDRINUSE)));
	ports_hand_down(ends[0]);
	assert_string_equal(handed(ends[1]), "smtp ");
	assert_false(ports_retry(ends[0]));
	close(taken);
	assert_true(ports_retry(ends[0]));
	assert_string_equal(handed(ends[1]), "submission ");
	assert_false(ports_missing());
	assert_true(status_says("submission", "open"));
	assert_false(ports_retry(ends[0]));
}

static void
services_that_are_off_have_no_port(void **state)
{
	(void)state;
	int ends[2];
	assert_true(handover_pair(ends));
	self.settings.ports[PORT_SMTP] = 0; /* for submission alone */
	assert_true(ports_open());
	ports_hand_down(ends[0]);
	assert_string_equal(handed(ends[1]), "submission ");
}

static void
an_address_that_is_not_ours_is_an_error(void **state)
{
	static const char *const cases[] = { "192.0.2.1", "2001:db8::1",
		"127.0.0.1 192.0.2.1" };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		setup(NULL);
		listen_on(cases[i]);
		assert_false(ports_open());
	}
}

static void
both_families_have_sockets_of_their_own(void **state)
{
	(void)state;
	int ends[2];
	assert_true(handover_pair(ends));
	listen_on("0.0.0.0 ::");
	assert_true(ports_open());
	ports_hand_down(ends[0]);
	const char *names = handed(ends[1]);
	assert_true(strcmp(names, "smtp smtp submission submission ") == 0 ||
	    strcmp(names, "smtp submission ") == 0); /* without IPv6 */
}

/* ---- a host without IPv6: a network of its own, in which ::1 isn't up ---- */

static bool
one_family_will_do(void)
{
	listen_on("0.0.0.0 ::1");
	return ports_open() && !ports_missing();
}

static bool
none_is_too_few(void)
{
	listen_on("::1");
	return !ports_open();
}

static void
a_host_without_ipv6_is_legal(void **state)
{
	static bool (*const cases[])(
	    void) = { one_family_will_do, none_is_too_few };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status;
		pid_t pid = fork();
		if (pid == 0)
			_exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0
				? 77
				: !cases[i]());
		waitpid(pid, &status, 0);
		if (WEXITSTATUS(status) == 77)
			skip();
		assert_int_equal(status, 0);
	}
}

#define PORTS_TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PORTS_TEST(all_are_opened_and_handed_down),
		PORTS_TEST(port_25_in_use_is_fatal),
		PORTS_TEST(another_one_in_use_is_tried_again),
		PORTS_TEST(services_that_are_off_have_no_port),
		PORTS_TEST(an_address_that_is_not_ours_is_an_error),
		PORTS_TEST(both_families_have_sockets_of_their_own),
		PORTS_TEST(a_host_without_ipv6_is_legal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
