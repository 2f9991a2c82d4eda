#include "smtpd/inbound/counters_row.h"

static enum dmarc_result
spf_result_of(enum spf_result result)
{
	static const enum dmarc_result results[] = {
		[SPF_NONE] = DMARC_RESULT_NONE,
		[SPF_NEUTRAL] = DMARC_RESULT_NEUTRAL,
		[SPF_PASS] = DMARC_RESULT_PASS,
		[SPF_FAIL] = DMARC_RESULT_FAIL,
		[SPF_SOFTFAIL] = DMARC_RESULT_SOFTFAIL,
		[SPF_TEMPERROR] = DMARC_RESULT_TEMPERROR,
		[SPF_PERMERROR] = DMARC_RESULT_PERMERROR,
	};
	return results[result];
}

static enum dmarc_result
dkim_result_of(enum dkim_status status)
{
	static const enum dmarc_result results[] = {
		[DKIM_PASS] = DMARC_RESULT_PASS,
		[DKIM_FAIL] = DMARC_RESULT_FAIL,
		[DKIM_POLICY] = DMARC_RESULT_POLICY,
		[DKIM_NEUTRAL] = DMARC_RESULT_NEUTRAL,
		[DKIM_TEMPERROR] = DMARC_RESULT_TEMPERROR,
		[DKIM_PERMERROR] = DMARC_RESULT_PERMERROR,
	};
	return results[status];
}

static enum dmarc_reason
reason_of(enum policy_override override)
{
	static const enum dmarc_reason reasons[] = {
		[OVERRIDE_NONE] = DMARC_REASON_NONE,
		[OVERRIDE_LOCAL_POLICY] = DMARC_REASON_LOCAL_POLICY,
		[OVERRIDE_MAILING_LIST] = DMARC_REASON_MAILING_LIST,
		[OVERRIDE_POLICY_TEST_MODE] = DMARC_REASON_POLICY_TEST_MODE,
		[OVERRIDE_TRUSTED_FORWARDER] = DMARC_REASON_TRUSTED_FORWARDER,
		[OVERRIDE_OTHER] = DMARC_REASON_OTHER,
	};
	return reasons[override];
}

/* RFC 9990 appendix A: "pass" is for what a policy could have cost */
static enum dmarc_disposition
disposition_of(const struct dmarc_check *dmarc, const struct verdict *verdict)
{
	static const enum dmarc_disposition applied[] = {
		[DMARC_POLICY_NONE] = DMARC_DONE_NONE,
		[DMARC_POLICY_QUARANTINE] = DMARC_DONE_QUARANTINE,
		[DMARC_POLICY_REJECT] = DMARC_DONE_REJECT,
	};
	if (dmarc->status == DMARC_PASS)
		return dmarc->published == DMARC_POLICY_NONE ? DMARC_DONE_NONE
							     : DMARC_DONE_PASS;
	return applied[verdict->applied];
}

static bool
is_aligned(const struct dmarc_check *dmarc, bool is_dkim)
{
	for (size_t i = 0; i < dmarc->count; i++)
		if (dmarc->identifiers[i].is_dkim == is_dkim &&
		    dmarc->identifiers[i].aligned)
			return true;
	return false;
}

static void
add_spf(struct dmarc_row *row, const struct spf_check *spf, struct arena *arena)
{
	row->has_spf = spf && !str_empty(spf->domain);
	if (row->has_spf)
		row->spf = (struct dmarc_row_auth){
			.result = spf_result_of(spf->result),
			.domain = arena_lower(arena, spf->domain),
			.human = str_of(spf->why),
		};
}

static void
add_signature(
    struct dmarc_row *row, const struct dkim_result *r, struct arena *arena)
{
	if (row->count == DMARC_ROW_SIGNATURES)
		return;
	row->signatures[row->count++] = (struct dmarc_row_auth){
		.result = dkim_result_of(r->status),
		.domain = arena_lower(arena, r->domain),
		.selector = arena_lower(arena, r->selector),
		.human = str_of(r->why),
	};
}

/* RFC 9990 3.1.3: the order of the signatures in a report */
enum rank {
	RANK_AUTHOR,
	RANK_ALIGNED,
	RANK_PASSED,
	RANK_FAILED,
	RANKS,
};

static enum rank
rank_of(const struct checks *checks, const struct dkim_result *r)
{
	const struct dmarc_check *dmarc = &checks->dmarc;
	if (r->status != DKIM_PASS)
		return RANK_FAILED;
	if (str_eq_nocase(r->domain, checks->author_domain))
		return RANK_AUTHOR;
	for (size_t i = 0; i < dmarc->count; i++)
		if (dmarc->identifiers[i].is_dkim &&
		    dmarc->identifiers[i].aligned &&
		    str_eq_nocase(r->domain, dmarc->identifiers[i].domain))
			return RANK_ALIGNED;
	return RANK_PASSED;
}

/* Those that name nobody have no place in a report. */
static void
add_dkim(
    struct dmarc_row *row, const struct checks *checks, struct arena *arena)
{
	const struct dkim_verify *dkim = &checks->dkim;
	for (enum rank rank = 0; rank < RANKS; rank++)
		for (size_t i = 0; i < dkim->count; i++) {
			const struct dkim_result *r = &dkim->results[i];
			if (!str_empty(r->domain) && !str_empty(r->selector) &&
			    rank_of(checks, r) == rank)
				add_signature(row, r, arena);
		}
}

static bool
is_counted(const struct checks *checks, const struct verdict *verdict)
{
	const struct dmarc_check *dmarc = &checks->dmarc;
	bool has_policy =
	    dmarc->status == DMARC_PASS || dmarc->status == DMARC_FAIL;
	return has_policy && verdict->disposition != DISPOSITION_DEFER &&
	    checks->question->ip.family != 0 && !str_empty(dmarc->record.rua) &&
	    dmarc->record.rua.n <= DMARC_ROW_RUA;
}

static struct str
domain_of(struct str path, struct arena *arena)
{
	return arena_lower(arena, address_domain(path));
}

bool
counters_row_make(const struct checks *checks, const struct verdict *verdict,
    struct arena *arena, struct dmarc_row *row)
{
	const struct dmarc_check *dmarc = &checks->dmarc;
	const struct dmarc_record *record = &dmarc->record;
	if (!is_counted(checks, verdict))
		return false;
	*row = (struct dmarc_row){
		.day = (uint32_t)(checks->question->now / 86400),
		.policy_domain = arena_lower(arena, dmarc->policy_domain),
		.p = record->p,
		.sp = record->sp,
		.np = record->np,
		.strict_dkim = record->strict_dkim,
		.strict_spf = record->strict_spf,
		.testing = record->testing,
		.source = checks->question->ip,
		.disposition = disposition_of(dmarc, verdict),
		.dkim_aligned = is_aligned(dmarc, true),
		.spf_aligned = is_aligned(dmarc, false),
		.reason = reason_of(verdict->override),
		.comment = verdict->override_comment,
		.header_from = arena_lower(arena, checks->author_domain),
		.envelope_from = domain_of(checks->question->mail_from, arena),
	};
	add_spf(row, checks_spf(checks), arena);
	add_dkim(row, checks, arena);
	return true;
}
