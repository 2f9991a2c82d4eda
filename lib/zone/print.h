/*
 * print.h - planned records as a table for web forms, as a zone file, as JSON.
 */
#ifndef LIB_ZONE_PRINT_H
#define LIB_ZONE_PRINT_H

#include "lib/base/buf.h"
#include "lib/zone/plan.h"

/* Relative names, one record per line, the tiers as headings. */
void zone_print_table(const struct zone_plan *, bool all, struct buf *);
/* RFC 1035 5: absolute names, TXT in strings of at most 255 octets; PTR and
   the like as comments. */
void zone_print_file(const struct zone_plan *, struct buf *);
void zone_print_json(const struct zone_plan *, struct buf *);

#endif
