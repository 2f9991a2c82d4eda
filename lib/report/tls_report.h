/*
 * tls_report.h - a TLS report as JSON: RFC 8460 4.
 */
#ifndef LIB_REPORT_TLS_REPORT_H
#define LIB_REPORT_TLS_REPORT_H

#include "lib/report/report.h"

/* Keys of tls_row.h.  False: there is none among them. */
bool tls_report_write(
    const struct report_frame *, const struct row_sheet *, struct buf *out);

#endif
