/*
 * resolver_pool.h - private to resolver.c: the servers that may stand in for
 * each other, and which of them is asked first.
 */
#ifndef LIB_NET_RESOLVER_POOL_H
#define LIB_NET_RESOLVER_POOL_H

#include "lib/net/resolver_server.h"

enum {
	POOL_SERVERS = 16
};

struct pool { /* {0} is empty */
	size_t count, first;
	struct server *servers[POOL_SERVERS];
};

/* servers: "127.0.0.1:5335,[::1]:53"; "" for /etc/resolv.conf, and without one
   for this host.  False: not all could be understood. */
bool pool_fill(struct pool *, struct loop *, const char *servers);
void pool_empty(struct pool *); /* answers what is open with nothing */

#endif
