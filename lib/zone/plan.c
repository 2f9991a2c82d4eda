#include "lib/zone/plan.h"

#include "lib/base/buf.h"
#include "lib/base/crc.h"
#include "lib/base/name.h"
#include "lib/base/settings.h"
#include "lib/zone/relay.h"

#include <string.h>

enum {
	FIRST_ROOM = 32
};

/* A plan being made. */
struct planner {
	struct zone_plan *plan;
	struct arena *arena; /* the plan's */
	const struct zone_inputs *in;
	size_t room;
	bool inside; /* the host's name is below the domain */
};

/* ---- one record ---- */

static struct zone_record *
next_record(struct planner *p)
{
	struct zone_plan *plan = p->plan;
	if (plan->count == p->room) {
		struct zone_record *old = plan->records;
		p->room = p->room ? p->room * 2 : FIRST_ROOM;
		plan->records = arena_alloc(p->arena, p->room * sizeof *old);
		if (old)
			memcpy(plan->records, old, plan->count * sizeof *old);
	}
	return &plan->records[plan->count++];
}

static void
add(struct planner *p, enum zone_tier tier, struct str name, const char *type,
    struct str value, const char *note)
{
	*next_record(p) = (struct zone_record){
		.tier = tier,
		.name = name,
		.type = type,
		.value = value,
		.note = note,
	};
}

/* "_dmarc" gives _dmarc.example.com */
static struct str
below(struct planner *p, const char *label, struct str parent)
{
	return arena_printf(p->arena, "%s.%.*s", label, STR_ARG(parent));
}

static struct str
host_dot(struct planner *p)
{
	return arena_printf(p->arena, "%.*s.", STR_ARG(p->in->hostname));
}

/* ---- the host ---- */

static const char *
ip_text(struct planner *p, struct ip ip)
{
	char text[IP_TEXT];
	ip_print(ip, text);
	return arena_str(p->arena, str_of(text)).p;
}

/* RFC 1035 3.5: where the PTR records of an address are; IPv6: RFC 3596 2.5 */
static struct str
reverse_name(struct planner *p, struct ip ip)
{
	struct buf name = { 0 };
	if (ip.family == 4)
		for (int i = 3; i >= 0; i--)
			buf_addf(&name, "%u.", ip.bytes[i]);
	else
		for (int i = 15; i >= 0; i--)
			buf_addf(&name, "%x.%x.", ip.bytes[i] & 15,
			    ip.bytes[i] >> 4);
	buf_adds(&name, ip.family == 4 ? "in-addr.arpa" : "ip6.arpa");
	struct str text = arena_str(p->arena, buf_str(&name));
	buf_free(&name);
	return text;
}

static void
add_addresses(struct planner *p)
{
	const struct zone_inputs *in = p->in;
	if (!p->inside)
		return;
	for (size_t i = 0; i < in->ip_count; i++)
		add(p, ZONE_REQUIRED, in->hostname,
		    in->ips[i].family == 4 ? "A" : "AAAA",
		    str_of(ip_text(p, in->ips[i])), NULL);
	if (in->ip_count == 0)
		add(p, ZONE_REQUIRED, in->hostname, "A", STR(""),
		    "the server's public address: none was found, set "
		    "POSTERN_PUBLIC_IP; its PTR record is needed too");
}

static void
add_reverse(struct planner *p)
{
	const struct zone_inputs *in = p->in;
	if (!p->inside)
		return;
	for (size_t i = 0; i < in->ip_count; i++) {
		struct str note = arena_printf(p->arena,
		    "at the server's provider: the reverse name of %s",
		    ip_text(p, in->ips[i]));
		add(p, ZONE_REQUIRED, reverse_name(p, in->ips[i]), "PTR",
		    host_dot(p), note.p);
	}
}

/* ---- the domain ---- */

static void
add_mx(struct planner *p)
{
	struct str note = arena_printf(p->arena,
	    "%.*s is not in this domain: its addresses and reverse names are "
	    "set elsewhere",
	    STR_ARG(p->in->hostname));
	add(p, ZONE_REQUIRED, p->in->domain, "MX",
	    arena_printf(p->arena, "10 %.*s.", STR_ARG(p->in->hostname)),
	    p->inside ? NULL : note.p);
}

/* RFC 7208 3.2: one SPF record a name.  A smarthost sends from addresses of
   its own. */
static void
add_spf(struct planner *p)
{
	const struct zone_inputs *in = p->in;
	struct str relay =
	    str_empty(in->relay_spf) ? relay_spf(in->relay) : in->relay_spf;
	struct str note = STR("there may be only one v=spf1 record: when there "
			      "is one already, add mx to it");
	if (str_empty(in->relay))
		relay = STR("");
	else if (str_empty(relay))
		note = arena_printf(p->arena,
		    "what %.*s wants in SPF is missing here, and mail through "
		    "it will fail: set POSTERN_RELAY_SPF to what its provider "
		    "names, such as include:spf.example.net",
		    STR_ARG(in->relay));
	else
		note = arena_printf(p->arena,
		    "there may be only one v=spf1 record: when there is one "
		    "already, add mx %.*s to it",
		    STR_ARG(relay));
	add(p, ZONE_REQUIRED, in->domain, "TXT",
	    arena_printf(p->arena, "v=spf1 mx%s%.*s -all",
		str_empty(relay) ? "" : " ", STR_ARG(relay)),
	    note.p);
}

static void
add_keys(struct planner *p)
{
	const struct zone_inputs *in = p->in;
	struct str parent = below(p, "_domainkey", in->domain);
	for (size_t i = 0; i < in->key_count; i++)
		add(p, ZONE_REQUIRED,
		    arena_printf(p->arena, "%.*s.%.*s",
			STR_ARG(in->keys[i].selector), STR_ARG(parent)),
		    "TXT", arena_str(p->arena, in->keys[i].txt), NULL);
	if (in->key_count == 0)
		add(p, ZONE_REQUIRED, parent, "TXT", STR(""),
		    "there is no DKIM key yet: the server makes one when it "
		    "starts");
}

static void
add_dmarc(struct planner *p)
{
	const struct zone_inputs *in = p->in;
	add(p, ZONE_REQUIRED, below(p, "_dmarc", in->domain), "TXT",
	    arena_printf(p->arena,
		"v=DMARC1; p=%.*s; adkim=s; aspf=s; rua=mailto:reports@%.*s",
		STR_ARG(in->dmarc_policy), STR_ARG(in->domain)),
	    NULL);
}

/* RFC 8461 3.1: the id changes when the policy does */
static void
add_sts(struct planner *p)
{
	const struct zone_inputs *in = p->in;
	if (!in->sts)
		return;
	add(p, ZONE_RECOMMENDED, below(p, "mta-sts", in->domain), "CNAME",
	    host_dot(p), NULL);
	add(p, ZONE_RECOMMENDED, below(p, "_mta-sts", in->domain), "TXT",
	    arena_printf(p->arena, "v=STSv1; id=%08x",
		(unsigned)crc32c(0, in->sts_policy)),
	    NULL);
}

static void
add_tls_report(struct planner *p)
{
	add(p, ZONE_RECOMMENDED, below(p, "_smtp._tls", p->in->domain), "TXT",
	    arena_printf(p->arena, "v=TLSRPTv1; rua=mailto:reports@%.*s",
		STR_ARG(p->in->domain)),
	    NULL);
}

/* RFC 7208 2.3: bounces are judged by the EHLO name.  When the host is called
   like the domain, its one record is there already. */
static void
add_host_spf(struct planner *p)
{
	if (p->inside && !name_eq(p->in->hostname, p->in->domain))
		add(p, ZONE_RECOMMENDED, p->in->hostname, "TXT",
		    STR("v=spf1 a -all"), NULL);
}

/* What mail programs look for. */
static void
add_clients(struct planner *p)
{
	static const struct {
		const char *label;
		enum port_name port;
	} services[] = {
		/* RFC 6186 3.2: where the mailboxes are read */
		{ "_imaps._tcp", PORT_IMAPS },
		/* RFC 8314 5.1: where mail is handed in, TLS from the start */
		{ "_submissions._tcp", PORT_SUBMISSIONS },
	};
	static const char *const aliases[] = { "autoconfig", "autodiscover" };
	const struct zone_inputs *in = p->in;
	for (int i = 0; i < 2; i++)
		add(p, ZONE_RECOMMENDED, below(p, aliases[i], in->domain),
		    "CNAME", host_dot(p), NULL);
	for (int i = 0; i < 2; i++)
		if (in->ports[services[i].port])
			add(p, ZONE_RECOMMENDED,
			    below(p, services[i].label, in->domain), "SRV",
			    arena_printf(p->arena, "0 1 %u %.*s.",
				in->ports[services[i].port],
				STR_ARG(in->hostname)),
			    NULL);
}

static void
add_certificates(struct planner *p)
{
	const struct zone_inputs *in = p->in;
	if (p->inside && !str_empty(in->tlsa))
		add(p, ZONE_OPTIONAL, below(p, "_25._tcp", in->hostname),
		    "TLSA", arena_str(p->arena, in->tlsa),
		    "only in a zone signed with DNSSEC");
	if (p->inside)
		add(p, ZONE_OPTIONAL, in->hostname, "CAA",
		    STR("0 issue \"letsencrypt.org\""), NULL);
}

/* docs/reference.md, in its order. */
static void (*const parts[])(struct planner *) = {
	add_addresses,
	add_mx,
	add_spf,
	add_keys,
	add_dmarc,
	add_reverse,
	add_sts,
	add_tls_report,
	add_host_spf,
	add_clients,
	add_certificates,
};

void
zone_plan(struct zone_plan *plan, const struct zone_inputs *inputs)
{
	*plan = (struct zone_plan){ 0 };
	struct zone_inputs in = *inputs;
	struct planner p = { plan, &plan->arena, &in, 0, false };
	in.domain = arena_lower(p.arena, name_strip_dot(inputs->domain));
	in.hostname = arena_lower(p.arena, name_strip_dot(inputs->hostname));
	p.inside = name_is_below(in.hostname, in.domain);
	plan->domain = in.domain;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		parts[i](&p);
}

void
zone_plan_free(struct zone_plan *plan)
{
	arena_free(&plan->arena);
	*plan = (struct zone_plan){ 0 };
}
