#include "lib/net/listener.h"

#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PAUSE_MS = 200
}; /* when descriptors or memory are out */

static void
on_pause_over(struct timer *timer)
{
	struct listener *l = container_of(timer, struct listener, pause);
	watch_change(&l->watch, true, false);
}

static bool
is_passing(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

/* One at a time: the callee may stop the listener, sessions get their turn,
   and whoever still waits makes the descriptor ready again. */
static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	(void)readable, (void)writable;
	struct listener *l = container_of(watch, struct listener, watch);
	struct sockaddr_storage address = { 0 };
	struct sockaddr *peer = (struct sockaddr *)&address;
	socklen_t length = sizeof address;
	int fd = accept4(l->fd, peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		uint16_t port;
		l->accepted(l, fd, ip_from_sockaddr(peer, &port));
		return;
	}
	if (!is_passing(errno))
		return; /* the peer has gone already */
	log_note(
	    LOG_WARN, "connect", "can't accept for now: %s", strerror(errno));
	watch_change(&l->watch, false, false);
	timer_start(&l->pause, l->loop, PAUSE_MS, on_pause_over);
}

void
listener_start(struct listener *l, struct loop *loop, int fd,
    void (*accepted)(struct listener *, int, struct ip))
{
	l->accepted = accepted;
	l->loop = loop;
	l->fd = fd;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	watch_start(&l->watch, loop, fd, true, false, on_ready);
}

void
listener_stop(struct listener *l)
{
	if (!l->loop)
		return;
	watch_stop(&l->watch);
	timer_stop(&l->pause);
	close(l->fd);
	l->loop = NULL;
}
