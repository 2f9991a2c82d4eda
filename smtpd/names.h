/*
 * names.h - the resolver that the settings ask for, and whether its DNSSEC
 * verdict is believed.
 */
#ifndef SMTPD_NAMES_H
#define SMTPD_NAMES_H

#include "lib/base/settings.h"
#include "lib/net/resolver.h"

/* bundled: its first server is one of our own.  NULL: it can't be set up. */
struct resolver *names_open(
    struct loop *, const struct settings *, bool bundled);

#endif
