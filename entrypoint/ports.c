/*
 * ports.c - the listening sockets: opened here, used by smtpd.
 *
 * A restart of smtpd refuses no connection, since PID 1 keeps them open.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/log.h"
#include "lib/host/handover.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 1024
};

struct port {
	enum port_name name;
	struct ip ip;
	int fd; /* -1: not open */
	int error; /* errno of the last try */
};

static const enum port_name served[] = { PORT_SMTP, PORT_SUBMISSIONS,
	PORT_SUBMISSION };

enum {
	SERVED = sizeof served / sizeof *served
};

static struct port ports[SERVED * SETTINGS_LIST];
static size_t port_count;

/* "::" and "::1" are any host's. */
static bool
is_general(struct ip ip)
{
	struct ip any = { .family = ip.family };
	return ip_is_loopback(ip) || ip_eq(ip, any);
}

/* A host without IPv6 is legal. */
static bool
family_is_missing(const struct port *p)
{
	return p->fd < 0 && p->ip.family == 6 &&
	    (p->error == EAFNOSUPPORT ||
		(p->error == EADDRNOTAVAIL && is_general(p->ip)));
}

static bool
port_bind(struct port *p, int fd)
{
	int on = 1;
	struct sockaddr_storage address;
	unsigned length =
	    ip_to_sockaddr(p->ip, self.settings.ports[p->name], &address);
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    (p->ip.family == 4 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) ==
		    0) &&
	    bind(fd, (struct sockaddr *)&address, length) == 0 &&
	    listen(fd, BACKLOG) == 0;
}

static bool
port_open(struct port *p)
{
	int fd = socket(p->ip.family == 6 ? AF_INET6 : AF_INET,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && port_bind(p, fd)) {
		p->fd = fd;
		p->error = 0;
		return true;
	}
	p->error = errno;
	if (fd >= 0)
		close(fd);
	return false;
}

static const char *
remedy(int error)
{
	switch (error) {
	case EACCES:
		return "ports below 1024 need root";
	case EADDRINUSE:
		return "stop the program that uses it";
	case EADDRNOTAVAIL:
		return "this host doesn't have that address";
	default:
		return "mend that";
	}
}

static void
port_complain(const struct port *p)
{
	char text[IP_TEXT];
	ip_print(p->ip, text);
	const char *name = settings_port_name(p->name);
	complain("port %u (%s) on %s can't be opened: %s; %s, or choose "
		 "another with %s=... in POSTERN_PORTS, or other addresses "
		 "with POSTERN_LISTEN",
	    (unsigned)self.settings.ports[p->name], name, text,
	    strerror(p->error), remedy(p->error), name);
}

static void
list_ports(void)
{
	const struct settings *s = &self.settings;
	port_count = 0;
	for (size_t i = 0; i < SERVED; i++)
		for (size_t k = 0; s->ports[served[i]] && k < s->listen.count;
		     k++)
			ports[port_count++] = (struct port){
				.name = served[i],
				.ip = s->listen.ips[k],
				.fd = -1,
			};
}

/* Without port 25 on any address this is no mail server, unless it is one for
   submission alone. */
bool
ports_open(void)
{
	bool wanted = self.settings.ports[PORT_SMTP] != 0, good = true;
	size_t open = 0;
	list_ports();
	for (size_t i = 0; i < port_count; i++) {
		struct port *p = &ports[i];
		bool smtp = p->name == PORT_SMTP;
		if (port_open(p)) {
			open += smtp;
		} else if (!family_is_missing(p)) {
			port_complain(p);
			good = good && !smtp;
		}
	}
	if (good && wanted && open == 0)
		complain("no address of POSTERN_LISTEN is there to listen on");
	return good && (!wanted || open > 0);
}

void
ports_hand_down(int handover)
{
	for (size_t i = 0; i < port_count; i++)
		if (ports[i].fd >= 0)
			handover_send(handover,
			    settings_port_name(ports[i].name), ports[i].fd);
}

bool
ports_missing(void)
{
	for (size_t i = 0; i < port_count; i++)
		if (ports[i].fd < 0 && !family_is_missing(&ports[i]))
			return true;
	return false;
}

bool
ports_retry(int handover)
{
	bool some = false;
	for (size_t i = 0; i < port_count; i++) {
		struct port *p = &ports[i];
		if (p->fd >= 0 || family_is_missing(p) || !port_open(p))
			continue;
		some = true;
		log_note(LOG_INFO, "start", "port %u (%s) is open now",
		    (unsigned)self.settings.ports[p->name],
		    settings_port_name(p->name));
		if (handover >= 0)
			handover_send(
			    handover, settings_port_name(p->name), p->fd);
	}
	return some;
}

void
ports_status(struct buf *out)
{
	for (size_t i = 0; i < port_count; i++) {
		const struct port *p = &ports[i];
		char text[IP_TEXT];
		if (family_is_missing(p))
			continue;
		ip_print(p->ip, text);
		buf_addf(out, "port\t%s\t%s\t%u\t%s\n",
		    settings_port_name(p->name), text,
		    (unsigned)self.settings.ports[p->name],
		    p->fd >= 0 ? "open" : strerror(p->error));
	}
}
