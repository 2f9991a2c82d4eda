#include "smtpd/inbound/verdict_text.h"

#include "lib/mail/printable.h"

#include <stdarg.h>
#include <stdio.h>

struct str
verdict_text(struct arena *arena, const char *format, ...)
{
	char line[VERDICT_TEXT + 1];
	struct buf clean = { 0 };
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	printable_add(&clean, str_of(line));
	struct str text = arena_str(arena, buf_str(&clean));
	buf_free(&clean);
	return text;
}

void
verdict_tell(struct verdict *verdict, struct str step)
{
	if (verdict->count < VERDICT_STEPS)
		verdict->steps[verdict->count++] = step;
}

/* ---- SPF ---- */

/* What explains a result: its error, else what matched. */
static struct str
spf_reason(const struct spf_check *spf, struct arena *arena)
{
	if (spf->why && *spf->why)
		return verdict_text(arena, " (%s)", spf->why);
	if (!str_empty(spf->mechanism))
		return verdict_text(arena, " (%.*s)", STR_ARG(spf->mechanism));
	return STR("");
}

static void
tell_spf(const struct spf_check *spf, const char *identity, struct arena *arena,
    struct verdict *verdict)
{
	struct str domain =
	    str_empty(spf->domain) ? STR("no domain") : spf->domain;
	struct str reason = spf_reason(spf, arena);
	verdict_tell(verdict,
	    verdict_text(arena, "SPF of %s%.*s: %s%.*s", identity,
		STR_ARG(domain), spf_result_name(spf->result),
		STR_ARG(reason)));
}

static void
tell_both_spf(const struct verdict_question *q, struct arena *arena,
    struct verdict *verdict)
{
	const struct checks *checks = q->checks;
	if (q->source_unknown) {
		verdict_tell(verdict,
		    STR("SPF: the client's address is a gateway's, so nothing "
			"is known"));
		return;
	}
	if (checks->has_mail_from)
		tell_spf(&checks->mail_from, "", arena, verdict);
	if (checks->has_helo)
		tell_spf(&checks->helo, "HELO ", arena, verdict);
}

/* ---- DKIM and ARC ---- */

static void
add_signature(struct buf *out, const struct dkim_result *result)
{
	struct str domain =
	    str_empty(result->domain) ? STR("no domain") : result->domain;
	buf_addf(out, "%s%s of %.*s", out->n > 0 ? ", " : "",
	    dkim_status_name(result->status), STR_ARG(domain));
	if (result->why && *result->why)
		buf_addf(out, " (%s)", result->why);
}

struct str
verdict_dkim(const struct checks *checks, struct arena *arena)
{
	struct buf text = { 0 };
	for (size_t i = 0; i < checks->dkim.count; i++)
		add_signature(&text, &checks->dkim.results[i]);
	if (text.n == 0)
		buf_adds(&text, "no signature");
	struct str all = verdict_text(arena, "%s", buf_cstr(&text));
	buf_free(&text);
	return all;
}

static void
tell_arc(
    const struct arc_verify *arc, struct arena *arena, struct verdict *verdict)
{
	if (arc->status == ARC_NONE)
		return;
	if (arc->status == ARC_PASS)
		verdict_tell(verdict,
		    verdict_text(arena, "ARC: pass, %u hops, sealed by %.*s",
			arc->sets, STR_ARG(arc->sealer)));
	else
		verdict_tell(verdict,
		    verdict_text(arena, "ARC: %s (%s)",
			arc_status_name(arc->status),
			arc->why ? arc->why : ""));
}

/* ---- DMARC ---- */

static struct str
aligned_text(const struct dmarc_check *dmarc, struct arena *arena)
{
	for (size_t i = 0; i < dmarc->count; i++) {
		const struct dmarc_identifier *id = &dmarc->identifiers[i];
		if (id->aligned)
			return verdict_text(arena, "by %s of %.*s",
			    id->is_dkim ? "DKIM" : "SPF", STR_ARG(id->domain));
	}
	return STR("nothing aligned");
}

static struct str
dmarc_text(const struct checks *checks, struct arena *arena)
{
	const struct dmarc_check *dmarc = &checks->dmarc;
	struct str author = checks->author_domain;
	struct str aligned = aligned_text(dmarc, arena);
	switch (dmarc->status) {
	case DMARC_NONE:
		return verdict_text(
		    arena, "DMARC: no policy for %.*s", STR_ARG(author));
	case DMARC_PASS:
		return verdict_text(arena, "DMARC of %.*s: pass, %.*s",
		    STR_ARG(author), STR_ARG(aligned));
	case DMARC_FAIL:
		return verdict_text(arena, "DMARC policy of %.*s: %s, %.*s",
		    STR_ARG(dmarc->policy_domain),
		    dmarc_policy_name(dmarc->policy), STR_ARG(aligned));
	case DMARC_TEMPERROR:
	case DMARC_PERMERROR:
		break;
	}
	return verdict_text(arena, "DMARC of %.*s: %s (%s)", STR_ARG(author),
	    dmarc_status_name(dmarc->status), dmarc->why ? dmarc->why : "");
}

/* ---- all ---- */

void
verdict_tell_facts(const struct verdict_question *q, struct arena *arena,
    struct verdict *verdict)
{
	const struct checks *checks = q->checks;
	struct str dkim = verdict_dkim(checks, arena);
	tell_both_spf(q, arena, verdict);
	verdict_tell(verdict, verdict_text(arena, "DKIM: %.*s", STR_ARG(dkim)));
	tell_arc(&checks->arc, arena, verdict);
	verdict_tell(verdict, dmarc_text(checks, arena));
}
