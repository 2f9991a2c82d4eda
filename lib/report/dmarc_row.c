#include "lib/report/dmarc_row.h"

enum {
	STRICT_DKIM = 1, /* flags */
	STRICT_SPF = 2,
	TESTING = 4,
	DKIM_ALIGNED = 8,
	SPF_ALIGNED = 16,
	HAS_SPF = 32,
	FLAGS = 64, /* and above: unknown */
	POLICY = STRICT_DKIM | STRICT_SPF | TESTING,
};

static void
put_policy(struct buf *out, const struct dmarc_row *row, unsigned flags)
{
	put_u8(out, (uint8_t)flags);
	put_u8(out, (uint8_t)row->p);
	put_u8(out, (uint8_t)row->sp);
	put_u8(out, (uint8_t)row->np);
}

static void
get_policy(struct cursor *c, struct dmarc_row *row, unsigned known)
{
	unsigned flags = row_get_below(c, FLAGS);
	if (flags & ~known)
		c->failed = true;
	row->strict_dkim = flags & STRICT_DKIM;
	row->strict_spf = flags & STRICT_SPF;
	row->testing = flags & TESTING;
	row->dkim_aligned = flags & DKIM_ALIGNED;
	row->spf_aligned = flags & SPF_ALIGNED;
	row->has_spf = flags & HAS_SPF;
	row->p = (enum dmarc_policy)row_get_below(c, DMARC_POLICY_REJECT + 1);
	row->sp = (enum dmarc_policy)row_get_below(c, DMARC_POLICY_REJECT + 1);
	row->np = (enum dmarc_policy)row_get_below(c, DMARC_POLICY_REJECT + 1);
}

/* ---- rows ---- */

static void
put_auth(struct buf *key, const struct dmarc_row_auth *auth)
{
	put_u8(key, (uint8_t)auth->result);
	row_put_short(key, auth->domain, ROW_NAME);
	row_put_short(key, auth->selector, ROW_NAME);
	row_put_short(key, auth->human, DMARC_ROW_TEXT);
}

static void
get_auth(struct cursor *c, struct dmarc_row_auth *auth)
{
	auth->result =
	    (enum dmarc_result)row_get_below(c, DMARC_RESULT_PERMERROR + 1);
	auth->domain = row_get_short(c, ROW_NAME);
	auth->selector = row_get_short(c, ROW_NAME);
	auth->human = row_get_short(c, DMARC_ROW_TEXT);
}

static unsigned
flags_of(const struct dmarc_row *row)
{
	return (row->strict_dkim ? STRICT_DKIM : 0u) |
	    (row->strict_spf ? STRICT_SPF : 0u) |
	    (row->testing ? TESTING : 0u) |
	    (row->dkim_aligned ? DKIM_ALIGNED : 0u) |
	    (row->spf_aligned ? SPF_ALIGNED : 0u) |
	    (row->has_spf ? HAS_SPF : 0u);
}

void
dmarc_row_encode(const struct dmarc_row *row, struct buf *key)
{
	row_key_put(key, DMARC_ROW_TAG, row->day, row->policy_domain);
	put_policy(key, row, flags_of(row));
	row_put_ip(key, row->source);
	put_u8(key, (uint8_t)row->disposition);
	put_u8(key, (uint8_t)row->reason);
	row_put_short(key, row->comment, DMARC_ROW_TEXT);
	row_put_short(key, row->header_from, ROW_NAME);
	row_put_short(key, row->envelope_from, ROW_NAME);
	if (row->has_spf)
		put_auth(key, &row->spf);
	put_u8(key, (uint8_t)row->count);
	for (size_t i = 0; i < row->count; i++)
		put_auth(key, &row->signatures[i]);
}

bool
dmarc_row_decode(struct str key, struct dmarc_row *row)
{
	struct cursor c = cursor_of(key);
	*row = (struct dmarc_row){ 0 };
	row_key_get(&c, DMARC_ROW_TAG, &row->day, &row->policy_domain);
	get_policy(&c, row, FLAGS - 1);
	row->source = row_get_ip(&c);
	row->disposition =
	    (enum dmarc_disposition)row_get_below(&c, DMARC_DONE_REJECT + 1);
	row->reason = (enum dmarc_reason)row_get_below(
	    &c, DMARC_REASON_TRUSTED_FORWARDER + 1);
	row->comment = row_get_short(&c, DMARC_ROW_TEXT);
	row->header_from = row_get_short(&c, ROW_NAME);
	row->envelope_from = row_get_short(&c, ROW_NAME);
	if (row->has_spf)
		get_auth(&c, &row->spf);
	row->count = row_get_below(&c, DMARC_ROW_SIGNATURES + 1);
	for (size_t i = 0; i < row->count; i++)
		get_auth(&c, &row->signatures[i]);
	return cursor_end(&c) && row->source.family != 0;
}

/* ---- notes ---- */

void
dmarc_note_encode(const struct dmarc_row *row, struct str rua, struct buf *note)
{
	put_policy(note, row, flags_of(row) & POLICY);
	buf_add(note, rua);
}

bool
dmarc_note_decode(struct str note, struct dmarc_row *row, struct str *rua)
{
	struct cursor c = cursor_of(note);
	*row = (struct dmarc_row){ 0 };
	get_policy(&c, row, POLICY);
	*rua = cursor_rest(&c);
	return !c.failed && rua->n > 0;
}
