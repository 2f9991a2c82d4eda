#include "lib/trust/dane.h"

#include "lib/base/name.h"

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

/* ---- under which names ---- */

/* RFC 7672 2.2.2: of a secure chain the name at its end, then that at its
   start; of a chain that is secure at its start alone, that one.
   RFC 2181 11: the DNS has names of any octets, hosts haven't. */
size_t
dane_bases(const struct dane_host *host, struct str bases[DANE_BASES])
{
	size_t count = 0;
	bool is_alias = !str_empty(host->alias);
	if (host->secure && is_alias && name_is_dns(host->alias))
		bases[count++] = host->alias;
	if (host->secure || (is_alias && host->alias_secure))
		bases[count++] = host->name;
	return count;
}

struct str
dane_name(struct str base, uint16_t port, struct arena *arena)
{
	return arena_printf(
	    arena, "_%u._tcp.%.*s", (unsigned)port, STR_ARG(base));
}

/* ---- which records count ---- */

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

/* Any of them may be the one that fits, so the limits are for those who would
   fill our memory. */
static void
add_usable(
    struct dane_set *set, const struct dns_answer *answer, struct arena *arena)
{
	size_t most =
	    answer->count < DANE_RECORDS ? answer->count : DANE_RECORDS;
	size_t octets = 0;
	set->records = arena_alloc(arena, most * sizeof *set->records);
	for (size_t i = 0; i < answer->count && set->count < most; i++) {
		const struct dns_record *r = &answer->records[i];
		if (!is_usable(r) || octets + r->tlsa.data.n > DANE_OCTETS)
			continue;
		octets += r->tlsa.data.n;
		add(set, r, arena);
	}
}

void
dane_read(const struct dns_answer *answer, struct str base, struct arena *arena,
    struct dane_set *set)
{
	*set = (struct dane_set){
		.status = status_of(answer),
		.base = arena_str(arena, base),
		.others = { STR(""), STR("") },
	};
	if (set->status != DANE_UNUSABLE)
		return;
	add_usable(set, answer, arena);
	if (set->count > 0)
		set->status = DANE_USABLE;
}

bool
dane_decides(enum dane_status status)
{
	switch (status) {
	case DANE_USABLE:
	case DANE_UNUSABLE:
	case DANE_BOGUS:
		return true;
	case DANE_INSECURE:
	case DANE_ABSENT:
		break;
	}
	return false;
}

/* ---- whom a certificate may be for ---- */

/* RFC 7672 3.2.2: beside the TLSA base domain the next hop, and where it
   leads as an alias */
void
dane_add_names(struct dane_set *set, struct str next_hop, struct str expanded)
{
	size_t count = 0;
	if (!name_eq(next_hop, set->base))
		set->others[count++] = next_hop;
	if (name_is_dns(expanded) && !name_eq(expanded, set->base) &&
	    !name_eq(expanded, next_hop))
		set->others[count] = expanded;
}
