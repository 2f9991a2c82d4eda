/*
 * dial.h - connects to an address, without waiting.
 */
#ifndef LIB_NET_DIAL_H
#define LIB_NET_DIAL_H

#include "lib/base/ip.h"
#include "lib/net/loop.h"

struct dial { /* {0} is idle */
	/* the question */
	struct ip to;
	uint16_t port;
	struct ip from; /* source address; family 0: any */
	int64_t timeout_ms;
	/* the answer: fd (the owner's from now on), or -1 and the errno */
	int fd;
	int error;
	void (*done)(struct dial *);
	struct watch watch; /* private */
	struct timer timer; /* private */
	struct later later; /* private */
};

void dial_start(struct dial *, struct loop *, void (*done)(struct dial *));
void dial_cancel(struct dial *); /* idempotent, free on an idle one */

#endif
