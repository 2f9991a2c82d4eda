/*
 * dns_message.h - DNS messages on the wire: RFC 1035 4, as plain records.
 *
 * A pure parser over hostile bytes; every name is bounded and loops end.
 * Names are lower case and without the last dot; octets that no host name has
 * are escaped as in RFC 1035 5.1.
 */
#ifndef LIB_NET_DNS_MESSAGE_H
#define LIB_NET_DNS_MESSAGE_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ip.h"

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52,
};

struct dns_record {
	enum dns_type type;
	uint32_t ttl;
	union {
		struct ip ip; /* A, AAAA */
		struct str name; /* CNAME, NS, PTR, SOA (its MNAME) */
		struct {
			uint16_t preference;
			struct str host; /* "" in a null MX */
		} mx;
		struct str text; /* TXT: its strings joined */
		struct {
			uint8_t usage, selector, matching;
			struct str data;
		} tlsa;
	};
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_REFUSED = 5,
};

struct dns_message {
	unsigned rcode; /* with the upper bits from EDNS, RFC 6891 6.1.3 */
	bool authentic; /* AD */
	bool truncated; /* and then nothing below is filled in */
	bool referral; /* names other servers instead of answering */
	size_t count; /* records of the asked type that the CNAMEs lead to */
	struct dns_record *records; /* in the arena */
	struct str
	    alias; /* where CNAMEs lead, with or without records; or "" */
	uint32_t ttl; /* of the shortest-lived; for no records from the SOA,
			 RFC 2308 5; 0 without one: do not cache */
};

/* A question with EDNS that wants DNSSEC's verdict.  False: no such name can
   be asked for. */
bool dns_message_write(
    struct buf *, uint16_t id, struct str name, enum dns_type);
/* False: not an answer to this question, or malformed. */
bool dns_message_parse(struct str wire, struct str name, enum dns_type,
    struct arena *, struct dns_message *);

#endif
