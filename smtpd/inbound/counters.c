#include "smtpd/inbound/counters.h"

#include "smtpd/inbound/counters_row.h"

const struct tally_kind counters_kind = {
	.row_tag = DMARC_ROW_TAG,
	.topic_tag = DMARC_NOTE_TAG,
	.rows = COUNTERS_ROWS,
	.topic_rows = COUNTERS_DOMAIN_ROWS,
	.bytes = COUNTERS_BYTES,
	.days = COUNTERS_DAYS,
};

void
counters_note(struct tally *tally, const struct checks *checks,
    const struct verdict *verdict)
{
	struct arena arena = { 0 };
	struct buf key = { 0 }, note = { 0 };
	struct dmarc_row row;
	if (counters_row_make(checks, verdict, &arena, &row)) {
		dmarc_row_encode(&row, &key);
		dmarc_note_encode(&row, checks->dmarc.record.rua, &note);
		const struct tally_topic topic = { row.day, row.policy_domain,
			buf_str(&note) };
		tally_count(tally, &topic, buf_str(&key));
	}
	buf_free(&key);
	buf_free(&note);
	arena_free(&arena);
}
