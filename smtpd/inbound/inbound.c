#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* RFC 5321 4.5.3.2.7: at least 5 minutes */
	COMMAND_MS = 300000,
	DATA_MS = 300000,
	MAX_ERRORS = 20, /* of a session */
	SWEEP_MS = 50, /* between two looks for idle sessions, while stopping */
};

const struct reply inbound_stopping = REPLY_IS(421, "4.3.2", "Stopping");
static const char too_many[] = "421 4.7.0 Too many connections\r\n";

/* ---- connections ---- */

static void
log_refused(const struct port *port, struct ip peer)
{
	char text[IP_TEXT];
	struct log_line line = log_begin(LOG_INFO, "reject");
	ip_print(peer, text);
	log_c(&line, "port", settings_port_name(port->name));
	log_c(&line, "ip", text);
	log_d(&line, "code", 421);
	log_c(&line, "reason", "Too many connections");
	log_end(&line);
}

/* A word, where the peer can read it: not before a handshake. */
static void
refuse(const struct port *port, int fd, struct ip peer)
{
	ssize_t sent = 0;
	if (port->name != PORT_SUBMISSIONS)
		sent = send(fd, too_many, sizeof too_many - 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)sent; /* nothing is owed */
	close(fd);
	log_refused(port, peer);
}

static void
on_accepted(struct listener *listener, int fd, struct ip peer)
{
	struct port *port = container_of(listener, struct port, listener);
	if (limits_connect(&port->inbound->limits, port->name, peer))
		connection_start(port, fd, peer);
	else
		refuse(port, fd, peer);
}

/* ---- ports ---- */

static struct smtp_options
port_options(const struct inbound *inbound, enum port_name name)
{
	const struct settings *s = inbound->parts.settings;
	return (struct smtp_options){
		.service = &connection_service,
		.hostname = inbound->hostname,
		.tls = inbound->parts.tls,
		.submission = name != PORT_SMTP,
		.mechanisms = login_mechanisms,
		.max_size = s->max_size,
		.max_recipients = (unsigned)s->max_recipients,
		.max_errors = MAX_ERRORS,
		.command_ms = COMMAND_MS,
		.data_ms = DATA_MS,
	};
}

void
inbound_listen(struct inbound *inbound, enum port_name name, int fd)
{
	struct port *port = mem_alloc(sizeof *port);
	port->inbound = inbound;
	port->name = name;
	port->options = port_options(inbound, name);
	list_push(&inbound->ports, &port->node);
	listener_start(&port->listener, inbound->parts.loop, fd, on_accepted);
}

/* Sessions keep pointing to their port. */
static void
stop_listening(struct inbound *inbound)
{
	struct list_node *n = list_first(&inbound->ports);
	for (; n; n = list_next(&inbound->ports, n))
		listener_stop(&container_of(n, struct port, node)->listener);
}

/* ---- the end ---- */

static void
close_idle(struct inbound *inbound)
{
	struct list_node *n = list_first(&inbound->connections);
	for (; n; n = list_next(&inbound->connections, n)) {
		struct connection *c = container_of(n, struct connection, node);
		if (smtp_server_idle(&c->server))
			smtp_server_close(&c->server, inbound_stopping);
	}
}

/* Sessions end after their transaction, messages when they are committed. */
static void
on_sweep(struct timer *timer)
{
	struct inbound *inbound = container_of(timer, struct inbound, sweep);
	close_idle(inbound);
	if (inbound->sessions > 0 || !list_empty(&inbound->working))
		timer_start(timer, inbound->parts.loop, SWEEP_MS, on_sweep);
	else
		inbound->idle(inbound);
}

void
inbound_stop(struct inbound *inbound, void (*idle)(struct inbound *))
{
	inbound->stopping = true;
	inbound->idle = idle;
	stop_listening(inbound);
	timer_start(&inbound->sweep, inbound->parts.loop, 0, on_sweep);
}

size_t
inbound_sessions(const struct inbound *inbound)
{
	return inbound->sessions;
}

/* The guard is at 0, and the lists behind it. */
bool
inbound_trouble(const struct inbound *inbound, size_t *at, struct buf *out)
{
	size_t list = *at ? *at - 1 : 0;
	if ((*at)++ == 0 && guard_trouble(inbound->guard, out))
		return true;
	const char *text = dnsbl_trouble(inbound->dnsbl, &list);
	*at = list + 1;
	if (text)
		buf_adds(out, text);
	return text;
}

struct inbound *
inbound_new(const struct inbound_parts *parts)
{
	struct inbound *inbound = mem_alloc(sizeof *inbound);
	inbound->parts = *parts;
	inbound->hostname = parts->settings->hostname.p;
	list_init(&inbound->ports);
	list_init(&inbound->connections);
	list_init(&inbound->working);
	inbound->guard = guard_new();
	inbound->dnsbl =
	    dnsbl_new(parts->loop, parts->resolver, parts->settings);
	limits_open(&inbound->limits, parts->settings, inbound->guard);
	random_bytes(&inbound->last_session, 4);
	return inbound;
}

static void
free_ports(struct inbound *inbound)
{
	struct list_node *n;
	stop_listening(inbound);
	while ((n = list_pop(&inbound->ports)))
		free(container_of(n, struct port, node));
}

/* Nothing of ours may be asked any more. */
static void
orphan(struct transaction *t)
{
	client_free(t->client);
	t->client = NULL;
	queue_memory(t->inbound->parts.queue, -t->held);
	t->held = 0;
	t->inbound = NULL;
}

/* What the queue has can't be taken back: it ends alone.  The rest was never
   acknowledged. */
static void
free_working(struct inbound *inbound)
{
	struct list_node *n;
	while ((n = list_pop(&inbound->working))) {
		struct transaction *t =
		    container_of(n, struct transaction, node);
		if (t->envelope)
			transaction_free(t);
		else
			orphan(t);
	}
}

void
inbound_free(struct inbound *inbound)
{
	struct list_node *n;
	if (!inbound)
		return;
	while ((n = list_first(&inbound->connections)))
		connection_free(container_of(n, struct connection, node));
	free_working(inbound);
	free_ports(inbound);
	timer_stop(&inbound->sweep);
	limits_close(&inbound->limits);
	dnsbl_free(inbound->dnsbl);
	guard_free(inbound->guard);
	free(inbound);
}
