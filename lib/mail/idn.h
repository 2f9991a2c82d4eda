/*
 * idn.h - internationalised domain names become A-labels: RFC 5891 (libidn2).
 */
#ifndef LIB_MAIL_IDN_H
#define LIB_MAIL_IDN_H

#include "lib/base/arena.h"

/* UTF-8 or ASCII in, lower-case A-labels out, checked as a host name. */
bool idn_to_ascii(
    struct str name, struct arena *, struct str *ascii, const char **why);
/* For a domain that may be neither: one in ASCII, or that has no A-labels,
   comes back as it is, for others to refuse. */
struct str idn_a_labels(struct str domain, struct arena *);

#endif
