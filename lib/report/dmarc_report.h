/*
 * dmarc_report.h - a DMARC aggregate report as XML: RFC 9990 3.1, appendix A.
 */
#ifndef LIB_REPORT_DMARC_REPORT_H
#define LIB_REPORT_DMARC_REPORT_H

#include "lib/report/report.h"

/* Keys of dmarc_row.h, and the note beside them.  False: no key is one, or the
   note isn't. */
bool dmarc_report_write(const struct report_frame *, const struct row_sheet *,
    struct str note, struct buf *out);

#endif
