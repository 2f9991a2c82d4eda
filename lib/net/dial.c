#include "lib/net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* The timer runs as long as anything is under way. */
static void
stop(struct dial *d)
{
	timer_stop(&d->timer);
	later_cancel(&d->later);
	watch_stop(&d->watch);
}

static void
finish(struct dial *d, int error)
{
	stop(d);
	d->error = error;
	if (error && d->fd >= 0) {
		close(d->fd);
		d->fd = -1;
	}
	d->done(d);
}

static void
on_connected(struct watch *watch, bool readable, bool writable)
{
	(void)readable, (void)writable;
	struct dial *d = container_of(watch, struct dial, watch);
	int error = 0;
	socklen_t length = sizeof error;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	finish(d, error);
}

static void
on_timeout(struct timer *timer)
{
	finish(container_of(timer, struct dial, timer), ETIMEDOUT);
}

static void
on_later(struct later *later)
{
	struct dial *d = container_of(later, struct dial, later);
	finish(d, d->error);
}

static int
bind_source(int fd, struct ip from)
{
	struct sockaddr_storage address;
	socklen_t length = ip_to_sockaddr(from, 0, &address);
	int on = 1;
	/* The port is chosen at connect(): one per peer, not one per host. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	return bind(fd, (struct sockaddr *)&address, length);
}

/* 0, EINPROGRESS, or what failed. */
static int
begin(struct dial *d)
{
	int family = d->to.family == 6 ? AF_INET6 : AF_INET;
	d->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return errno;
	if (d->from.family && bind_source(d->fd, d->from) < 0)
		return errno;
	struct sockaddr_storage address;
	socklen_t length = ip_to_sockaddr(d->to, d->port, &address);
	if (connect(d->fd, (struct sockaddr *)&address, length) < 0)
		return errno;
	return 0;
}

void
dial_start(struct dial *d, struct loop *loop, void (*done)(struct dial *))
{
	d->done = done;
	d->error = begin(d);
	timer_start(&d->timer, loop, d->timeout_ms, on_timeout);
	if (d->error == EINPROGRESS)
		watch_start(&d->watch, loop, d->fd, false, true, on_connected);
	else
		loop_later(loop, &d->later, on_later);
}

void
dial_cancel(struct dial *d)
{
	if (!timer_pending(&d->timer))
		return;
	stop(d);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}
