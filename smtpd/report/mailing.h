/*
 * mailing.h - a report becomes a message: written, signed, queued.
 *
 * Never unsigned.  Its reverse-path is reports@ our domain, not the null one:
 * SPF then vouches for us (RFC 9990 3.5.2 wants reports to pass DMARC), and
 * many refuse null reverse-paths of what isn't about a message of theirs.
 * What comes back lands in the folder of reports and is answered by nobody, and
 * our own delivery tells nobody when it gives up: no loop.
 */
#ifndef SMTPD_REPORT_MAILING_H
#define SMTPD_REPORT_MAILING_H

#include "lib/report/report_mail.h"
#include "lib/report/rua.h"
#include "smtpd/report/report.h"

enum mailing_result {
	MAILING_QUEUED, /* synced */
	MAILING_REFUSED, /* too large, or an address of ours that isn't there */
	MAILING_LATER, /* no signer, no key, no space */
};

struct mailing { /* {0} is idle */
	enum mailing_result result;
	void (*done)(struct mailing *);
	struct letter *letter; /* private: cut off by the cancel */
};

struct mailing_question { /* kept by the asker until done() */
	const struct report_frame *frame;
	bool is_tls;
	const struct rua *place;
	struct str file; /* the report, gzip */
};

/* done() runs once and later. */
void mailing_start(struct mailing *, const struct report_parts *,
    const struct mailing_question *, void (*done)(struct mailing *));
void mailing_cancel(struct mailing *);

#endif
