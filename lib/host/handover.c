#include "lib/host/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control { /* room and alignment for one descriptor */
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

bool
handover_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

static void
attach(struct msghdr *message, union control *control, int fd)
{
	message->msg_control = control->bytes;
	message->msg_controllen = CMSG_LEN(sizeof fd);
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
}

bool
handover_send(int socket, const char *name, int fd)
{
	char record[HANDOVER_NAME] = { 0 };
	union control control = { 0 };
	size_t n = strlen(name);
	if (n == 0 || n >= sizeof record)
		return false;
	memcpy(record, name, n + 1);
	struct iovec part = { record, n };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (fd >= 0)
		attach(&message, &control, fd);
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)n;
}

static int
attached(struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	int fd = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

int
handover_receive(int socket, char name[HANDOVER_NAME], int *fd)
{
	union control control = { 0 };
	struct iovec part = { name, HANDOVER_NAME };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_LEN(sizeof *fd) };
	ssize_t n;
	*fd = -1;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	*fd = attached(&message);
	bool whole = n > 0 && n < HANDOVER_NAME &&
	    !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	    !memchr(name, 0, (size_t)n);
	if (whole) {
		name[n] = 0;
		return 1;
	}
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -1;
}
