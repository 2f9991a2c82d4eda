/*
 * sign_fields.h - the text of a DKIM-Signature field: RFC 6376 3.5, 5.
 *
 * For sign.c: it is begun, hashed with the fields it signs, and ended by the
 * signature.  It knows nothing of keys or sockets.
 */
#ifndef LIB_TRUST_SIGN_FIELDS_H
#define LIB_TRUST_SIGN_FIELDS_H

#include "lib/trust/sign.h"
#include "lib/trust/sign_wire.h"

bool sign_algorithm_known(uint32_t);
/* The whole field up to and with its empty "b=". */
void sign_field_start(struct buf *, const struct sign_request *,
    enum sign_algorithm, const char *selector);
/* What is to be signed: RFC 6376 3.7. */
void sign_field_digest(
    struct str field, const struct header *, uint8_t digest[SIGN_DIGEST]);
void sign_field_end(struct buf *, struct str signature);

#endif
