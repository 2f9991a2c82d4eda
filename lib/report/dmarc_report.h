/*
 * dmarc_report.h - a DMARC aggregate report as XML: RFC 9990 2, appendix A.
 */
#ifndef LIB_REPORT_DMARC_REPORT_H
#define LIB_REPORT_DMARC_REPORT_H

#include "lib/report/report.h"

/* Keys of dmarc_row.h.  False: there is none among them.  When the policy has
   changed during the day, the one that most messages met is named. */
bool dmarc_report_write(
    const struct report_frame *, const struct row_sheet *, struct buf *out);

#endif
