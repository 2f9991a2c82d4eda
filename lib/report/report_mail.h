/*
 * report_mail.h - the message that carries a report: RFC 9990 3.5.2,
 * RFC 8460 5.3.
 */
#ifndef LIB_REPORT_REPORT_MAIL_H
#define LIB_REPORT_REPORT_MAIL_H

#include "lib/report/report.h"

struct report_mail { /* strings are the maker's */
	const struct report_frame *frame;
	bool is_tls; /* else DMARC's */
	struct str to; /* an address */
	struct str message_id; /* without < and > */
	int64_t now_ms; /* wall clock */
	struct str file; /* the report, gzip */
};

void report_mail_write(
    const struct report_mail *, struct buf *header, struct buf *body);
const char *report_media_type(bool is_tls); /* of the file */
const char *report_extension(bool is_tls); /* ".xml.gz", ".json.gz" */

#endif
