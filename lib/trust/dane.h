/*
 * dane.h - under which names a mail host's TLSA records are looked for, and
 * which of them count: RFC 7672, RFC 7671, RFC 6698.
 *
 * Pure: it sorts answers; OpenSSL compares the certificates (lib/net/tls.h),
 * and what a host that fails costs is delivery's business.
 */
#ifndef LIB_TRUST_DANE_H
#define LIB_TRUST_DANE_H

#include "lib/net/resolver.h"

enum {
	DANE_BASES = 2,
	DANE_OTHERS = 2,
	DANE_RECORDS = 64, /* that are used of a set, */
	DANE_OCTETS = 16 << 10, /* with so much data; the rest is ignored */
};

/* ---- before they are asked for ---- */

struct dane_host { /* what the DNS said of it */
	struct str name; /* as the MX, or the next hop, has it */
	struct str alias; /* where its CNAMEs lead; "" is nowhere */
	bool secure; /* addresses, with all CNAMEs */
	bool alias_secure; /* at least the first CNAME */
};

/* The candidates for the TLSA base domain, the preferred first.  0: there is
   nothing to ask for. */
size_t dane_bases(const struct dane_host *, struct str bases[DANE_BASES]);
/* "_25._tcp.mx.example.com" */
struct str dane_name(struct str base, uint16_t port, struct arena *);

/* ---- and then ---- */

enum dane_status {
	DANE_INSECURE, /* not signed, or nobody whom we believe says so */
	DANE_ABSENT, /* signed, and there is none */
	DANE_USABLE,
	DANE_UNUSABLE, /* there are some, and none that we understand:
			  RFC 7672 2.2 asks for TLS, of anybody */
	DANE_BOGUS, /* no answer, or one that didn't validate: RFC 7672 2.1.2
		       forbids going on without */
};

struct dane_set {
	enum dane_status status;
	struct str base; /* the TLSA base domain; ended by a NUL, as these: */
	struct str others[DANE_OTHERS]; /* for these a certificate of a DANE-TA
					   may be, too; "" is none */
	size_t count; /* of DANE_USABLE */
	struct dns_record *records; /* in the arena, as all the rest */
};

/* The answer about a base, of a host whose addresses were found securely. */
void dane_read(const struct dns_answer *, struct str base, struct arena *,
    struct dane_set *);
/* What the set says holds, and no other base is asked about. */
bool dane_decides(enum dane_status);
/* expanded: where the CNAMEs of the next hop lead that had the MX; else "". */
void dane_add_names(
    struct dane_set *, struct str next_hop, struct str expanded);
const char *dane_status_name(enum dane_status);

#endif
