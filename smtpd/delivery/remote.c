#include "smtpd/delivery/remote_private.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "smtpd/delivery/delivery_private.h"

#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 30000,
};

static const struct settings *
settings_of(const struct remote *remote)
{
	return remote->destination->delivery->parts.settings;
}

static bool
is_relay(const struct remote *remote)
{
	return str_empty(remote->destination->name);
}

static const struct route_hop *
hop_of(const struct remote *remote)
{
	return &remote->route.hops[remote->hop];
}

struct peer
remote_peer(const struct remote *remote)
{
	const struct route_hop *hop = hop_of(remote);
	bool open = remote->phase != REMOTE_OPENING && !remote->client.secure;
	return (struct peer){
		.host = hop->host,
		.ip = hop->ip,
		.port = hop->port,
		.tls = str_of(remote->client.tls_info.version),
		.proof = open ? "none" : hop->requirement.proof,
	};
}

/* ---- no session on this hop ---- */

/* Of several reasons a temporary one counts: then it is worth a next try. */
static void
note(struct remote *remote, struct reply reply)
{
	if (reply_class(remote->reply) == 4 && reply_class(reply) == 5)
		return;
	struct peer peer = remote_peer(remote);
	arena_free(&remote->arena);
	remote->reply = reply_keep(&remote->arena, reply);
	remote->peer = peer_keep(&remote->arena, &peer);
}

/* What a host says to us, not to a mail, is no reason to bounce mail when it
   comes of settings that a person can mend. */
static struct reply
soften(struct remote *remote, struct reply reply)
{
	bool ours = is_relay(remote) || remote->client.failure == CLIENT_AUTH;
	if (reply_class(reply) != 5 || !ours)
		return reply;
	struct str text =
	    arena_printf(&remote->route.arena, "%d %s", reply.code, reply.text);
	return REPLY(451, "4.7.0", text.p);
}

static void
next_hop(struct remote *remote)
{
	remote->hop++;
	remote->plain = false;
	remote_try_hop(remote);
}

static void
give_up(struct remote *remote)
{
	if (!remote->opened)
		destination_failed(
		    remote->destination, remote->reply, &remote->peer);
	remote_leave(remote);
}

/* RFC 7435 3: a peer whose TLS is broken gets the mail without it, unless it
   is held to TLS. */
static bool
retry_in_plain(struct remote *remote, struct reply *why)
{
	const struct smtp_client *client = &remote->client;
	*why = soften(remote, client->reply);
	if (!remote_tls_failed(remote) || !remote_may_be_plain(remote, why))
		return false;
	log_note(LOG_WARN, "tls", "%s: %s; trying in plain text",
	    hop_of(remote)->host.p, client->reply.text);
	remote->plain = true;
	return true;
}

static void
on_refused(struct remote *remote)
{
	struct reply why;
	bool again = retry_in_plain(remote, &why);
	if (!again)
		note(remote, why);
	smtp_client_free(&remote->client);
	if (again)
		remote_try_hop(remote);
	else
		next_hop(remote);
}

/* ---- the session ---- */

/* Whoever can't prove what it must hears nothing of the mail. */
static void
turn_away(struct remote *remote, struct reply why)
{
	note(remote, why);
	smtp_client_quit(&remote->client);
	next_hop(remote);
}

static void
on_open(struct remote *remote)
{
	struct reply why;
	if (!remote_is_good(remote, &why)) {
		turn_away(remote, why);
		return;
	}
	remote->opened = true;
	remote->mails = 0;
	destination_opened(remote->destination);
	remote_send_next(remote);
}

static void
on_ready(struct smtp_client *client)
{
	struct remote *remote = container_of(client, struct remote, client);
	if (remote->phase == REMOTE_OPENING)
		on_open(remote);
	else
		remote_send_next(remote);
}

static void
on_ended(struct smtp_client *client)
{
	struct remote *remote = container_of(client, struct remote, client);
	static void (*const actions[])(struct remote *) = {
		[REMOTE_OPENING] = on_refused,
		[REMOTE_BUSY] = remote_broken,
		[REMOTE_IDLE] = remote_leave,
	};
	actions[remote->phase](remote);
}

/* RFC 7672 3.2.2: a host that a secure MX names may have a certificate for
   the domain, too. */
static struct tls_terms
terms_of(const struct remote *remote, const char *address)
{
	const struct delivery_parts *parts =
	    &remote->destination->delivery->parts;
	const struct route_hop *hop = hop_of(remote);
	const struct requirement *r = &hop->requirement;
	bool literal = str_starts(hop->host, STR("["));
	struct tls_terms terms = {
		.context = r->check == TLS_CHECK_NOTHING
		    ? parts->tls_opportunistic
		    : parts->tls_verified,
		.check = r->check,
		.name = literal ? address : hop->host.p,
	};
	if (r->check == TLS_CHECK_DANE) {
		terms.second_name = remote->destination->name.p;
		terms.count = r->records->count;
		terms.records = r->records->records;
	}
	return terms;
}

static void
start_client(struct remote *remote)
{
	struct delivery *delivery = remote->destination->delivery;
	const struct settings *settings = settings_of(remote);
	const struct route_hop *hop = hop_of(remote);
	char address[IP_TEXT];
	ip_print(hop->ip, address);
	struct smtp_client_options options = {
		.helo = settings->hostname.p,
		.tls = remote->plain ? CLIENT_TLS_NONE : hop->requirement.tls,
		.terms = terms_of(remote, address),
	};
	if (is_relay(remote)) {
		options.user = settings->relay_user;
		options.password = settings->relay_password;
		options.lane = delivery->parts.cpu;
	}
	smtp_client_start(&remote->client, delivery->parts.loop,
	    remote->dial.fd, &options, on_ready, on_ended);
}

static void
on_dialed(struct dial *dial)
{
	struct remote *remote = container_of(dial, struct remote, dial);
	if (dial->fd >= 0) {
		start_client(remote);
		return;
	}
	note(remote, REPLY(451, "4.4.1", strerror(dial->error)));
	next_hop(remote);
}

static struct ip
source(const struct settings *settings, struct ip to)
{
	for (size_t i = 0; i < settings->outbound_address.count; i++)
		if (settings->outbound_address.ips[i].family == to.family)
			return settings->outbound_address.ips[i];
	return (struct ip){ 0 };
}

void
remote_try_hop(struct remote *remote)
{
	if (remote->hop == remote->route.count) {
		give_up(remote);
		return;
	}
	const struct route_hop *hop = hop_of(remote);
	remote->phase = REMOTE_OPENING;
	remote->dial = (struct dial){
		.to = hop->ip,
		.port = hop->port,
		.from = source(settings_of(remote), hop->ip),
		.timeout_ms = CONNECT_MS,
	};
	dial_start(&remote->dial, remote->destination->delivery->parts.loop,
	    on_dialed);
}

static void
on_route(struct route *route)
{
	struct remote *remote = container_of(route, struct remote, route);
	remote->found_ms = clock_mono_ms();
	if (route->count == 0) {
		remote->reply = route->failure;
		remote_tell_refusal(remote);
	}
	remote_try_hop(remote);
}

/* ---- for the destination ---- */

void
remote_open(struct destination *d)
{
	struct delivery *delivery = d->delivery;
	struct remote *remote = mem_alloc(sizeof *remote);
	remote->destination = d;
	remote->route = (struct route){
		.settings = delivery->parts.settings,
		.identity = delivery->parts.identity,
		.resolver = delivery->parts.resolver,
		.policies = delivery->parts.policies,
		.loop = delivery->parts.loop,
		.domain = d->name,
		.wish = d->wish,
	};
	list_push(&d->remotes, &remote->node);
	d->sessions++;
	delivery->destinations.sessions++;
	route_start(&remote->route, on_route);
}

void
remote_stop(struct remote *remote)
{
	struct transfer *t = remote->transfer;
	if (t && transfer_is_sent(t))
		return;
	remote->transfer = NULL;
	remote_leave(remote);
	if (t)
		transfer_drop(t);
}

void
remote_free(struct remote *remote)
{
	timer_stop(&remote->timer);
	list_remove(&remote->idle);
	route_end(&remote->route);
	dial_cancel(&remote->dial);
	smtp_client_free(&remote->client);
	if (remote->transfer)
		transfer_free(remote->transfer);
	arena_free(&remote->arena);
	free(remote);
}
