#include "smtpd/inbound/verdict_evidence.h"

#include "lib/base/name.h"

/* A key in testing, t=y, counts: RFC 6376 3.6.1 protects its owner from
   signatures that fail, and those are treated as none. */
static bool
is_valid(const struct dkim_result *result)
{
	return result->status == DKIM_PASS && !result->weak;
}

/* When the tree wasn't walked up to it: its parent may be it. */
static struct str
organization_of(const struct checks *checks)
{
	struct str author = checks->author_domain;
	if (!str_empty(checks->dmarc.organizational_domain))
		return checks->dmarc.organizational_domain;
	return name_labels(author) > 2 ? name_parent(author) : author;
}

/* RFC 9989 4.10.2: strictly by name, else by the organizational domain */
static bool
could_align(const struct checks *checks, struct str domain, bool strict)
{
	return strict ? name_eq(domain, checks->author_domain)
		      : name_is_below(domain, organization_of(checks));
}

static void
weigh_spf(struct evidence *e, const struct checks *checks)
{
	const struct spf_check *spf = checks_spf(checks);
	if (!spf)
		return;
	e->spf = spf->result;
	e->spf_domain = spf->domain;
	e->spf_explanation = spf->explanation;
	if (spf->result == SPF_PASS)
		e->author_vouches = name_eq(spf->domain, checks->author_domain);
	if (spf->result == SPF_TEMPERROR)
		e->spf_could_align = could_align(
		    checks, spf->domain, checks->dmarc.record.strict_spf);
}

static void
weigh_signature(struct evidence *e, const struct checks *checks,
    const struct dkim_result *result)
{
	if (is_valid(result)) {
		e->has_signature = true;
		if (name_eq(result->domain, checks->author_domain))
			e->author_vouches = true;
	}
	if (result->status == DKIM_TEMPERROR) {
		e->has_unread_signature = true;
		if (could_align(checks, result->domain,
			checks->dmarc.record.strict_dkim))
			e->dkim_could_align = true;
	}
}

static void
weigh_chain(struct evidence *e, const struct checks *checks)
{
	struct arc_verify chain = checks->arc;
	e->chain_vouches = arc_saw_pass(&chain, checks->author_domain);
	if (chain.status == ARC_TEMPERROR) {
		chain.status = ARC_PASS;
		e->chain_could_vouch =
		    arc_saw_pass(&chain, checks->author_domain);
	}
}

struct evidence
evidence_of(const struct verdict_question *question)
{
	const struct checks *checks = question->checks;
	struct evidence e = {
		.spf = SPF_NONE,
		.spf_domain = STR(""),
		.spf_explanation = STR(""),
	};
	if (!question->source_unknown)
		weigh_spf(&e, checks);
	for (size_t i = 0; i < checks->dkim.count; i++)
		weigh_signature(&e, checks, &checks->dkim.results[i]);
	weigh_chain(&e, checks);
	return e;
}
