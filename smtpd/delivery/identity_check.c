#include "smtpd/delivery/identity_private.h"

#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/name.h"
#include "lib/net/source.h"

#include <stdlib.h>

static struct identity_family *
family_of(struct flow *flow)
{
	return container_of(flow, struct identity_family, flow);
}

/* ---- which address ---- */

static struct ip
find_in(const struct ip_list *list, uint8_t family)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->ips[i].family == family)
			return list->ips[i];
	return (struct ip){ 0 };
}

/* What a person says is believed, and of that what isn't behind NAT; what the
   kernel chooses, when it isn't. */
static struct ip
find_address(const struct identity_family *f)
{
	const struct settings *s = f->identity->parts.settings;
	struct ip ip = find_in(&s->outbound_address, f->family);
	struct ip seen = find_in(&s->public_ip, f->family);
	if (seen.family && (!ip.family || ip_is_special(ip)))
		return seen;
	if (ip.family)
		return ip;
	ip = source_address(f->family);
	return ip.family && !ip_is_special(ip) ? ip : (struct ip){ 0 };
}

/* ---- what came out ---- */

static void
log_state(const struct identity_family *f)
{
	struct buf text = { 0 };
	identity_describe(f->identity, f->family, &text);
	log_note(LOG_INFO, "dns", "%s", buf_cstr(&text));
	buf_free(&text);
}

/* True: it isn't what was known. */
static bool
keep(struct identity_family *f, enum identity_state state, struct buf *why)
{
	bool same = f->state == state && str_eq(buf_str(&f->why), buf_str(why));
	f->state = state;
	buf_free(&f->why);
	f->why = buf_take(why);
	return !same;
}

static bool
dns_is_in_trouble(const struct identity_family *f)
{
	return f->iprev.status == IPREV_TEMPERROR ||
	    f->sender.check.result == SPF_TEMPERROR ||
	    f->helo.check.result == SPF_TEMPERROR;
}

static void
explain_spf(const struct identity_spf *spf, struct str whose, struct buf *why)
{
	if (spf->check.result != SPF_PASS && why->n == 0)
		buf_addf(why, "SPF of %.*s says %s for it", STR_ARG(whose),
		    spf_result_name(spf->check.result));
}

/* The first thing that is wrong; "" when all is right. */
static void
explain(const struct identity_family *f, struct buf *why)
{
	struct str host = f->identity->parts.settings->hostname;
	struct str sender = buf_str(&f->address);
	if (f->iprev.status == IPREV_PERMERROR)
		buf_adds(why, "it has no reverse name (PTR)");
	else if (f->iprev.status != IPREV_PASS)
		buf_addf(why, "its reverse name %.*s doesn't lead back to it",
		    STR_ARG(f->iprev.name));
	else if (!name_eq(f->iprev.name, host))
		buf_addf(why, "its reverse name is %.*s, not %.*s",
		    STR_ARG(f->iprev.name), STR_ARG(host));
	explain_spf(
	    &f->sender, str_from(sender, str_find(sender, '@') + 1), why);
	explain_spf(&f->helo, host, why);
}

/* ---- asking ---- */

static void on_again(struct timer *);

static void
ask_again(struct identity_family *f, int64_t ms)
{
	iprev_cancel(&f->iprev);
	spf_cancel(&f->sender.check);
	spf_cancel(&f->helo.check);
	timer_start(&f->again, f->identity->parts.loop, ms, on_again);
}

/* What was known stays while the DNS doesn't answer. */
static enum step
judge(struct flow *flow)
{
	struct identity_family *f = family_of(flow);
	struct buf why = { 0 };
	bool trouble = dns_is_in_trouble(f), changed = false;
	if (trouble && f->state == IDENTITY_UNKNOWN) {
		buf_adds(&why, "the DNS doesn't answer");
		changed = keep(f, IDENTITY_UNKNOWN, &why);
	} else if (!trouble) {
		explain(f, &why);
		changed = keep(
		    f, why.n ? IDENTITY_INCOMPLETE : IDENTITY_COMPLETE, &why);
	}
	if (changed)
		log_state(f);
	ask_again(f, trouble ? IDENTITY_SOON_MS : IDENTITY_AGAIN_MS);
	return STEP_STOP;
}

static void
on_iprev(struct iprev_check *check)
{
	flow_release(&container_of(check, struct identity_family, iprev)->flow);
}

static void
on_sender(struct spf_check *check)
{
	flow_release(
	    &container_of(check, struct identity_family, sender.check)->flow);
}

static void
on_helo(struct spf_check *check)
{
	flow_release(
	    &container_of(check, struct identity_family, helo.check)->flow);
}

static void
ask_spf(struct identity_family *f, struct identity_spf *spf, struct str sender,
    void (*done)(struct spf_check *))
{
	const struct identity_parts *parts = &f->identity->parts;
	spf->budget = (struct budget){ BUDGET_SPF };
	spf->question = (struct spf_question){
		.resolver = parts->resolver,
		.budget = &spf->budget,
		.ip = f->ip,
		.helo = parts->settings->hostname,
		.mail_from = sender,
		.receiver = parts->settings->hostname,
	};
	flow_hold(&f->flow);
	spf_start(&spf->check, parts->loop, &spf->question, done);
}

/* Domains may be added at any time: the first one of now. */
static void
set_sender(struct identity_family *f)
{
	const struct directory *d = directory_now(f->identity->parts.directory);
	buf_clear(&f->address);
	buf_addf(
	    &f->address, "postmaster@%.*s", STR_ARG(directory_domain(d, 0)));
}

static enum step
ask(struct flow *flow)
{
	struct identity_family *f = family_of(flow);
	const struct identity_parts *parts = &f->identity->parts;
	f->budget = (struct budget){ BUDGET_IPREV };
	flow_hold(flow);
	iprev_start(&f->iprev, parts->loop, parts->resolver, &f->budget, f->ip,
	    on_iprev);
	ask_spf(f, &f->sender, buf_str(&f->address), on_sender);
	ask_spf(f, &f->helo, STR(""), on_helo);
	return STEP_WAIT;
}

static const struct flow_step steps[] = {
	{ "ask", ask },
	{ "judge", judge },
	{ 0 },
};

static void
on_again(struct timer *timer)
{
	struct identity_family *f =
	    container_of(timer, struct identity_family, again);
	struct ip ip = find_address(f);
	bool other = !ip_eq(ip, f->ip);
	f->ip = ip;
	if (other)
		f->state = IDENTITY_UNKNOWN; /* that was another's */
	if (ip.family) {
		set_sender(f);
		flow_start(&f->flow, steps);
		return;
	}
	struct buf why = buf_of(STR("no address that others see is known; "
				    "POSTERN_PUBLIC_IP can name it"));
	if (keep(f, IDENTITY_UNKNOWN, &why))
		log_state(f);
	ask_again(f, IDENTITY_AGAIN_MS);
}

/* ---- for the asker ---- */

struct identity *
identity_new(const struct identity_parts *parts)
{
	struct identity *identity = mem_alloc(sizeof *identity);
	identity->parts = *parts;
	for (int i = 0; i < 2; i++) {
		struct identity_family *f = &identity->families[i];
		f->identity = identity;
		f->family = i ? 6 : 4;
		timer_start(&f->again, parts->loop, 0, on_again);
	}
	return identity;
}

void
identity_free(struct identity *identity)
{
	if (!identity)
		return;
	for (int i = 0; i < 2; i++) {
		struct identity_family *f = &identity->families[i];
		timer_stop(&f->again);
		iprev_cancel(&f->iprev);
		spf_cancel(&f->sender.check);
		spf_cancel(&f->helo.check);
		buf_free(&f->why);
		buf_free(&f->address);
	}
	free(identity);
}
