/*
 * relay.h - what the providers of smarthosts want in an SPF record, by the
 * name of the host that takes the mail.
 */
#ifndef LIB_ZONE_RELAY_H
#define LIB_ZONE_RELAY_H

#include "lib/base/str.h"

/* "include:sendgrid.net"; "": nothing is known. */
struct str relay_spf(struct str host);

#endif
