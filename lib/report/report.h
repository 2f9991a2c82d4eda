/*
 * report.h - what DMARC and TLS reports have in common: who reports, on which
 * time, under which name; and the gzip around them.  It knows neither format.
 */
#ifndef LIB_REPORT_REPORT_H
#define LIB_REPORT_REPORT_H

#include "lib/report/row_key.h"

struct report_frame { /* strings are the maker's */
	struct str domain; /* policy domain: what it is about */
	struct str organization; /* our domain */
	struct str contact; /* our address */
	struct str id; /* report_id() */
	int64_t begin, end; /* seconds since 1970-01-01, both in the report */
};

/* The same for the same time, rows and counts: a report that is sent again
   after a crash is known by it.  Letters and digits alone. */
void report_id(
    int64_t begin, int64_t end, const struct row_sheet *, struct buf *);
/* "ours.example!policy.example!1795219200!1795305599!id.xml.gz" for ".xml.gz":
   RFC 9990 3.5.2, RFC 8460 5.1 */
void report_file_name(
    const struct report_frame *, const char *extension, struct buf *);
/* Octets that aren't printable ASCII become "?": neither XML nor JSON could
   hold all of them. */
void report_text(struct buf *, struct str);
void report_gzip(struct str, struct buf *out); /* RFC 1952, without a time */

#endif
