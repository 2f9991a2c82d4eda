/*
 * policy.c - what a domain demands of whoever sends mail to it, and what each
 * of its hosts must prove, as delivery sees it.
 */
#include "smtpd/control/session.h"

#include "lib/base/name.h"

enum {
	PATIENCE_MS = 120000, /* a policy host may take a minute */
};

/* ---- the policy ---- */

static const char *const troubles[] = {
	[POLICY_FINE] = "",
	[POLICY_NOT_FETCHED] = "a policy is announced, and can't be fetched",
	[POLICY_MALFORMED] = "a policy is announced, and can't be read",
	[POLICY_WEBPKI] =
	    "a policy is announced, and its host's certificate isn't valid",
	[POLICY_UNKNOWN] = "can't be had now: the DNS doesn't answer",
};

static json_t *
sts(const struct sts_policy *policy)
{
	if (!policy)
		return json_null();
	json_t *mx = json_array();
	for (size_t i = 0; i < policy->count; i++)
		json_array_append_new(mx, session_text(policy->mx[i]));
	return json_pack("{s:s, s:I, s:o}", "mode", sts_mode_name(policy->mode),
	    "max_age", (json_int_t)policy->max_age, "mx", mx);
}

/* ---- the hosts ---- */

static const char *const refusals[] = {
	[TLS_NOT_REFUSED] = "",
	[TLS_REFUSED_UNLISTED] = "the enforced policy doesn't name it",
	[TLS_REFUSED_BOGUS] = "its TLSA records can't be had",
	[TLS_REFUSED_UNPROVEN] = "nothing proves it",
};

static json_t *
host(const struct route *route, const struct route_hop *hop)
{
	const struct requirement *r = &hop->requirement;
	return json_pack("{s:o, s:[], s:s, s:s, s:s, s:o}", "host",
	    session_text(hop->host), "addresses", "proof", r->proof, "refusal",
	    refusals[r->refusal], "dane", dane_status_name(r->demand.dane),
	    "listed",
	    route->sts ? json_boolean(r->demand.listed) : json_null());
}

/* A host has a hop for each of its addresses. */
static json_t *
find_host(json_t *all, struct str name)
{
	size_t i;
	json_t *known;
	json_array_foreach(all, i, known)
	{
		const json_t *text = json_object_get(known, "host");
		if (str_eq(str_of(json_string_value(text)), name))
			return known;
	}
	return NULL;
}

static void
add_hop(json_t *all, const struct route *route, const struct route_hop *hop)
{
	char ip[IP_TEXT];
	json_t *known = find_host(all, hop->host);
	if (!known) {
		known = host(route, hop);
		json_array_append_new(all, known);
	}
	ip_print(hop->ip, ip);
	json_array_append_new(
	    json_object_get(known, "addresses"), json_string(ip));
}

/* Those that mail goes to come first, in the order to try them. */
static json_t *
hosts(const struct route *route)
{
	json_t *all = json_array();
	for (size_t i = 0; i < route->count; i++)
		add_hop(all, route, &route->hops[i]);
	for (size_t i = 0; i < route->refusal_count; i++)
		add_hop(all, route, &route->refusals[i]);
	return all;
}

/* ---- the verb ---- */

/* Where the DNS has left us without hosts, nobody has asked for the policy. */
static enum policy_trouble
trouble_of(const struct route *route, struct str status)
{
	bool lost = str_eq(status, STR("4.4.3")) && !route->sts &&
	    route->trouble == POLICY_FINE;
	return lost ? POLICY_UNKNOWN : route->trouble;
}

static void
on_route(struct route *route)
{
	struct session *s = container_of(route, struct session, route);
	struct str status = str_of(route->failure.enhanced);
	enum policy_trouble trouble = trouble_of(route, status);
	bool temporary =
	    trouble == POLICY_UNKNOWN || str_eq(status, STR("4.4.3"));
	json_t *answer = json_pack("{s:o, s:s, s:o, s:o, s:s, s:o, s:b}",
	    "domain", session_text(route->domain), "sts_trouble",
	    troubles[trouble], "sts", sts(route->sts), "hosts", hosts(route),
	    "failure", route->failure.text, "status", session_text(status),
	    "temporary", temporary);
	route_end(route);
	stream_deadline(s->stream, CONTROL_IDLE_MS);
	session_done(s, answer);
}

void
policy_start(struct session *s, const json_t *request)
{
	const struct control_parts *p = &s->control->parts;
	struct str domain =
	    str_of(json_string_value(json_object_get(request, "domain")));
	if (!name_is_host(domain)) {
		session_fail(s, CONTROL_USAGE, "say which: DOMAIN");
		return;
	}
	buf_clear(&s->route_domain);
	for (size_t i = 0; i < domain.n; i++)
		buf_addc(&s->route_domain,
		    domain.p[i] >= 'A' && domain.p[i] <= 'Z'
			? (char)(domain.p[i] | 0x20)
			: domain.p[i]);
	s->route = (struct route){
		.settings = p->settings,
		.identity = p->identity,
		.resolver = p->resolver,
		.policies = p->policies,
		.loop = p->loop,
		.domain = buf_str(&s->route_domain),
	};
	stream_deadline(s->stream, PATIENCE_MS);
	route_start(&s->route, on_route);
}

void
policy_cancel(struct session *s)
{
	route_end(&s->route);
	buf_free(&s->route_domain);
}
