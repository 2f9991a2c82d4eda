/*
 * dane.h - which TLSA records of a mail host count: RFC 7672, RFC 7671,
 * RFC 6698.
 *
 * Pure: it sorts an answer; OpenSSL compares the certificates (lib/net/tls.h),
 * and what a host that fails costs is delivery's business.
 */
#ifndef LIB_TRUST_DANE_H
#define LIB_TRUST_DANE_H

#include "lib/net/resolver.h"

enum {
	DANE_RECORDS = 16 /* that are used; the rest of a set is ignored */
};

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
	size_t count; /* of DANE_USABLE */
	struct dns_record records[DANE_RECORDS]; /* data is in the arena */
};

/* "_25._tcp.mx.example.com" */
struct str dane_name(struct str host, uint16_t port, struct arena *);
/* The answer about that name, of a host whose MX and addresses were
   authentic. */
void dane_read(const struct dns_answer *, struct arena *, struct dane_set *);
const char *dane_status_name(enum dane_status);

#endif
