/*
 * sign.h - one question answered: a signature over a digest, or what key
 * there is.  It sees 32 bytes and a domain, never a message.
 */
#ifndef SIGNER_SIGN_H
#define SIGNER_SIGN_H

#include "lib/trust/sign_wire.h"
#include "signer/keyring.h"

void signer_answer(
    const struct keyring *, const struct sign_question *, struct sign_answer *);
/* OpenSSL reads its configuration and fetches algorithms when they are first
   used: one signature per algorithm, before files can't be opened any more. */
void signer_warm_up(const struct keyring *);

#endif
