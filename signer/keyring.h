/*
 * keyring.h - the DKIM private keys, read once at start:
 * keys/<domain>/<selector>.pem.
 *
 * What can't be used costs itself only: it is logged and left out.
 */
#ifndef SIGNER_KEYRING_H
#define SIGNER_KEYRING_H

#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "lib/trust/dkim_key.h"

struct signing_key {
	struct str selector; /* ended by a NUL */
	struct dkim_key key;
};

struct key_domain {
	struct map_node node; /* key: the name, lower case */
	size_t count;
	struct signing_key *keys; /* by selector, at least one */
};

struct keyring { /* {0} is empty */
	struct map domains; /* of struct key_domain */
	size_t key_count;
	struct arena arena;
};

void keyring_load(struct keyring *, const char *folder);
const struct key_domain *keyring_find(
    const struct keyring *, struct str domain); /* or NULL */
void keyring_free(struct keyring *);

#endif
