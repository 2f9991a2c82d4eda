/*
 * listener.h - accepts connections on a socket that somebody else opened.
 */
#ifndef LIB_NET_LISTENER_H
#define LIB_NET_LISTENER_H

#include "lib/base/ip.h"
#include "lib/net/loop.h"

struct listener {
	/* A non-blocking, close-on-exec descriptor, now the callee's. */
	void (*accepted)(struct listener *, int fd, struct ip peer);
	struct watch watch; /* private */
	struct timer pause; /* private: out of descriptors, wait a little */
	struct loop *loop;
	int fd;
};

void listener_start(struct listener *, struct loop *, int fd,
    void (*accepted)(struct listener *, int, struct ip));
void listener_stop(struct listener *); /* and closes it */

#endif
