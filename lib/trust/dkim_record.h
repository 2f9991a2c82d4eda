/*
 * dkim_record.h - a public key out of the DNS: RFC 6376 3.6.1, RFC 8301,
 * RFC 8463, RFC 8616.
 *
 * It asks nothing: it reads answers, and checks one signature with what they
 * hold.
 */
#ifndef LIB_TRUST_DKIM_RECORD_H
#define LIB_TRUST_DKIM_RECORD_H

#include "lib/net/resolver.h"
#include "lib/trust/dkim_signature.h"

enum {
	DKIM_RSA_LEAST = 1024, /* bits, RFC 8301 3.2: below is no pass */
	DKIM_RSA_MOST = 4096,
};

enum dkim_status { /* RFC 8601 2.7.1; "none" is no result at all */
	DKIM_PASS,
	DKIM_FAIL,
	DKIM_POLICY, /* it is right, but not acceptable to us */
	DKIM_NEUTRAL, /* it can't be made sense of */
	DKIM_TEMPERROR,
	DKIM_PERMERROR,
};

struct dkim_record { /* {0} before; decoded bytes are in the arena */
	enum sign_algorithm algorithm; /* by k= */
	struct str key; /* p=, decoded; "" when revoked.  Of RSA the
			   RSAPublicKey, however it was wrapped */
	size_t bits; /* of an RSA key's modulus */
	bool testing; /* t=y */
	bool strict; /* t=s */
};

/* "selector._domainkey.example.com": what is asked for, as TXT. */
struct str dkim_record_name(const struct dkim_signature *, struct arena *);

/* Reads a record for a signature of this algorithm: v= k= h= s= t= p=.
   False: it can't be used, and why says. */
bool dkim_record_parse(struct str text, const struct dkim_signature *,
    struct arena *, struct dkim_record *, const char **why);

/* The answer about dkim_record_name(), judged: RFC 6376 6.1.2.  Key records of
   another algorithm don't count, two of the signature's are a permanent
   error.  DKIM_PASS: the record may be used, and outlives the answer; else the
   signature's result, and why says ("" with a pass). */
enum dkim_status dkim_record_select(const struct dns_answer *,
    const struct dkim_signature *, struct arena *, struct dkim_record *,
    const char **why);
/* The signature over a SHA-256 digest, by a record that may be used: pass or
   fail.  RFC 6376 6.1.3. */
enum dkim_status dkim_record_check(const struct dkim_record *,
    const struct dkim_signature *, const uint8_t digest[DKIM_HASH],
    const char **why);
/* Both at once.  testing is set from t=y. */
enum dkim_status dkim_record_verify(const struct dns_answer *,
    const struct dkim_signature *, const uint8_t digest[DKIM_HASH],
    bool *testing, const char **why);

#endif
