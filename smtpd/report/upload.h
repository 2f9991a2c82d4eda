/*
 * upload.h - a report is posted to an HTTPS address: RFC 8460 3.
 *
 * The host's addresses are resolved here, and those that aren't public are
 * left out; web does the rest.
 */
#ifndef SMTPD_REPORT_UPLOAD_H
#define SMTPD_REPORT_UPLOAD_H

#include "lib/report/rua.h"
#include "smtpd/report/report.h"

enum upload_result {
	UPLOAD_DONE,
	UPLOAD_REFUSED, /* for good */
	UPLOAD_LATER,
};

struct upload { /* {0} is idle */
	enum upload_result result;
	void (*done)(struct upload *);

	/* private */
	const struct report_parts *parts;
	struct dns_query a, aaaa;
	unsigned asked;
	bool unknown; /* the DNS didn't answer */
	struct fetch fetch;
};

/* done() runs once and later; place and file are kept by the asker until
   then. */
void upload_start(struct upload *, const struct report_parts *,
    const struct rua *place, struct str file, void (*done)(struct upload *));
void upload_cancel(struct upload *);

#endif
