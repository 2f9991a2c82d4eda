/*
 * reverse.h - an address as labels: 1.2.0.192 or nibbles.
 *
 * For PTR (RFC 1035 3.5, RFC 3596 2.5) and for DNS lists (RFC 5782 2.1, 2.4).
 */
#ifndef LIB_NET_REVERSE_H
#define LIB_NET_REVERSE_H

#include "lib/base/buf.h"
#include "lib/base/ip.h"

/* "1.2.0.192", or 32 nibbles; no zone behind it. */
void reverse_labels(struct buf *, struct ip);
/* "1.2.0.192.in-addr.arpa", "... .ip6.arpa" */
void reverse_name(struct buf *, struct ip);

#endif
