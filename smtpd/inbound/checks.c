#include "smtpd/inbound/checks.h"

#include "lib/base/name.h"
#include "lib/net/flow.h"
#include "smtpd/inbound/list_fields.h"

#include <stdlib.h>

/* Each check has a share, so that hostile records of one can't use up what
   another needs; together with iprev's they are the whole. */
_Static_assert(
    BUDGET_SPF + BUDGET_DKIM + BUDGET_DMARC + BUDGET_IPREV + BUDGET_OVERDRAWN <=
	BUDGET_MESSAGE,
    "the shares are more than there is");

struct checks_run {
	struct checks *checks;
	struct flow flow;
	struct budget spf, dkim, dmarc; /* shares */
	struct spf_question mail_from, helo;
	struct dkim_question signatures, chain;
	const struct header *header;
	struct later ended; /* of a message without a header section */
};

static struct checks *
checks_of(struct flow *flow)
{
	return container_of(flow, struct checks_run, flow)->checks;
}

/* ---- SPF ---- */

static struct spf_question
spf_question(struct checks *c, struct str mail_from)
{
	return (struct spf_question){
		.resolver = c->question->resolver,
		.budget = &c->run->spf,
		.ip = c->question->ip,
		.helo = c->question->helo,
		.mail_from = mail_from,
		.receiver = c->question->hostname,
	};
}

static void
on_helo(struct spf_check *spf)
{
	struct checks *c = container_of(spf, struct checks, helo);
	flow_release(&c->run->flow);
}

/* RFC 7208 2.4: with the null reverse-path it is the identity that counts */
static void
ask_helo(struct checks *c)
{
	c->has_helo = true;
	c->run->helo = spf_question(c, STR(""));
	spf_start(&c->helo, c->question->loop, &c->run->helo, on_helo);
}

/* RFC 7208 2.3: what may be no domain isn't asked about */
static void
on_mail_from(struct spf_check *spf)
{
	struct checks *c = container_of(spf, struct checks, mail_from);
	struct str helo = name_strip_dot(c->question->helo);
	struct ip literal;
	if (name_is_host(helo) && name_labels(helo) > 1 &&
	    !ip_parse(helo, &literal))
		ask_helo(c);
	else
		flow_release(&c->run->flow);
}

static void
ask_mail_from(struct checks *c)
{
	struct checks_run *run = c->run;
	c->has_mail_from = true;
	run->mail_from = spf_question(c, c->question->mail_from);
	spf_start(
	    &c->mail_from, c->question->loop, &run->mail_from, on_mail_from);
}

/* ---- DMARC ---- */

static void
on_policy(struct dmarc_check *dmarc)
{
	struct checks *c = container_of(dmarc, struct checks, dmarc);
	flow_release(&c->run->flow);
}

static void
add_identifier(
    struct dmarc_check *dmarc, struct str domain, bool is_dkim, bool unknown)
{
	if (dmarc->count == DMARC_IDENTIFIERS || str_empty(domain))
		return;
	dmarc->identifiers[dmarc->count++] = (struct dmarc_identifier){
		.domain = domain,
		.is_dkim = is_dkim,
		.unknown = unknown,
	};
}

/* RFC 9989 4.3: what SPF and DKIM have authenticated; or, 5.3.6, may have
   authenticated, if only the DNS had answered */
static void
add_identifiers(struct checks *c, bool unknown)
{
	const struct spf_check *spf = checks_spf(c);
	enum spf_result sender = unknown ? SPF_TEMPERROR : SPF_PASS;
	enum dkim_status signature = unknown ? DKIM_TEMPERROR : DKIM_PASS;
	if (spf && spf->result == sender)
		add_identifier(&c->dmarc, spf->domain, false, unknown);
	for (size_t i = 0; i < c->dkim.count; i++) {
		const struct dkim_result *result = &c->dkim.results[i];
		if (result->status == signature && !result->weak)
			add_identifier(
			    &c->dmarc, result->domain, true, unknown);
	}
}

static enum step
align(struct flow *flow)
{
	struct checks *c = checks_of(flow);
	if (c->dmarc.status != DMARC_FAIL)
		return STEP_NEXT;
	add_identifiers(c, false);
	add_identifiers(c, true);
	flow_hold(flow);
	dmarc_align(&c->dmarc, on_policy);
	return STEP_WAIT;
}

/* ---- DKIM and ARC ---- */

static struct dkim_question
dkim_question(struct checks *c, struct budget *budget)
{
	return (struct dkim_question){
		.resolver = c->question->resolver,
		.budget = budget,
		.header = c->run->header,
		.author_domain = c->author_domain,
		.now = c->question->now,
	};
}

static void
on_dkim(struct dkim_verify *dkim)
{
	struct checks *c = container_of(dkim, struct checks, dkim);
	flow_release(&c->run->flow);
}

static void
on_arc(struct arc_verify *arc)
{
	struct checks *c = container_of(arc, struct checks, arc);
	flow_release(&c->run->flow);
}

/* ARC has half of what the others left: its questions are asked at once, and
   each may cost a second one. */
static enum step
validate(struct flow *flow)
{
	struct checks *c = checks_of(flow);
	const struct checks_run *run = c->run;
	if (!c->has_header)
		return STEP_NEXT;
	c->budget.left = (run->spf.left + run->dkim.left + run->dmarc.left) / 2;
	flow_hold(flow);
	arc_end(&c->arc, on_arc);
	return STEP_WAIT;
}

/* ---- the story ---- */

/* The message's end releases it once, SPF once, and the policy. */
static enum step
ask(struct flow *flow)
{
	struct checks *c = checks_of(flow);
	flow_hold(flow);
	if (c->question->ip.family == 0)
		return STEP_WAIT;
	flow_hold(flow);
	if (str_empty(c->question->mail_from))
		ask_helo(c);
	else
		ask_mail_from(c);
	return STEP_WAIT;
}

static enum step
read_lists(struct flow *flow)
{
	struct checks *c = checks_of(flow);
	if (c->has_header)
		c->list_fields_signed = list_fields_signed(c->run->header,
		    &c->dkim, c->author_domain, &c->list_domain);
	return STEP_NEXT;
}

static enum step
tell(struct flow *flow)
{
	struct checks *c = checks_of(flow);
	c->done(c);
	return STEP_STOP;
}

static const struct flow_step steps[] = {
	{ "ask", ask },
	{ "align", align },
	{ "chain", validate },
	{ "lists", read_lists },
	{ "tell", tell },
	{ 0 },
};

/* ---- from MAIL to the final dot ---- */

void
checks_start(struct checks *c, const struct checks_question *question)
{
	*c = (struct checks){
		.question = question,
		.author_domain = STR(""),
		.list_domain = STR(""),
	};
	c->run = mem_alloc(sizeof *c->run);
	c->run->checks = c;
	c->run->spf.left = BUDGET_SPF;
	c->run->dkim.left = BUDGET_DKIM;
	c->run->dmarc.left = BUDGET_DMARC;
	flow_start(&c->run->flow, steps);
}

static bool
read_author(struct checks *c, const struct header *header, const char **why)
{
	struct address_list authors;
	if (!from_author(header, &c->arena, &authors, why))
		return false;
	c->author_domain = authors.addresses[0].domain;
	return true;
}

static void
discover(struct checks *c)
{
	struct checks_run *run = c->run;
	flow_hold(&run->flow);
	dmarc_discover(&c->dmarc, c->question->loop, c->question->resolver,
	    &run->dmarc, c->author_domain, on_policy);
}

bool
checks_header(struct checks *c, const struct header *header, const char **why)
{
	struct checks_run *run = c->run;
	bool has_author = read_author(c, header, why);
	c->has_header = true;
	run->header = header;
	run->signatures = dkim_question(c, &run->dkim);
	run->chain = dkim_question(c, &c->budget);
	dkim_verify_start(&c->dkim, c->question->loop, &run->signatures);
	arc_start(&c->arc, c->question->loop, &run->chain);
	if (has_author)
		discover(c);
	return has_author;
}

void
checks_body(struct checks *c, struct str piece)
{
	if (!c->has_header)
		return;
	dkim_verify_body(&c->dkim, piece);
	arc_body(&c->arc, piece);
}

static void
on_ended(struct later *later)
{
	struct checks_run *run = container_of(later, struct checks_run, ended);
	flow_release(&run->flow);
}

void
checks_end(struct checks *c, void (*done)(struct checks *))
{
	c->done = done;
	if (c->has_header)
		dkim_verify_end(&c->dkim, on_dkim);
	else
		loop_later(c->question->loop, &c->run->ended, on_ended);
}

void
checks_cancel(struct checks *c)
{
	spf_cancel(&c->mail_from);
	spf_cancel(&c->helo);
	dkim_verify_cancel(&c->dkim);
	arc_cancel(&c->arc);
	dmarc_cancel(&c->dmarc);
	if (c->run)
		later_cancel(&c->run->ended);
	free(c->run);
	arena_free(&c->arena);
	*c = (struct checks){ 0 };
}

const struct spf_check *
checks_spf(const struct checks *c)
{
	if (c->has_mail_from)
		return &c->mail_from;
	return c->has_helo ? &c->helo : NULL;
}
