#include "lib/report/tls_report.h"

#include "lib/mail/date.h"
#include "lib/report/tls_row.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *
text_of(struct str s)
{
	struct buf clean = { 0 };
	report_text(&clean, s);
	json_t *text = json_string(buf_cstr(&clean));
	buf_free(&clean);
	return text;
}

static void
set_text(json_t *object, const char *key, struct str s)
{
	if (!str_empty(s))
		json_object_set_new(object, key, text_of(s));
}

static void
set_ip(json_t *object, const char *key, struct ip ip)
{
	char text[IP_TEXT];
	if (ip.family == 0)
		return;
	ip_print(ip, text);
	json_object_set_new(object, key, json_string(text));
}

static json_t *
list_of(const struct str *all, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, text_of(all[i]));
	return list;
}

/* ---- one policy ---- */

/* RFC 8460 4.4 */
static json_t *
policy_of(const struct tls_row *row)
{
	json_t *policy = json_pack("{s:s, s:o, s:o}", "policy-type",
	    tls_policy_type_name(row->type), "policy-string",
	    list_of(row->strings, row->string_count), "policy-domain",
	    text_of(row->policy_domain));
	if (row->mx_count > 0)
		json_object_set_new(
		    policy, "mx-host", list_of(row->mx, row->mx_count));
	return policy;
}

static json_t *
detail_of(const struct tls_row *row, uint64_t count)
{
	json_t *detail =
	    json_pack("{s:o}", "result-type", text_of(row->result));
	set_ip(detail, "sending-mta-ip", row->sender);
	set_text(detail, "receiving-mx-hostname", row->host);
	set_ip(detail, "receiving-ip", row->receiver);
	json_object_set_new(
	    detail, "failed-session-count", json_integer((json_int_t)count));
	set_text(detail, "failure-reason-code", row->reason);
	return detail;
}

/* An entry of "policies" while its rows are read. */
struct section {
	struct str policy; /* octets of the keys */
	json_t *object, *details; /* NULL: none is begun */
	uint64_t good, failed;
};

static void
section_end(struct section *s, json_t *policies)
{
	if (!s->object)
		return;
	json_object_set_new(s->object, "summary",
	    json_pack("{s:I, s:I}", "total-successful-session-count",
		(json_int_t)s->good, "total-failure-session-count",
		(json_int_t)s->failed));
	json_object_set_new(s->object, "failure-details", s->details);
	json_array_append_new(policies, s->object);
	*s = (struct section){ 0 };
}

static void
section_add(struct section *s, const struct tls_row *row, uint64_t count)
{
	if (str_empty(row->result)) {
		s->good += count;
		return;
	}
	s->failed += count;
	json_array_append_new(s->details, detail_of(row, count));
}

/* Rows are sorted by their keys, so those of one policy follow each other. */
static json_t *
policies_of(const struct row_sheet *sheet)
{
	json_t *policies = json_array();
	struct section section = { 0 };
	for (size_t i = 0; i < sheet->count; i++) {
		struct str key = buf_str(&sheet->rows[i].key);
		struct tls_row row;
		if (!tls_row_decode(key, &row))
			continue;
		struct str policy = tls_row_policy(key);
		if (!section.object || !str_eq(policy, section.policy)) {
			section_end(&section, policies);
			section.policy = policy;
			section.object =
			    json_pack("{s:o}", "policy", policy_of(&row));
			section.details = json_array();
		}
		section_add(&section, &row, sheet->rows[i].count);
	}
	section_end(&section, policies);
	return policies;
}

/* ---- the whole ---- */

/* RFC 3339, to the second. */
static json_t *
time_of(int64_t seconds)
{
	struct buf text = { 0 };
	date_rfc3339(&text, seconds * 1000);
	size_t point = str_find(buf_str(&text), '.');
	json_t *time = json_sprintf("%.*sZ", (int)point, text.p);
	buf_free(&text);
	return time;
}

bool
tls_report_write(const struct report_frame *frame,
    const struct row_sheet *sheet, struct buf *out)
{
	json_t *policies = policies_of(sheet);
	bool any = json_array_size(policies) > 0;
	json_t *report = json_pack("{s:o, s:{s:o, s:o}, s:o, s:o, s:o}",
	    "organization-name", text_of(frame->organization), "date-range",
	    "start-datetime", time_of(frame->begin), "end-datetime",
	    time_of(frame->end), "contact-info", text_of(frame->contact),
	    "report-id", text_of(frame->id), "policies", policies);
	char *text = json_dumps(report, JSON_COMPACT);
	if (any)
		buf_adds(out, text);
	free(text);
	json_decref(report);
	return any;
}
