/*
 * fetch.h - a web that answers as a test wants, later, on the loop.
 *
 * It stands in for lib/net/fetch.c: name it in tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_FETCH_H
#define TESTS_FAKES_FETCH_H

#include "lib/net/fetch.h"

struct fake_fetch {
	/* what every question is answered with */
	enum fetch_result result;
	unsigned status;
	const char *type, *content;
	size_t size; /* of the content; 0: it ends with its NUL */
	bool hold; /* questions wait for fake_fetch_let_go() */
	const char *counted; /* a host, or NULL */
	/* what was asked */
	unsigned asked;
	unsigned counted_asked; /* of that host */
	bool ahead;
	size_t open; /* not answered, not cancelled */
	char host[256], path[64];
	uint16_t port;
	size_t count;
	struct ip ips[FETCH_IPS];
};

extern struct fake_fetch fake_fetch;

void fake_fetch_use(struct loop *); /* and forgets what was asked */
void fake_fetch_let_go(void);

#endif
