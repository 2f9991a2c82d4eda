/*
 * resolver_spare.h - private to resolver.c: when a resolver of our own can't
 * reach the root servers, others have to be asked.
 *
 * It asks that resolver about the root from time to time.  It knows neither
 * the questions of others nor who is asked instead.
 */
#ifndef LIB_NET_RESOLVER_SPARE_H
#define LIB_NET_RESOLVER_SPARE_H

#include "lib/net/resolver_server.h"

struct spare { /* {0} is idle: nothing is watched, nothing needed */
	bool needed;
	/* private */
	struct loop *loop;
	struct server *watched;
	struct timer timer;
	struct server_question probe;
	unsigned failures; /* in a row */
	void (*changed)(struct spare *);
};

/* changed() comes whenever needed has changed. */
void spare_start(struct spare *, struct loop *, struct server *watched,
    void (*changed)(struct spare *));
void spare_stop(struct spare *); /* before the server is freed */

#endif
