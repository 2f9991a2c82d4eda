#include "smtpd/delivery/policy_search.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdlib.h>

enum {
	HTTP_OK = 200,
};

static struct policy_search *
search_of(struct flow *flow)
{
	return container_of(flow, struct policy_search, flow);
}

/* The last thing a step or a callback does. */
static enum step
end(struct policy_search *s)
{
	s->done(s);
	return STEP_STOP;
}

/* RFC 8461 3.3: administrators are told, unless what is kept is "none" */
static enum step
end_badly(struct policy_search *s, enum policy_trouble trouble, const char *why)
{
	struct log_line l =
	    log_begin(s->quiet ? LOG_DEBUG : LOG_WARN, "policy");
	log_s(&l, "domain", s->domain);
	log_c(&l, "error", why);
	if (s->fetch.status)
		log_d(&l, "status", s->fetch.status);
	log_end(&l);
	s->trouble = trouble;
	return end(s);
}

/* ---- the record ---- */

static void
on_txt(struct dns_query *query)
{
	struct policy_search *s =
	    container_of(query, struct policy_search, txt);
	const char *why;
	s->failed = query->answer->status == DNS_TEMPFAIL;
	s->recorded = query->answer->status == DNS_FOUND &&
	    sts_record_select(query->answer, &s->arena, &s->id, &why);
	flow_release(&s->flow);
}

static enum step
look(struct flow *flow)
{
	struct policy_search *s = search_of(flow);
	struct str name =
	    arena_printf(&s->arena, "_mta-sts.%.*s", STR_ARG(s->domain));
	flow_hold(flow);
	dns_ask(s->parts->resolver, &s->txt, name, DNS_TXT, on_txt);
	return STEP_WAIT;
}

/* RFC 8461 5.1: without a record nothing new; the same id, the same policy */
static enum step
decide(struct flow *flow)
{
	struct policy_search *s = search_of(flow);
	if (!s->recorded || !s->may_fetch || str_eq(s->id, s->known_id))
		return end(s);
	s->fetched = true;
	return STEP_NEXT;
}

/* ---- where the policy is ---- */

static void
on_addresses(struct policy_search *s, const struct dns_answer *answer, int six)
{
	bool all = s->parts->settings->allow_private_destinations;
	for (size_t i = 0; i < answer->count; i++)
		if (s->count[six] < FETCH_IPS &&
		    (all || !ip_is_special(answer->records[i].ip)))
			s->ips[six][s->count[six]++] = answer->records[i].ip;
	flow_release(&s->flow);
}

static void
on_a(struct dns_query *query)
{
	on_addresses(
	    container_of(query, struct policy_search, a), query->answer, 0);
}

static void
on_aaaa(struct dns_query *query)
{
	on_addresses(
	    container_of(query, struct policy_search, aaaa), query->answer, 1);
}

/* RFC 8461 3.3: the policy host */
static enum step
locate(struct flow *flow)
{
	struct policy_search *s = search_of(flow);
	s->fetch.host =
	    arena_printf(&s->arena, "mta-sts.%.*s", STR_ARG(s->domain));
	flow_hold(flow);
	flow_hold(flow);
	dns_ask(s->parts->resolver, &s->a, s->fetch.host, DNS_A, on_a);
	dns_ask(s->parts->resolver, &s->aaaa, s->fetch.host, DNS_AAAA, on_aaaa);
	return STEP_WAIT;
}

/* The two families in turn, so that neither crowds out the other. */
static void
choose_addresses(struct policy_search *s)
{
	for (size_t i = 0; i < FETCH_IPS; i++)
		for (int six = 0; six < 2; six++)
			if (i < s->count[six] && s->fetch.count < FETCH_IPS)
				s->fetch.ips[s->fetch.count++] = s->ips[six][i];
}

/* ---- the policy ---- */

static void
on_fetched(struct fetch *fetch)
{
	flow_release(&container_of(fetch, struct policy_search, fetch)->flow);
}

static void
take(struct policy_search *s)
{
	const char *why;
	s->found =
	    kept_policy_new(s->fetch.content, s->id, clock_wall_ms(), &why);
	if (s->found)
		end(s);
	else
		end_badly(s, POLICY_MALFORMED, why);
}

static enum step
fetch(struct flow *flow)
{
	struct policy_search *s = search_of(flow);
	choose_addresses(s);
	if (s->fetch.count == 0)
		return end_badly(s, POLICY_NOT_FETCHED,
		    "the policy host has no address that may be used");
	s->fetch.path = STR("/.well-known/mta-sts.txt");
	s->fetch.port = s->parts->settings->sts_port;
	s->fetch.ahead = s->ahead;
	flow_hold(flow);
	fetch_start(s->parts->fetch, &s->fetch, on_fetched);
	return STEP_WAIT;
}

static const struct {
	enum policy_trouble trouble;
	const char *why;
} failures[] = {
	[FETCH_NO_CONNECTION] = { POLICY_NOT_FETCHED,
	    "the policy host can't be connected to" },
	[FETCH_CERTIFICATE] = { POLICY_WEBPKI,
	    "the policy host's certificate isn't valid for it" },
	[FETCH_TLS] = { POLICY_NOT_FETCHED,
	    "the TLS handshake with the policy host failed" },
	[FETCH_TOO_LARGE] = { POLICY_MALFORMED, "the policy is too large" },
	[FETCH_TIMEOUT] = { POLICY_NOT_FETCHED,
	    "the policy host took too long" },
	[FETCH_AWAY] = { POLICY_NOT_FETCHED, "web doesn't answer" },
};

/* RFC 8461 3.3: status 200 and text/plain, nothing else is a policy */
static enum step
judge(struct flow *flow)
{
	struct policy_search *s = search_of(flow);
	const struct fetch *f = &s->fetch;
	if (f->result != FETCH_DONE)
		return end_badly(
		    s, failures[f->result].trouble, failures[f->result].why);
	if (f->status != HTTP_OK)
		return end_badly(s, POLICY_NOT_FETCHED,
		    "the policy host has no policy there");
	if (!str_eq(f->content_type, STR("text/plain")))
		return end_badly(
		    s, POLICY_MALFORMED, "the policy isn't text/plain");
	take(s);
	return STEP_STOP;
}

static const struct flow_step steps[] = {
	{ "record", look },
	{ "decide", decide },
	{ "host", locate },
	{ "fetch", fetch },
	{ "judge", judge },
	{ NULL, NULL },
};

void
policy_search_start(
    struct policy_search *s, void (*done)(struct policy_search *))
{
	s->done = done;
	flow_start(&s->flow, steps);
}

void
policy_search_end(struct policy_search *s)
{
	dns_cancel(&s->txt);
	dns_cancel(&s->a);
	dns_cancel(&s->aaaa);
	fetch_cancel(&s->fetch);
	kept_policy_free(s->found);
	arena_free(&s->arena);
	*s = (struct policy_search){ 0 };
}
