/* What the TLS of a hop showed, what follows from it, and who hears of it. */
#include "smtpd/delivery/delivery_private.h"
#include "smtpd/delivery/remote_private.h"

static const struct requirement *
requirement_of(const struct remote *remote)
{
	return &remote->route.hops[remote->hop].requirement;
}

/* ---- outcomes ---- */

static enum tls_outcome
judge(const struct smtp_client *client)
{
	static const enum tls_outcome outcomes[] = {
		[TLS_VERDICT_GOOD] = TLS_GOOD,
		[TLS_VERDICT_WRONG_NAME] = TLS_WRONG_NAME,
		[TLS_VERDICT_EXPIRED] = TLS_EXPIRED,
		[TLS_VERDICT_UNTRUSTED] = TLS_UNTRUSTED,
		[TLS_VERDICT_NO_MATCH] = TLS_NO_MATCH,
		[TLS_VERDICT_NO_HANDSHAKE] = TLS_NO_HANDSHAKE,
	};
	if (client->failure == CLIENT_TLS_REFUSED)
		return TLS_NO_STARTTLS;
	if (client->failure == CLIENT_TLS_HANDSHAKE &&
	    client->verdict == TLS_VERDICT_GOOD)
		return TLS_NO_HANDSHAKE;
	bool begun = client->secure || client->failure == CLIENT_TLS_HANDSHAKE;
	return begun ? outcomes[client->verdict] : TLS_NO_STARTTLS;
}

/* ---- for the TLS reports ---- */

/* RFC 8461 2: DANE goes first, in reports, too */
static enum tls_policy_type
type_of(const struct route *route, const struct tls_demand *demand)
{
	if (dane_decides(demand->dane))
		return TLS_POLICY_TLSA;
	/* RFC 8461 3.1: a record that isn't seen announces nothing */
	bool announced =
	    route->trouble != POLICY_FINE && route->trouble != POLICY_UNKNOWN;
	bool sts = demand->sts != STS_NONE || announced;
	return sts ? TLS_POLICY_STS : TLS_POLICY_NONE;
}

/* RFC 8460 4.3.2: a policy that can't be had is a failure, whatever the
   session was like without it */
static enum tls_report
result_of(const struct route *route, enum tls_policy_type type,
    enum tls_report report)
{
	static const enum tls_report troubles[] = {
		[POLICY_FINE] = TLS_REPORT_SUCCESS,
		[POLICY_NOT_FETCHED] = TLS_REPORT_STS_FETCH,
		[POLICY_MALFORMED] = TLS_REPORT_STS_INVALID,
		[POLICY_WEBPKI] = TLS_REPORT_STS_WEBPKI,
		[POLICY_UNKNOWN] = TLS_REPORT_SUCCESS,
	};
	bool trouble = type == TLS_POLICY_STS && !route->sts;
	return trouble ? troubles[route->trouble] : report;
}

/* The lines of the policy, as many as are counted. */
static void
take_policy(
    struct tls_attempt *attempt, struct arena *arena, const struct route *route)
{
	struct str rest = route->sts_text;
	struct str *lines = arena_alloc(arena, TLS_ROW_STRINGS * sizeof *lines);
	while (rest.n > 0 && attempt->string_count < TLS_ROW_STRINGS) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (!str_empty(line))
			lines[attempt->string_count++] = line;
	}
	attempt->strings = lines;
	attempt->mx_count = route->sts->count;
	attempt->mx = route->sts->mx;
}

/* "3 1 1 0123abcd", RFC 6698 2.2; as much of it as is counted */
static struct str
record_text(struct arena *arena, const struct dns_record *r)
{
	struct buf text = { 0 };
	buf_addf(&text, "%u %u %u ", (unsigned)r->tlsa.usage,
	    (unsigned)r->tlsa.selector, (unsigned)r->tlsa.matching);
	struct str data = str_sub(r->tlsa.data, 0, TLS_ROW_STRING);
	for (size_t i = 0; i < data.n; i++)
		buf_addf(&text, "%02x", (unsigned)(uint8_t)data.p[i]);
	struct str kept = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return kept;
}

static void
take_records(struct tls_attempt *attempt, struct arena *arena,
    const struct dane_set *set)
{
	struct str *lines = arena_alloc(arena, TLS_ROW_STRINGS * sizeof *lines);
	for (size_t i = 0; i < set->count && i < TLS_ROW_STRINGS; i++)
		lines[attempt->string_count++] =
		    record_text(arena, &set->records[i]);
	attempt->strings = lines;
}

static void
tell(const struct remote *remote, const struct route_hop *hop,
    struct tls_attempt attempt)
{
	struct tls_listener *listener =
	    remote->destination->delivery->parts.listener;
	const struct route *route = &remote->route;
	const struct requirement *r = &hop->requirement;
	if (!listener || r->by_setting || route->wish == TLS_WISH_OPTIONAL)
		return;
	struct arena arena = { 0 };
	attempt.type = type_of(route, &r->demand);
	attempt.result = result_of(route, attempt.type, attempt.result);
	/* RFC 8460 1.1: with DANE the policy domain is the TLSA base domain */
	bool tlsa = attempt.type == TLS_POLICY_TLSA;
	attempt.recipients = route->domain;
	attempt.domain = tlsa ? r->records->base : route->domain;
	attempt.host = hop->host;
	if (tlsa)
		take_records(&attempt, &arena, r->records);
	else if (attempt.type == TLS_POLICY_STS && route->sts)
		take_policy(&attempt, &arena, route);
	listener->attempted(listener, &attempt);
	arena_free(&arena);
}

void
remote_tell_refusal(const struct remote *remote)
{
	const struct route_hop *hop = &remote->route.refused;
	if (str_empty(hop->host))
		return;
	/* nothing can be good that isn't connected to */
	enum tls_report report =
	    policy_decide(&hop->requirement, TLS_GOOD).report;
	tell(remote, hop,
	    (struct tls_attempt){ .result = report,
		.reason = str_of(remote->route.failure.text) });
}

/* ---- what follows ---- */

static struct tls_decision
decide(const struct remote *remote, enum tls_outcome outcome)
{
	const struct smtp_client *client = &remote->client;
	const struct route_hop *hop = &remote->route.hops[remote->hop];
	struct tls_decision decision =
	    policy_decide(requirement_of(remote), outcome);
	const char *why =
	    client->failure == CLIENT_OK ? client->reason : client->reply.text;
	tell(remote, hop,
	    (struct tls_attempt){ .sender = client->local,
		.receiver = hop->ip,
		.result = decision.report,
		.reason = str_of(why) });
	return decision;
}

/* "example.org's MTA-STS policy demands" */
static const char *
demand_of(const struct remote *remote, struct arena *arena)
{
	const struct requirement *r = requirement_of(remote);
	if (r->by_setting)
		return "POSTERN_RELAY_TLS demands";
	if (r->check != TLS_CHECK_PKIX)
		return "its TLSA records demand";
	if (r->demand.sts != STS_ENFORCE)
		return "REQUIRETLS demands";
	return arena_printf(arena, "%.*s's MTA-STS policy demands",
	    STR_ARG(remote->destination->name))
	    .p;
}

/* RFC 3463 3.8: 4.7.10 no TLS, 4.7.5 TLS that is no good (RFC 5248's list) */
static struct reply
explain(
    const struct remote *remote, struct arena *arena, enum tls_outcome outcome)
{
	const struct smtp_client *client = &remote->client;
	const char *host = remote->route.hops[remote->hop].host.p;
	const char *demand = demand_of(remote, arena);
	if (outcome == TLS_NO_STARTTLS)
		return REPLY(451, "4.7.10",
		    arena_printf(
			arena, "%s doesn't offer TLS, and %s it", host, demand)
			.p);
	if (outcome == TLS_NO_HANDSHAKE)
		return REPLY(451, "4.7.5",
		    arena_printf(arena, "TLS with %s failed (%s), and %s it",
			host, client->reply.text, demand)
			.p);
	return REPLY(451, "4.7.5",
	    arena_printf(arena,
		"The certificate of %s doesn't prove its name (%s), and %s "
		"that",
		host, client->reason, demand)
		.p);
}

bool
remote_tls_failed(const struct remote *remote)
{
	enum smtp_failure failure = remote->client.failure;
	return failure == CLIENT_TLS_REFUSED || failure == CLIENT_TLS_HANDSHAKE;
}

bool
remote_may_be_plain(struct remote *remote, struct reply *why)
{
	enum tls_outcome outcome = judge(&remote->client);
	if (decide(remote, outcome).action == TLS_SEND_IN_PLAIN)
		return true;
	if (!requirement_of(remote)->by_setting)
		*why = explain(remote, &remote->route.arena, outcome);
	return false;
}

bool
remote_is_good(struct remote *remote, struct reply *why)
{
	static const struct reply not_kept = REPLY_IS(550, "5.7.30",
	    "TLS is required, and the server doesn't offer REQUIRETLS");
	const struct smtp_client *client = &remote->client;
	const struct requirement *r = requirement_of(remote);
	if (r->tls != CLIENT_TLS_NONE && !remote->plain) {
		enum tls_outcome outcome = judge(client);
		if (decide(remote, outcome).action == TLS_NEXT_HOST) {
			*why = explain(remote, &remote->route.arena, outcome);
			return false;
		}
	}
	/* RFC 8689 4.2.1 */
	if (r->announced && !client->keeps_tls) {
		*why = not_kept;
		return false;
	}
	return true;
}
