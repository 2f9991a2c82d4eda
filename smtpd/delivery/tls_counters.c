#include "smtpd/delivery/tls_counters.h"

#include "lib/base/clock.h"

enum {
	DAY_MS = 86400 * 1000
};

const struct tally_kind tls_counters_kind = {
	.row_tag = TLS_ROW_TAG,
	.rows = TLS_COUNTERS_ROWS,
	.topic_rows = TLS_COUNTERS_DOMAIN_ROWS,
	.bytes = TLS_COUNTERS_BYTES,
	.days = TLS_COUNTERS_DAYS,
};

static size_t
copy_list(struct str *to, const struct str *from, size_t count, size_t most)
{
	count = count < most ? count : most;
	for (size_t i = 0; i < count; i++)
		to[i] = from[i];
	return count;
}

/* RFC 8460 4.3: these are nothing without a reason, and what was wrong isn't
   the session, which therefore has none */
static struct str
reason_of(const struct tls_attempt *a)
{
	if (!str_empty(a->reason))
		return a->reason;
	if (a->result == TLS_REPORT_TLSA_INVALID)
		return STR("None of the TLSA records can be used");
	if (a->result == TLS_REPORT_VALIDATION && a->type == TLS_POLICY_STS)
		return STR("The policy doesn't name this MX host");
	return STR("");
}

static void
count(struct tally *tally, const struct tls_row *row)
{
	const struct tally_topic topic = { row->day, row->domain, STR("") };
	struct buf key = { 0 };
	tls_row_encode(row, &key);
	tally_count(tally, &topic, buf_str(&key));
	buf_free(&key);
}

static void
on_attempted(struct tls_listener *listener, const struct tls_attempt *a)
{
	struct tls_counters *c =
	    container_of(listener, struct tls_counters, listener);
	struct tls_row row = {
		.day = (uint32_t)(clock_wall_ms() / DAY_MS),
		.domain = a->recipients,
		.policy_domain = a->domain,
		.type = a->type,
		.result = a->result == TLS_REPORT_SUCCESS
		    ? STR("")
		    : str_of(tls_report_name(a->result)),
		.sender = a->sender,
		.host = a->host,
		.receiver = a->receiver,
		.reason = reason_of(a),
	};
	row.string_count = copy_list(
	    row.strings, a->strings, a->string_count, TLS_ROW_STRINGS);
	row.mx_count = copy_list(row.mx, a->mx, a->mx_count, TLS_ROW_MX);
	count(c->tally, &row);
	if (str_eq(row.domain, row.policy_domain))
		return;
	row.domain = row.policy_domain;
	count(c->tally, &row);
}

void
tls_counters_init(struct tls_counters *c, struct tally *tally)
{
	c->listener.attempted = on_attempted;
	c->tally = tally;
}
