#include "smtpd/inbound/inbound_private.h"

#include <stdlib.h>

/* The name of a gateway's address, or of one that nobody outside knows, and the
   lists that it is on say nothing about the client. */
static bool
tells_something(const struct inbound *inbound, struct ip ip)
{
	bool open = inbound->parts.settings->allow_private_destinations;
	return (open || !ip_is_special(ip)) &&
	    !guard_is_gateway(inbound->guard, ip);
}

struct client *
client_new(struct inbound *inbound, enum port_name port, struct ip ip)
{
	struct client *client = mem_alloc(sizeof *client);
	client->inbound = inbound;
	client->port = port;
	client->ip = ip;
	if (port == PORT_SMTP && tells_something(inbound, ip))
		peer_start(&client->check, inbound->dnsbl, inbound->parts.loop,
		    inbound->parts.resolver, ip);
	return client;
}

void
client_free(struct client *client)
{
	if (!client)
		return;
	peer_cancel(&client->check);
	limits_disconnect(&client->inbound->limits, client->port, client->ip);
	free(client);
}

static void
on_known(struct peer_check *check)
{
	struct client *client = container_of(check, struct client, check);
	struct transaction *t = client->waiting;
	client->waiting = NULL;
	flow_release(&t->flow);
}

void
client_hold(struct client *client, struct transaction *t)
{
	if (!peer_pending(&client->check))
		return;
	client->waiting = t;
	flow_hold(&t->flow);
	peer_wait(&client->check, on_known);
}

void
client_unhold(struct client *client, const struct transaction *t)
{
	if (client->waiting != t)
		return;
	client->waiting = NULL;
	peer_unwait(&client->check);
}
