/*
 * list_fields.h - does a mailing list vouch for a message with its signature?
 *
 * Every spammer has a domain to sign with, and may invent a list; so this is
 * a reason to put a message into Junk instead of refusing it, and no more.
 */
#ifndef SMTPD_INBOUND_LIST_FIELDS_H
#define SMTPD_INBOUND_LIST_FIELDS_H

#include "lib/trust/dkim_verify.h"

/* Does a valid signature of another domain than the author's cover the one
   List-Id or List-Post, and does that name the signer's domain, or one below
   it?  Then *domain is the signer's. */
bool list_fields_signed(const struct header *, const struct dkim_verify *,
    struct str author_domain, struct str *domain);

#endif
