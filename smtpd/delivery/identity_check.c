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

/* ---- what is wrong ---- */

static void
explain_spf(const struct identity_spf *spf, struct str whose, struct buf *wrong)
{
	if (spf->check.result != SPF_PASS)
		buf_addf(wrong, "SPF of %.*s says %s for it", STR_ARG(whose),
		    spf_result_name(spf->check.result));
}

static void
explain_name(const struct identity_family *f, struct buf *wrong)
{
	struct str host = f->identity->parts.settings->hostname;
	struct str name = f->iprev.name;
	if (f->iprev.status == IPREV_PERMERROR)
		buf_adds(wrong, "it has no reverse name (PTR)");
	else if (f->iprev.status != IPREV_PASS)
		buf_addf(wrong, "its reverse name %.*s doesn't lead back to it",
		    STR_ARG(name));
	else if (!name_eq(name, host))
		buf_addf(wrong, "its reverse name is %.*s, not %.*s",
		    STR_ARG(name), STR_ARG(host));
}

static void
explain_host(struct identity_family *f)
{
	if (f->iprev.status == IPREV_TEMPERROR ||
	    f->helo.check.result == SPF_TEMPERROR) {
		buf_adds(&f->trouble, "the DNS doesn't answer");
		return;
	}
	explain_name(f, &f->wrong);
	if (f->wrong.n == 0)
		explain_spf(
		    &f->helo, f->identity->parts.settings->hostname, &f->wrong);
}

/* The DNS has just answered about the host: that of one domain alone must not
   hide what is wrong with the others. */
static void
explain_domain(struct identity_family *f)
{
	if (f->sender.check.result != SPF_TEMPERROR)
		explain_spf(&f->sender, f->domain, &f->wrong);
	else if (f->trouble.n == 0)
		buf_addf(&f->trouble, "the DNS of %.*s doesn't answer",
		    STR_ARG(f->domain));
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
	spf_start(&spf->check, parts->loop, &spf->question, done);
}

static void
on_iprev(struct iprev_check *check)
{
	flow_release(&container_of(check, struct identity_family, iprev)->flow);
}

static void
on_helo(struct spf_check *check)
{
	flow_release(
	    &container_of(check, struct identity_family, helo.check)->flow);
}

static enum step
ask_host(struct flow *flow)
{
	struct identity_family *f = family_of(flow);
	const struct identity_parts *parts = &f->identity->parts;
	f->budget = (struct budget){ BUDGET_IPREV };
	f->iprev.wanted = parts->settings->hostname;
	flow_hold(flow);
	iprev_start(&f->iprev, parts->loop, parts->resolver, &f->budget, f->ip,
	    on_iprev);
	flow_hold(flow);
	ask_spf(f, &f->helo, STR(""), on_helo);
	return STEP_WAIT;
}

static void on_sender(struct spf_check *);

/* False: there is none left. */
static bool
ask_next_domain(struct identity_family *f)
{
	if (f->domains.n == 0)
		return false;
	spf_cancel(&f->sender.check);
	f->domain = str_cut(&f->domains, '\n');
	buf_clear(&f->address);
	buf_addf(&f->address, "postmaster@%.*s", STR_ARG(f->domain));
	ask_spf(f, &f->sender, buf_str(&f->address), on_sender);
	return true;
}

static void
on_sender(struct spf_check *check)
{
	struct identity_family *f =
	    container_of(check, struct identity_family, sender.check);
	explain_domain(f);
	if (f->wrong.n > 0 || !ask_next_domain(f))
		flow_release(&f->flow);
}

/* One after the other, however many they are; until one is wrong. */
static enum step
ask_domains(struct flow *flow)
{
	struct identity_family *f = family_of(flow);
	explain_host(f);
	if (f->wrong.n > 0 || f->trouble.n > 0 || !ask_next_domain(f))
		return STEP_NEXT;
	flow_hold(flow);
	return STEP_WAIT;
}

/* What was good stays while the DNS doesn't answer; what was wrong may be
   mended. */
static enum step
judge(struct flow *flow)
{
	struct identity_family *f = family_of(flow);
	bool trouble = f->trouble.n > 0, changed = false;
	if (f->wrong.n > 0)
		changed = keep(f, IDENTITY_INCOMPLETE, &f->wrong);
	else if (!trouble)
		changed = keep(f, IDENTITY_COMPLETE, &f->wrong);
	else if (f->state != IDENTITY_COMPLETE)
		changed = keep(f, IDENTITY_UNKNOWN, &f->trouble);
	if (changed)
		log_state(f);
	ask_again(f, trouble ? IDENTITY_SOON_MS : IDENTITY_AGAIN_MS);
	return STEP_STOP;
}

static const struct flow_step steps[] = {
	{ "host", ask_host },
	{ "domains", ask_domains },
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
		f->domains = buf_str(&f->identity->domains);
		buf_clear(&f->wrong);
		buf_clear(&f->trouble);
		flow_start(&f->flow, steps);
		return;
	}
	struct buf why = buf_of(STR("no address that others see is known; "
				    "POSTERN_PUBLIC_IP can name it"));
	if (keep(f, IDENTITY_UNKNOWN, &why))
		log_state(f);
	ask_again(f, IDENTITY_AGAIN_MS);
}

/* ---- our domains ---- */

static struct buf
list_domains(const struct directory *directory)
{
	struct buf list = { 0 };
	struct str name;
	for (size_t i = 0; !str_empty(name = directory_domain(directory, i));
	     i++)
		buf_addf(&list, "%.*s\n", STR_ARG(name));
	return list;
}

/* Most changes are of users and aliases. */
static void
on_directory(
    struct directory_listener *listener, const struct directory *directory)
{
	struct identity *identity =
	    container_of(listener, struct identity, listener);
	struct buf now = list_domains(directory);
	if (str_eq(buf_str(&now), buf_str(&identity->domains))) {
		buf_free(&now);
		return;
	}
	buf_free(&identity->domains);
	identity->domains = now;
	for (int i = 0; i < 2; i++)
		ask_again(&identity->families[i], 0);
}

/* ---- for the asker ---- */

struct identity *
identity_new(const struct identity_parts *parts)
{
	struct identity *identity = mem_alloc(sizeof *identity);
	identity->parts = *parts;
	identity->domains = list_domains(directory_now(parts->directory));
	directory_listen(parts->directory, &identity->listener, on_directory);
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
		buf_free(&f->wrong);
		buf_free(&f->trouble);
	}
	buf_free(&identity->domains);
	free(identity);
}
