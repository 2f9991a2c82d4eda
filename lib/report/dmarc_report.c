#include "lib/report/dmarc_report.h"

#include "lib/base/version.h"
#include "lib/report/dmarc_row.h"

#include <inttypes.h>
#include <mxml.h>
#include <stdlib.h>

static const char *const dispositions[] = {
	[DMARC_DONE_NONE] = "none",
	[DMARC_DONE_PASS] = "pass",
	[DMARC_DONE_QUARANTINE] = "quarantine",
	[DMARC_DONE_REJECT] = "reject",
};

static const char *const reasons[] = {
	[DMARC_REASON_LOCAL_POLICY] = "local_policy",
	[DMARC_REASON_MAILING_LIST] = "mailing_list",
	[DMARC_REASON_OTHER] = "other",
	[DMARC_REASON_POLICY_TEST_MODE] = "policy_test_mode",
	[DMARC_REASON_TRUSTED_FORWARDER] = "trusted_forwarder",
};

static const char *const results[] = {
	[DMARC_RESULT_NONE] = "none",
	[DMARC_RESULT_PASS] = "pass",
	[DMARC_RESULT_FAIL] = "fail",
	[DMARC_RESULT_SOFTFAIL] = "softfail",
	[DMARC_RESULT_POLICY] = "policy",
	[DMARC_RESULT_NEUTRAL] = "neutral",
	[DMARC_RESULT_TEMPERROR] = "temperror",
	[DMARC_RESULT_PERMERROR] = "permerror",
};

/* ---- elements ---- */

static mxml_node_t *
add(mxml_node_t *parent, const char *name)
{
	return mxmlNewElement(parent, name);
}

static void
add_word(mxml_node_t *parent, const char *name, const char *word)
{
	mxmlNewOpaque(add(parent, name), word);
}

static void
add_text(mxml_node_t *parent, const char *name, struct str s)
{
	struct buf clean = { 0 };
	report_text(&clean, s);
	add_word(parent, name, buf_cstr(&clean));
	buf_free(&clean);
}

static void
add_optional(mxml_node_t *parent, const char *name, struct str s)
{
	if (!str_empty(s))
		add_text(parent, name, s);
}

static void
add_number(mxml_node_t *parent, const char *name, int64_t number)
{
	mxmlNewOpaquef(add(parent, name), "%" PRId64, number);
}

/* ---- the head ---- */

static void
add_metadata(mxml_node_t *feedback, const struct report_frame *frame)
{
	mxml_node_t *data = add(feedback, "report_metadata");
	add_text(data, "org_name", frame->organization);
	add_text(data, "email", frame->contact);
	add_text(data, "report_id", frame->id);
	mxml_node_t *range = add(data, "date_range");
	add_number(range, "begin", frame->begin);
	add_number(range, "end", frame->end);
	add_word(data, "generator", "Postern " POSTERN_VERSION);
}

/* RFC 9990 3.1: of several during the day, the last */
static void
add_policy(
    mxml_node_t *feedback, struct str domain, const struct dmarc_row *row)
{
	mxml_node_t *policy = add(feedback, "policy_published");
	add_text(policy, "domain", domain);
	add_word(policy, "p", dmarc_policy_name(row->p));
	add_word(policy, "sp", dmarc_policy_name(row->sp));
	add_word(policy, "np", dmarc_policy_name(row->np));
	add_word(policy, "adkim", row->strict_dkim ? "s" : "r");
	add_word(policy, "aspf", row->strict_spf ? "s" : "r");
	add_word(policy, "discovery_method", "treewalk");
	add_word(policy, "testing", row->testing ? "y" : "n");
}

/* ---- records ---- */

static void
add_row(mxml_node_t *record, const struct dmarc_row *r, uint64_t count)
{
	char source[IP_TEXT];
	mxml_node_t *row = add(record, "row");
	ip_print(r->source, source);
	add_word(row, "source_ip", source);
	add_number(row, "count", (int64_t)count);
	mxml_node_t *evaluated = add(row, "policy_evaluated");
	add_word(evaluated, "disposition", dispositions[r->disposition]);
	add_word(evaluated, "dkim", r->dkim_aligned ? "pass" : "fail");
	add_word(evaluated, "spf", r->spf_aligned ? "pass" : "fail");
	if (r->reason == DMARC_REASON_NONE)
		return;
	mxml_node_t *reason = add(evaluated, "reason");
	add_word(reason, "type", reasons[r->reason]);
	add_optional(reason, "comment", r->comment);
}

static void
add_dkim(mxml_node_t *auth, const struct dmarc_row_auth *signature)
{
	mxml_node_t *dkim = add(auth, "dkim");
	add_text(dkim, "domain", signature->domain);
	add_text(dkim, "selector", signature->selector);
	add_word(dkim, "result", results[signature->result]);
	add_optional(dkim, "human_result", signature->human);
}

static void
add_spf(mxml_node_t *auth, const struct dmarc_row_auth *result)
{
	mxml_node_t *spf = add(auth, "spf");
	add_text(spf, "domain", result->domain);
	add_word(spf, "scope", "mfrom");
	add_word(spf, "result", results[result->result]);
	add_optional(spf, "human_result", result->human);
}

static void
add_record(mxml_node_t *feedback, const struct dmarc_row *row, uint64_t count)
{
	mxml_node_t *record = add(feedback, "record");
	add_row(record, row, count);
	mxml_node_t *identifiers = add(record, "identifiers");
	add_text(identifiers, "header_from", row->header_from);
	add_optional(identifiers, "envelope_from", row->envelope_from);
	mxml_node_t *auth = add(record, "auth_results");
	for (size_t i = 0; i < row->count; i++)
		add_dkim(auth, &row->signatures[i]);
	if (row->has_spf)
		add_spf(auth, &row->spf);
}

/* ---- the whole ---- */

/* False: no row can be read. */
static bool
add_records(mxml_node_t *feedback, const struct row_sheet *sheet)
{
	bool any = false;
	for (size_t i = 0; i < sheet->count; i++) {
		struct dmarc_row row;
		if (!dmarc_row_decode(buf_str(&sheet->rows[i].key), &row))
			continue;
		any = true;
		add_record(feedback, &row, sheet->rows[i].count);
	}
	return any;
}

/* As mem_alloc(): without memory there is no process. */
static void
save(mxml_node_t *xml, struct buf *out)
{
	mxmlSetWrapMargin(0);
	char *text = mxmlSaveAllocString(xml, MXML_NO_CALLBACK);
	if (!text)
		abort();
	buf_adds(out, text);
	free(text);
}

bool
dmarc_report_write(const struct report_frame *frame,
    const struct row_sheet *sheet, struct str note, struct buf *out)
{
	struct dmarc_row policy;
	struct str rua;
	if (!dmarc_note_decode(note, &policy, &rua))
		return false;
	mxml_node_t *xml = mxmlNewXML("1.0");
	mxml_node_t *feedback = add(xml, "feedback");
	mxmlElementSetAttr(
	    feedback, "xmlns", "urn:ietf:params:xml:ns:dmarc-2.0");
	add_word(feedback, "version", "1.0");
	add_metadata(feedback, frame);
	add_policy(feedback, frame->domain, &policy);
	bool any = add_records(feedback, sheet);
	if (any)
		save(xml, out);
	mxmlDelete(xml);
	return any;
}
