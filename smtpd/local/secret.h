/*
 * secret.h - config/secret: what only this server knows and never forgets,
 * and the keys that are made of it.
 *
 * Each purpose has a label and thereby a key of its own.  The file is made by
 * entrypoint; it knows no purpose.
 */
#ifndef SMTPD_LOCAL_SECRET_H
#define SMTPD_LOCAL_SECRET_H

#include "lib/base/buf.h"

enum {
	SECRET_SIZE = 32, /* octets; in the file as hexadecimal digits */
};

struct secret {
	uint8_t octets[SECRET_SIZE];
};

/* Blocks.  False with why: the file can't be used, and the secret is one that
   lasts until the process ends. */
bool secret_read(struct secret *, const char *path, const char **why);
/* At most SECRET_SIZE octets of key. */
void secret_derive(
    const struct secret *, const char *label, void *key, size_t size);

#endif
