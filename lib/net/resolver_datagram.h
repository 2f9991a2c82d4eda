/*
 * resolver_datagram.h - private to resolver_server.c: a question in a datagram
 * of our own, for what c-ares won't carry.
 *
 * From 1.2x on it asks for no name with octets that no host name has, as the
 * macros of SPF can make them, and drops answers that it finds odd.  UDP
 * alone: of an answer that doesn't fit the head comes.
 */
#ifndef LIB_NET_RESOLVER_DATAGRAM_H
#define LIB_NET_RESOLVER_DATAGRAM_H

#include "lib/base/ip.h"
#include "lib/net/loop.h"

struct datagram { /* a member of its owner; {0} is idle */
	/* The message, valid during the call; p is NULL when none came.  Once,
	   and maybe from within the start. */
	void (*answered)(struct datagram *, struct str message);
	struct str query; /* kept by the owner until then */
	/* private */
	struct loop *loop;
	struct watch watch;
	struct timer timer;
	unsigned tries;
};

void datagram_start(struct datagram *, struct loop *, struct ip, uint16_t port,
    struct str query, void (*answered)(struct datagram *, struct str));
void datagram_cancel(struct datagram *); /* free on an idle one */

#endif
