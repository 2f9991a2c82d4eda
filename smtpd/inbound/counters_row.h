/*
 * counters_row.h - a judged message as a row of a DMARC aggregate report.
 *
 * Private to smtpd/inbound.
 */
#ifndef SMTPD_INBOUND_COUNTERS_ROW_H
#define SMTPD_INBOUND_COUNTERS_ROW_H

#include "lib/report/dmarc_row.h"
#include "smtpd/inbound/verdict.h"

/* False: it is in no report.  Strings are the checks', or in the arena. */
bool counters_row_make(const struct checks *, const struct verdict *,
    struct arena *, struct dmarc_row *);

#endif
