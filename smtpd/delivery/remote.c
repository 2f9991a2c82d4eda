#include "smtpd/delivery/remote_private.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "smtpd/delivery/delivery_private.h"

#include <assert.h>
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

bool
remote_is_relay(const struct remote *remote)
{
	return str_empty(remote->destination->name);
}

static const struct route_hop *
hop_of(const struct remote *remote)
{
	return &remote->route.hops[remote->hop];
}

struct slots *
remote_slots(const struct remote *remote)
{
	return &remote->destination->delivery->destinations.slots;
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

struct reply
remote_name(struct remote *remote, struct reply reply)
{
	if (!reply.received)
		reply.text = arena_printf(&remote->route.arena,
		    "The session with %s failed: %s", hop_of(remote)->host.p,
		    reply.text)
				 .p;
	return reply;
}

struct reply
remote_soften(struct remote *remote, struct reply reply, const char *what)
{
	if (reply_class(reply) != 5 || !remote_is_relay(remote))
		return reply;
	struct str text = arena_printf(&remote->route.arena,
	    "The smarthost refuses %s: %d %s%s%s", what, reply.code,
	    reply.enhanced ? reply.enhanced : "", reply.enhanced ? " " : "",
	    reply.text);
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
	bool login = client->failure == CLIENT_AUTH;
	*why = remote_soften(remote, remote_name(remote, client->reply),
	    login ? "our login" : "us");
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
	slots_opened(remote_slots(remote), &remote->slot);
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

static_assert((int)DANE_OTHERS <= (int)TLS_OTHER_NAMES, "each has its place");

/* RFC 7672 3.2.2: names that count for DANE alone */
static void
add_records(struct tls_terms *terms, const struct dane_set *set)
{
	terms->name = set->base.p;
	for (size_t i = 0; i < DANE_OTHERS; i++)
		if (!str_empty(set->others[i]))
			terms->others[i] = set->others[i].p;
	terms->count = set->count;
	terms->records = set->records;
}

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
	if (r->check == TLS_CHECK_DANE)
		add_records(&terms, r->records);
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
	if (remote_is_relay(remote)) {
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
	const char *why =
	    arena_printf(&remote->route.arena, "%s couldn't be reached: %s",
		hop_of(remote)->host.p, strerror(dial->error))
		.p;
	note(remote, REPLY(451, "4.4.1", why));
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
	slots_opening(remote_slots(remote), &remote->slot);
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
remote_open(struct destination *d, enum slot_line line)
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
	slots_take(&delivery->destinations.slots, &remote->slot, line);
	route_start(&remote->route, on_route);
}

/* While the route is being found, there is no host to be named. */
static struct reply
why_yielded(struct remote *remote)
{
	struct arena *arena = &remote->route.arena;
	if (remote->route.count == 0)
		return REPLY(451, "4.4.3",
		    arena_printf(arena,
			"The mail servers of %s haven't been found yet, and "
			"others wait",
			remote->destination->name.p)
			.p);
	return REPLY(451, "4.4.1",
	    arena_printf(arena, "%s hasn't answered yet, and others wait",
		hop_of(remote)->host.p)
		.p);
}

void
remote_yield(struct remote *remote)
{
	note(remote, why_yielded(remote));
	give_up(remote);
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
	list_remove(&remote->slot.node);
	route_end(&remote->route);
	dial_cancel(&remote->dial);
	smtp_client_free(&remote->client);
	if (remote->transfer)
		transfer_free(remote->transfer);
	arena_free(&remote->arena);
	free(remote);
}
