#include "smtpd/inbound/verdict.h"

#include "smtpd/inbound/verdict_evidence.h"
#include "smtpd/inbound/verdict_text.h"

struct reaching {
	const struct verdict_question *question;
	const struct checks *checks;
	struct evidence evidence;
	struct arena *arena;
	struct verdict *verdict;
};

/* ---- what may be decided ---- */

static void
tell(struct reaching *r, struct str step)
{
	verdict_tell(r->verdict, step);
}

static void
answer(struct reaching *r, int code, const char *enhanced, struct str text)
{
	struct verdict *v = r->verdict;
	v->reply = REPLY(code, enhanced, text.p);
	v->disposition = code < 500 ? DISPOSITION_DEFER : DISPOSITION_REJECT;
	tell(r, text);
}

static void
defer(struct reaching *r, const char *enhanced, struct str text)
{
	answer(r, 451, enhanced, text);
}

static void
junk(struct reaching *r, struct str why)
{
	r->verdict->disposition = DISPOSITION_JUNK;
	tell(r, why);
}

static void
override(struct reaching *r, enum policy_override kind, struct str comment)
{
	r->verdict->override = kind;
	r->verdict->override_comment = comment;
	tell(r, comment);
}

/* ---- DMARC ---- */

/* RFC 9989 5.3.6: without an answer it neither passes nor fails.  This one can
   be named. */
static bool
deferred_alignment(struct reaching *r)
{
	bool spf = r->evidence.spf_could_align;
	if (!spf && !r->evidence.dkim_could_align)
		return false;
	defer(r, spf ? "4.7.24" : "4.4.3",
	    verdict_text(r->arena,
		"The DNS of %.*s doesn't answer, so %s can't be checked now",
		STR_ARG(r->checks->author_domain), spf ? "SPF" : "DKIM"));
	return true;
}

static bool
deferred_chain(struct reaching *r)
{
	if (!r->evidence.chain_could_vouch)
		return false;
	defer(r, "4.4.3",
	    STR("The keys of the message's ARC chain can't be had now"));
	return true;
}

/* RFC 9989 7.4: p=reject alone, with nothing else known, is no reason to
   refuse. A list's signature and an ARC chain are something that is known; an
   SPF pass of another domain isn't, since anybody can have one. */
static bool
vouched_for(struct reaching *r)
{
	const struct checks *checks = r->checks;
	if (checks->list_fields_signed) {
		override(r, OVERRIDE_MAILING_LIST,
		    verdict_text(r->arena,
			"the list %.*s has signed it and its list fields",
			STR_ARG(checks->list_domain)));
		return true;
	}
	if (!r->evidence.chain_vouches)
		return false;
	override(r, OVERRIDE_TRUSTED_FORWARDER,
	    verdict_text(r->arena,
		"the ARC chain sealed by %.*s says that it passed before",
		STR_ARG(checks->arc.sealer)));
	return true;
}

static void
dmarc_junk(struct reaching *r)
{
	r->verdict->disposition = DISPOSITION_JUNK;
	r->verdict->applied = DMARC_POLICY_QUARANTINE;
}

static void
dmarc_refuse(struct reaching *r)
{
	const struct checks *checks = r->checks;
	struct str dkim = verdict_dkim(checks, r->arena);
	r->verdict->applied = DMARC_POLICY_REJECT;
	answer(r, 550, "5.7.26",
	    verdict_text(r->arena,
		"The DMARC policy of %.*s refuses mail that neither SPF nor "
		"DKIM vouches for (SPF: %s; DKIM: %.*s)",
		STR_ARG(checks->author_domain),
		spf_result_name(r->evidence.spf), STR_ARG(dkim)));
}

static void
judge_reject(struct reaching *r)
{
	bool enforce = r->question->dmarc_action == ACTION_ENFORCE;
	if (enforce && vouched_for(r)) {
		dmarc_junk(r);
	} else if (r->question->source_unknown) {
		override(r, OVERRIDE_LOCAL_POLICY,
		    STR("the sender's address, and so SPF, is not known"));
		dmarc_junk(r);
	} else if (r->question->dmarc_action == ACTION_JUNK) {
		override(r, OVERRIDE_LOCAL_POLICY,
		    STR("nothing is refused for DMARC here"));
		dmarc_junk(r);
	} else if (!enforce || !deferred_chain(r)) {
		dmarc_refuse(r);
	}
}

static void
judge_failure(struct reaching *r)
{
	const struct dmarc_check *dmarc = &r->checks->dmarc;
	/* RFC 9989 4.7: t=y asks for one step less than p= says */
	if (dmarc->policy != dmarc->published)
		override(r, OVERRIDE_POLICY_TEST_MODE,
		    verdict_text(r->arena, "t=y takes one step off %s",
			dmarc_policy_name(dmarc->published)));
	if (dmarc->policy == DMARC_POLICY_NONE)
		return;
	if (r->question->dmarc_action == ACTION_MARK)
		override(
		    r, OVERRIDE_LOCAL_POLICY, STR("DMARC is only noted here"));
	else if (dmarc->policy == DMARC_POLICY_QUARANTINE)
		dmarc_junk(r);
	else
		judge_reject(r);
}

/* Of the policy, or of what is aligned. */
static void
judge_trouble(struct reaching *r)
{
	const struct dmarc_check *dmarc = &r->checks->dmarc;
	bool harmless = !str_empty(dmarc->policy_domain) &&
	    dmarc->policy == DMARC_POLICY_NONE;
	if (r->question->dmarc_action == ACTION_MARK || harmless ||
	    r->evidence.author_vouches || deferred_alignment(r))
		return;
	defer(r, "4.4.3",
	    verdict_text(r->arena, "DMARC of %.*s can't be evaluated now: %s",
		STR_ARG(r->checks->author_domain), dmarc->why));
}

/* True when there is a policy, or may be: SPF alone isn't asked then. */
static bool
judge_dmarc(struct reaching *r)
{
	switch (r->checks->dmarc.status) {
	case DMARC_FAIL:
		judge_failure(r);
		return true;
	case DMARC_TEMPERROR:
		judge_trouble(r);
		return true;
	case DMARC_PASS:
		return true;
	case DMARC_NONE:
	/* RFC 9989 4.10.1: a record that can't be read is none */
	case DMARC_PERMERROR:
		break;
	}
	return false;
}

/* ---- SPF, of domains without a DMARC policy ---- */

/* RFC 7208 8.4: what the domain's owner says about it goes with the reply */
static void
spf_refuse(struct reaching *r)
{
	struct str said = r->evidence.spf_explanation;
	answer(r, 550, "5.7.23",
	    verdict_text(r->arena, "SPF: %.*s doesn't let this host send%s%.*s",
		STR_ARG(r->evidence.spf_domain),
		said.n > 0 ? "; it explains: " : "", STR_ARG(said)));
}

/* RFC 7208 8.6: an answer may come later */
static void
spf_defer(struct reaching *r)
{
	defer(r, "4.7.24",
	    verdict_text(r->arena,
		"The DNS of %.*s doesn't answer, so SPF can't be checked now",
		STR_ARG(r->evidence.spf_domain)));
}

static void
judge_spf(struct reaching *r)
{
	const struct evidence *e = &r->evidence;
	enum policy_action action = r->question->spf_action;
	bool strict = action == ACTION_STRICT;
	if (e->spf != SPF_FAIL && e->spf != SPF_TEMPERROR)
		return;
	if (action == ACTION_MARK)
		tell(r, STR("SPF is only noted here"));
	else if (!strict && e->has_signature)
		tell(r, STR("a valid DKIM signature vouches for it"));
	else if (e->spf == SPF_TEMPERROR)
		spf_defer(r);
	else if (!strict && e->has_unread_signature)
		defer(r, "4.4.3",
		    STR("The key of a DKIM signature, which may vouch for it, "
			"can't be had now"));
	else if (action == ACTION_JUNK)
		junk(r, STR("Junk, for SPF"));
	else
		spf_refuse(r);
}

/* ---- DNS lists, and those who must be reachable ---- */

static void
judge_listing(struct reaching *r)
{
	const struct verdict_question *q = r->question;
	enum disposition now = r->verdict->disposition;
	if (!q->listed || q->source_unknown || now == DISPOSITION_REJECT)
		return;
	struct str text = verdict_text(r->arena,
	    "The address of this client is listed by %.*s", STR_ARG(q->list));
	if (q->listed_refuses)
		answer(r, 554, "5.7.1", text);
	else if (now == DISPOSITION_ACCEPT)
		junk(r, text);
	else
		tell(r, text);
}

/* RFC 5321 4.5.1, RFC 2142: whom one writes to when mail is refused */
static void
spare_the_desk(struct reaching *r)
{
	struct verdict *v = r->verdict;
	if (!r->question->must_accept || v->disposition == DISPOSITION_ACCEPT)
		return;
	struct str why = STR("postmaster, abuse and reports take all mail");
	if (v->applied == DMARC_POLICY_NONE)
		tell(r, why);
	else
		override(r, OVERRIDE_LOCAL_POLICY, why);
	v->applied = DMARC_POLICY_NONE;
	v->disposition = DISPOSITION_ACCEPT;
	v->spared = true;
	v->reply = (struct reply){ 0 };
}

/* ---- all ---- */

static void
refuse_malformed(struct reaching *r)
{
	answer(r, 550, "5.6.0",
	    verdict_text(
		r->arena, "No single author: %s", r->question->malformed));
}

void
verdict_reach(const struct verdict_question *question, struct arena *arena,
    struct verdict *verdict)
{
	struct reaching r = {
		.question = question,
		.checks = question->checks,
		.arena = arena,
		.verdict = verdict,
	};
	*verdict = (struct verdict){ .override_comment = STR("") };
	if (question->malformed) {
		refuse_malformed(&r);
		return;
	}
	r.evidence = evidence_of(question);
	verdict_tell_facts(question, arena, verdict);
	if (!judge_dmarc(&r))
		judge_spf(&r);
	judge_listing(&r);
	spare_the_desk(&r);
	tell(&r,
	    verdict_text(
		arena, "decided: %s", disposition_name(verdict->disposition)));
}

const char *
disposition_name(enum disposition disposition)
{
	static const char *const names[] = {
		[DISPOSITION_ACCEPT] = "accept",
		[DISPOSITION_JUNK] = "junk",
		[DISPOSITION_REJECT] = "reject",
		[DISPOSITION_DEFER] = "defer",
	};
	return names[disposition];
}

const char *
policy_override_name(enum policy_override override)
{
	static const char *const names[] = {
		[OVERRIDE_NONE] = "",
		[OVERRIDE_LOCAL_POLICY] = "local_policy",
		[OVERRIDE_MAILING_LIST] = "mailing_list",
		[OVERRIDE_POLICY_TEST_MODE] = "policy_test_mode",
		[OVERRIDE_TRUSTED_FORWARDER] = "trusted_forwarder",
		[OVERRIDE_OTHER] = "other",
	};
	return names[override];
}
