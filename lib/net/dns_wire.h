/*
 * dns_wire.h - private to dns_message.c: names and resource records as they
 * stand in a message.  RFC 1035 4.1.3, 4.1.4.
 *
 * Every function is false, and the rest of the message is worth nothing, when
 * the octets are malformed.  It knows neither sections nor what answers what.
 */
#ifndef LIB_NET_DNS_WIRE_H
#define LIB_NET_DNS_WIRE_H

#include "lib/base/cursor.h"
#include "lib/net/dns_message.h"

enum {
	DNS_CLASS_IN = 1,
	DNS_OPT = 41, /* RFC 6891 6.1.1: no record, though it looks like one */
};

struct dns_wire { /* a message that is read */
	struct cursor at;
	struct arena *arena; /* of what is read */
	struct buf scratch; /* the owner frees it */
};

struct dns_raw { /* any resource record, its data still on the wire */
	struct str owner;
	unsigned type, class;
	uint32_t ttl;
	size_t data, end; /* offsets in the message */
};

/* The next name, record. */
bool dns_wire_name(struct dns_wire *, struct str *);
bool dns_wire_raw(struct dns_wire *, struct dns_raw *);
/* The data, too, of a type in enum dns_type; of others: false. */
bool dns_wire_record(
    struct dns_wire *, const struct dns_raw *, struct dns_record *);

#endif
