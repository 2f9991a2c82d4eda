#include "lib/host/handover.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];

static int
set_up(void **state)
{
	(void)state;
	return handover_pair(ends) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static bool
same_file(int a, int b)
{
	struct stat x, y;
	assert_int_equal(fstat(a, &x), 0);
	assert_int_equal(fstat(b, &y), 0);
	return x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void
test_records_keep_order_and_descriptor(void **state)
{
	(void)state;
	char name[HANDOVER_NAME];
	int fd, p[2];
	assert_int_equal(pipe(p), 0);
	assert_true(handover_send(ends[0], "smtp", p[0]));
	assert_true(handover_send(ends[0], "go", -1));
	assert_int_equal(handover_receive(ends[1], name, &fd), 1);
	assert_string_equal(name, "smtp");
	assert_int_not_equal(fd, p[0]);
	assert_true(same_file(fd, p[0]));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(handover_receive(ends[1], name, &fd), 1);
	assert_string_equal(name, "go");
	assert_int_equal(fd, -1);
	close(p[0]);
	close(p[1]);
}

static void
test_ends_are_not_inherited(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		assert_true(fcntl(ends[i], F_GETFD) & FD_CLOEXEC);
}

static void
test_nothing_and_closed(void **state)
{
	(void)state;
	char name[HANDOVER_NAME];
	int fd = 7;
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	assert_int_equal(handover_receive(ends[1], name, &fd), 0);
	assert_int_equal(fd, -1);
	close(ends[0]);
	assert_int_equal(handover_receive(ends[1], name, &fd), -1);
	assert_false(handover_send(ends[1], "go", -1));
}

static void
test_send_does_not_wait(void **state)
{
	(void)state;
	int sent = 0;
	while (handover_send(ends[0], "go", -1))
		assert_true(++sent < 100000);
	assert_true(sent > 0);
}

static void
test_names_are_checked(void **state)
{
	(void)state;
	char longest[HANDOVER_NAME + 1] = { 0 };
	char name[HANDOVER_NAME];
	int fd;
	memset(longest, 'x', HANDOVER_NAME);
	assert_false(handover_send(ends[0], longest, -1));
	assert_false(handover_send(ends[0], "", -1));
	longest[HANDOVER_NAME - 1] = 0;
	assert_true(handover_send(ends[0], longest, -1));
	assert_int_equal(handover_receive(ends[1], name, &fd), 1);
	assert_string_equal(name, longest);
	assert_int_equal(send(ends[0], "a\0b", 3, 0), 3);
	assert_int_equal(handover_receive(ends[1], name, &fd), -1);
	memset(longest, 'x', HANDOVER_NAME);
	assert_int_equal(
	    send(ends[0], longest, HANDOVER_NAME, 0), HANDOVER_NAME);
	assert_int_equal(handover_receive(ends[1], name, &fd), -1);
}

static int
lowest_free(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

/* More descriptors than a record has are refused, and none is left open. */
static void
test_one_descriptor_at_most(void **state)
{
	(void)state;
	enum {
		MANY = 4
	};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(MANY * sizeof(int))];
	} control = { 0 };
	struct iovec part = { (char[]){ "x" }, 1 };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fds[MANY] = { 0, 0, 0, 0 };
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	int before = lowest_free();
	assert_int_equal(sendmsg(ends[0], &m, 0), 1);
	char name[HANDOVER_NAME];
	int fd;
	assert_int_equal(handover_receive(ends[1], name, &fd), -1);
	assert_int_equal(fd, -1);
	assert_int_equal(lowest_free(), before);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_records_keep_order_and_descriptor),
		CASE(test_ends_are_not_inherited),
		CASE(test_nothing_and_closed),
		CASE(test_send_does_not_wait),
		CASE(test_names_are_checked),
		CASE(test_one_descriptor_at_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
