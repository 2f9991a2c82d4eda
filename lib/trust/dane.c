#include "lib/trust/dane.h"

#include <openssl/err.h>
#include <openssl/x509.h>

enum dane_usage {
	DANE_TA = 2,
	DANE_EE = 3
};

enum dane_selector {
	SELECTOR_CERTIFICATE = 0,
	SELECTOR_KEY = 1
};

enum dane_matching {
	MATCHING_FULL = 0,
	MATCHING_SHA256 = 1,
	MATCHING_SHA512 = 2
};

const char *
dane_status_name(enum dane_status status)
{
	static const char *const names[] = {
		[DANE_INSECURE] = "insecure",
		[DANE_ABSENT] = "none",
		[DANE_USABLE] = "usable",
		[DANE_UNUSABLE] = "unusable",
		[DANE_BOGUS] = "bogus",
	};
	return names[status];
}

struct str
dane_name(struct str host, uint16_t port, struct arena *arena)
{
	return arena_printf(
	    arena, "_%u._tcp.%.*s", (unsigned)port, STR_ARG(host));
}

/* A certificate, or a key, and nothing behind it. */
static bool
is_whole(struct str der, enum dane_selector selector)
{
	const unsigned char *p = (const unsigned char *)der.p;
	const unsigned char *end = p + der.n;
	X509 *x = NULL;
	EVP_PKEY *key = NULL;
	if (selector == SELECTOR_CERTIFICATE)
		x = d2i_X509(NULL, &p, (long)der.n);
	else
		key = d2i_PUBKEY(NULL, &p, (long)der.n);
	bool whole = (key || (x && X509_get0_pubkey(x))) && p == end;
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return whole;
}

/* What OpenSSL will take: of a set that it refuses nothing would be left to
   prove the host by. */
static bool
has_right_data(const struct dns_record *r)
{
	switch (r->tlsa.matching) {
	case MATCHING_FULL:
		return is_whole(
		    r->tlsa.data, (enum dane_selector)r->tlsa.selector);
	case MATCHING_SHA256:
		return r->tlsa.data.n == 32;
	case MATCHING_SHA512:
		return r->tlsa.data.n == 64;
	default:
		return false;
	}
}

/* RFC 7672 3.1.3: PKIX-TA and PKIX-EE are not for SMTP */
static bool
is_usable(const struct dns_record *r)
{
	return r->type == DNS_TLSA &&
	    (r->tlsa.usage == DANE_TA || r->tlsa.usage == DANE_EE) &&
	    (r->tlsa.selector == SELECTOR_CERTIFICATE ||
		r->tlsa.selector == SELECTOR_KEY) &&
	    has_right_data(r);
}

static void
add(struct dane_set *set, const struct dns_record *r, struct arena *arena)
{
	struct dns_record *kept = &set->records[set->count++];
	*kept = *r;
	kept->tlsa.data = arena_str(arena, r->tlsa.data);
}

static enum dane_status
status_of(const struct dns_answer *answer)
{
	if (answer->status == DNS_TEMPFAIL)
		return DANE_BOGUS;
	if (!answer->authentic)
		return DANE_INSECURE;
	return answer->status == DNS_FOUND ? DANE_UNUSABLE : DANE_ABSENT;
}

void
dane_read(
    const struct dns_answer *answer, struct arena *arena, struct dane_set *set)
{
	set->count = 0;
	set->status = status_of(answer);
	if (set->status != DANE_UNUSABLE)
		return;
	for (size_t i = 0; i < answer->count && set->count < DANE_RECORDS; i++)
		if (is_usable(&answer->records[i]))
			add(set, &answer->records[i], arena);
	if (set->count > 0)
		set->status = DANE_USABLE;
}
