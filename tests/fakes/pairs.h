/*
 * pairs.h - a soft store that is a list of pairs in memory, for whoever keeps
 * counts or policies in one.
 *
 * It stands in for smtpd/store/store.c: name it in tests/unit/fakes.mk.  Writes
 * are done later, on the loop.
 */
#ifndef TESTS_FAKES_PAIRS_H
#define TESTS_FAKES_PAIRS_H

#include "smtpd/store/store.h"

struct fake_pairs {
	struct store *store; /* to be used */
	enum store_result result; /* of writes */
	bool hold; /* they wait for fake_pairs_let_go() */
	size_t writes; /* of all times */
	size_t count; /* pairs that are kept */
};

extern struct fake_pairs fake_pairs;

void fake_pairs_open(struct loop *); /* and empties it */
void fake_pairs_let_go(void);
void fake_pairs_put(struct str key, struct str value); /* at once */
bool fake_pairs_has(struct str key);
void fake_pairs_close(void);

#endif
