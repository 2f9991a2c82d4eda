#include "lib/net/resolver_datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TIMEOUT_MS = 1500, /* of the first try; each further one doubles it */
	TRIES = 3,
	HEADER = 12, /* octets, RFC 1035 4.1.1 */
	ID = 2, /* octets of it */
	RESPONSE = 0x80, /* in the third */
	MESSAGE = 4096, /* octets; we ask for fewer */
};

void
datagram_cancel(struct datagram *d)
{
	if (!d->answered)
		return;
	d->answered = NULL;
	timer_stop(&d->timer);
	watch_stop(&d->watch);
	close(d->watch.fd);
}

static void
end(struct datagram *d, struct str message)
{
	void (*answered)(struct datagram *, struct str) = d->answered;
	datagram_cancel(d);
	answered(d, message);
}

static void on_timer(struct timer *timer);

static void
try(struct datagram *d)
{
	send(d->watch.fd, d->query.p, d->query.n, 0);
	timer_start(&d->timer, d->loop, TIMEOUT_MS << d->tries, on_timer);
	d->tries++;
}

static void
on_timer(struct timer *timer)
{
	struct datagram *d = container_of(timer, struct datagram, timer);
	if (d->tries < TRIES)
		try(d);
	else
		end(d, (struct str){ 0 });
}

/* RFC 5452 9.1: what else it must be the resolver looks at */
static bool
is_response(const struct datagram *d, struct str message)
{
	return message.n >= HEADER && memcmp(message.p, d->query.p, ID) == 0 &&
	    message.p[ID] & RESPONSE;
}

static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	struct datagram *d = container_of(watch, struct datagram, watch);
	char bytes[MESSAGE];
	(void)readable, (void)writable;
	ssize_t n = recv(watch->fd, bytes, sizeof bytes, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		end(d, (struct str){ 0 });
		return;
	}
	struct str message = { bytes, (size_t)n };
	if (is_response(d, message))
		end(d, message);
}

/* Connected, so that nobody else's answers come. */
static int
open_socket(struct ip ip, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t length = ip_to_sockaddr(ip, port, &to);
	int fd =
	    socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, length) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void
datagram_start(struct datagram *d, struct loop *loop, struct ip ip,
    uint16_t port, struct str query,
    void (*answered)(struct datagram *, struct str))
{
	int fd = open_socket(ip, port);
	*d = (struct datagram){ .loop = loop, .query = query };
	if (fd < 0) {
		answered(d, (struct str){ 0 });
		return;
	}
	d->answered = answered;
	watch_start(&d->watch, loop, fd, true, false, on_ready);
	try(d);
}
