/*
 * sign.h - a signer that does what a test wants.
 *
 * It stands in for lib/trust/sign.c: name it in tests/unit/fakes.mk.  Each
 * field it makes is "DKIM-Signature: v=1; d=<domain>; b=fake" CR LF.
 */
#ifndef TESTS_FAKES_SIGN_H
#define TESTS_FAKES_SIGN_H

#include "lib/trust/sign.h"

enum fake_sign_mood {
	FAKE_SIGN_ANSWERS, /* later, on the loop; the default */
	FAKE_SIGN_NOT_OURS,
	FAKE_SIGN_AWAY,
	FAKE_SIGN_SILENT, /* no answer comes until the mood changes */
};

struct fake_sign {
	enum fake_sign_mood mood; /* change it with fake_sign_set() */
	unsigned asked, cancelled; /* since then */
	uint8_t body_hash[32]; /* of the last request */
};

extern struct fake_sign fake_sign;

/* Also lets those that wait in silence have their answers. */
void fake_sign_set(enum fake_sign_mood);

#endif
