/*
 * dmarc_row.h - what a DMARC aggregate report counts: one row for each
 * distinct combination of day, policy, source, identifiers and results.
 * RFC 9990 3.1, appendix A.
 *
 * As a key for a store (row_key.h); the value is the number of messages.
 * Beside the rows there is a note for each day and policy domain: what it
 * published last, and so where its report goes.  It knows no store and no
 * clock, and whom a message was for isn't in it.
 */
#ifndef LIB_REPORT_DMARC_ROW_H
#define LIB_REPORT_DMARC_ROW_H

#include "lib/report/row_key.h"
#include "lib/trust/dmarc_record.h"

#define DMARC_ROW_TAG "dmarc-row"
#define DMARC_NOTE_TAG "dmarc-note" /* of the pairs beside the rows */

enum {
	DMARC_ROW_SIGNATURES = 8, /* of a message, at most */
	DMARC_ROW_TEXT = 120, /* octets of a comment; more is cut off */
	DMARC_ROW_RUA = 2000, /* a longer rua can't be kept */
};

/* The numbers of these are on disk: new ones go to the end. */

enum dmarc_disposition { /* RFC 9990's ActionDispositionType */
	DMARC_DONE_NONE,
	DMARC_DONE_PASS, /* passed, and the policy would have cost something */
	DMARC_DONE_QUARANTINE,
	DMARC_DONE_REJECT,
};

enum dmarc_reason { /* PolicyOverrideType */
	DMARC_REASON_NONE, /* the policy was applied as it is */
	DMARC_REASON_LOCAL_POLICY,
	DMARC_REASON_MAILING_LIST,
	DMARC_REASON_OTHER,
	DMARC_REASON_POLICY_TEST_MODE,
	DMARC_REASON_TRUSTED_FORWARDER,
};

enum dmarc_result { /* DKIMResultType and SPFResultType, RFC 8601 2.7 */
	DMARC_RESULT_NONE,
	DMARC_RESULT_PASS,
	DMARC_RESULT_FAIL,
	DMARC_RESULT_SOFTFAIL, /* of SPF alone */
	DMARC_RESULT_POLICY,
	DMARC_RESULT_NEUTRAL,
	DMARC_RESULT_TEMPERROR,
	DMARC_RESULT_PERMERROR,
};

struct dmarc_row_auth {
	enum dmarc_result result;
	struct str domain;
	struct str selector; /* of DKIM; "" with SPF */
	struct str human; /* what a person may want to know, or "" */
};

struct dmarc_row { /* strings are the maker's, or views of the key */
	uint32_t day; /* since 1970-01-01, UTC */
	struct str policy_domain; /* where the record stands */
	enum dmarc_policy p, sp, np; /* published, with their defaults */
	bool strict_dkim, strict_spf; /* alignment */
	bool testing;
	struct ip source;
	enum dmarc_disposition disposition;
	bool dkim_aligned, spf_aligned; /* did it pass, and aligned? */
	enum dmarc_reason reason;
	struct str comment; /* on the reason, or "" */
	struct str header_from;
	struct str envelope_from; /* "" for the null reverse-path */
	bool has_spf;
	struct dmarc_row_auth spf; /* of MAIL FROM: there is no other scope */
	size_t count;
	struct dmarc_row_auth signatures[DMARC_ROW_SIGNATURES];
};

void dmarc_row_encode(const struct dmarc_row *, struct buf *key);
/* False: it is something else, or damaged. */
bool dmarc_row_decode(struct str key, struct dmarc_row *);

/* The row's policy and the rua beside it; the rest of the row isn't kept. */
void dmarc_note_encode(
    const struct dmarc_row *, struct str rua, struct buf *note);
/* False: it is something else, or damaged.  rua is a view. */
bool dmarc_note_decode(struct str note, struct dmarc_row *, struct str *rua);

#endif
