#include "lib/trust/dkim_record.h"

#include "lib/base/name.h"
#include "lib/mail/taglist.h"
#include "lib/trust/dkim_public_key.h"

enum {
	KEY_TEXT = 8192 /* octets of p=: RSA of 16384 bits has 2800 */
};

/* RFC 6376 3.6.2.1; dkim_signature_parse() has seen to the length */
struct str
dkim_record_name(const struct dkim_signature *sig, struct arena *arena)
{
	return arena_printf(arena, "%.*s._domainkey.%.*s",
	    STR_ARG(sig->selector), STR_ARG(sig->domain));
}

/* ---- which records there are ---- */

enum key_kind {
	KEY_NONE, /* a record of something else */
	KEY_OTHER, /* of an algorithm that the signature doesn't have */
	KEY_CANDIDATE,
};

/* RFC 6376 3.6.1: rsa by default */
static bool
read_algorithm(const struct taglist *list, enum sign_algorithm *algorithm)
{
	struct str k = taglist_find(list, "k");
	if (!k.p || str_eq_nocase(k, STR("rsa")))
		*algorithm = SIGN_RSA_SHA256;
	else if (str_eq_nocase(k, STR("ed25519")))
		*algorithm = SIGN_ED25519_SHA256;
	else
		return false;
	return true;
}

/* What can't be read may be the key as well as not: it isn't passed over. */
static enum key_kind
kind_of(struct str text, const struct dkim_signature *sig, struct arena *arena)
{
	struct taglist list;
	const char *why;
	enum sign_algorithm algorithm;
	if (!taglist_parse(text, arena, &list, &why))
		return str_starts(str_trim(text), STR("v=DKIM1"))
		    ? KEY_CANDIDATE
		    : KEY_NONE;
	/* RFC 6376 3.6.1: what begins with another v= is discarded */
	bool versioned = str_eq(list.tags[0].name, STR("v"));
	if (versioned && !str_eq(list.tags[0].value, STR("DKIM1")))
		return KEY_NONE;
	if (!versioned && !taglist_find(&list, "p").p)
		return KEY_NONE;
	return read_algorithm(&list, &algorithm) && algorithm == sig->algorithm
	    ? KEY_CANDIDATE
	    : KEY_OTHER;
}

/* ---- one record ---- */

static const char *
check_version(const struct taglist *list)
{
	struct str v = taglist_find(list, "v");
	/* RFC 6376 3.6.1: v= is the first tag and DKIM1, if it is there */
	if (!v.p)
		return NULL;
	if (!str_eq(list->tags[0].name, STR("v")))
		return "v= of the key record isn't its first tag";
	return str_eq(v, STR("DKIM1")) ? NULL : "no key record";
}

/* RFC 6376 3.6.1: what the key may be used for; RFC 8301 3.1: SHA-256 alone */
static const char *
check_use(const struct taglist *list, const struct dkim_signature *sig,
    struct dkim_record *record)
{
	struct str h = taglist_find(list, "h"), s = taglist_find(list, "s");
	struct str t = taglist_find(list, "t");
	record->testing = taglist_has(t, STR("y"));
	record->strict = taglist_has(t, STR("s"));
	if (!read_algorithm(list, &record->algorithm) ||
	    record->algorithm != sig->algorithm)
		return "the key is of another algorithm";
	if (h.p && !taglist_has(h, STR("sha256")))
		return "the key is not for SHA-256";
	if (s.p && !taglist_has(s, STR("*")) && !taglist_has(s, STR("email")))
		return "the key is not for mail";
	/* RFC 6376 3.6.1: t=s wants i= of d= itself; ARC has no such i= */
	if (record->strict && sig->identity.n > 0 &&
	    !name_eq(sig->identity_domain, sig->domain))
		return "the key is not for subdomains";
	return NULL;
}

static const char *
unpack(struct dkim_record *record)
{
	struct dkim_rsa rsa;
	if (record->algorithm == SIGN_ED25519_SHA256)
		return record->key.n == DKIM_ED25519_KEY ? NULL
							 : "malformed key";
	if (!dkim_rsa_parse(record->key, &rsa))
		return "malformed key";
	record->key = rsa.key;
	record->bits = rsa.bits;
	return NULL;
}

static const char *
read_key(
    const struct taglist *list, struct arena *arena, struct dkim_record *record)
{
	struct str p = taglist_find(list, "p");
	if (!p.p)
		return "the key record is without p=";
	if (p.n == 0)
		return "the key is revoked";
	if (p.n > KEY_TEXT)
		return "the key is too large";
	return taglist_base64(p, arena, &record->key) ? unpack(record)
						      : "malformed key";
}

bool
dkim_record_parse(struct str text, const struct dkim_signature *sig,
    struct arena *arena, struct dkim_record *record, const char **why)
{
	struct taglist list;
	*record = (struct dkim_record){ .key = STR("") };
	if (!taglist_parse(text, arena, &list, why)) {
		*why = "malformed key record";
		return false;
	}
	*why = check_version(&list);
	if (!*why)
		*why = check_use(&list, sig, record);
	if (!*why)
		*why = read_key(&list, arena, record);
	return *why == NULL;
}

/* ---- the answer ---- */

/* RFC 8301 3.2: no key below 1024 bits; one above 4096 isn't worth the time */
static enum dkim_status
judge_size(const struct dkim_record *record, const char **why)
{
	bool is_rsa = record->algorithm == SIGN_RSA_SHA256;
	if (is_rsa && record->bits < DKIM_RSA_LEAST)
		*why = "the key is too short";
	else if (is_rsa && record->bits > DKIM_RSA_MOST)
		*why = "the key is too large";
	else
		*why = "";
	return **why ? DKIM_POLICY : DKIM_PASS;
}

/* The key record for this signature, else one for others, else NULL.  A single
   record is what its own parser says. */
static const struct dns_record *
choose(const struct dns_answer *answer, const struct dkim_signature *sig,
    struct arena *arena, size_t *candidates)
{
	const struct dns_record *best = NULL;
	*candidates = 0;
	if (answer->count == 1)
		return answer->records;
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];
		enum key_kind kind = kind_of(record->text, sig, arena);
		if (kind == KEY_CANDIDATE)
			++*candidates;
		if (kind == KEY_CANDIDATE || (kind == KEY_OTHER && !best))
			best = record;
	}
	return best;
}

enum dkim_status
dkim_record_select(const struct dns_answer *answer,
    const struct dkim_signature *sig, struct arena *arena,
    struct dkim_record *record, const char **why)
{
	size_t candidates;
	*record = (struct dkim_record){ .key = STR("") };
	*why = "the key can't be had now";
	if (answer->status == DNS_TEMPFAIL)
		return DKIM_TEMPERROR;
	const struct dns_record *chosen =
	    choose(answer, sig, arena, &candidates);
	*why = "no key";
	if (!chosen)
		return DKIM_PERMERROR;
	/* RFC 6376 3.6.2.2: one record at a selector, else it's undefined */
	*why = "more than one key record";
	if (candidates > 1)
		return DKIM_PERMERROR;
	if (!dkim_record_parse(chosen->text, sig, arena, record, why))
		return DKIM_PERMERROR;
	return judge_size(record, why);
}

enum dkim_status
dkim_record_check(const struct dkim_record *record,
    const struct dkim_signature *sig, const uint8_t digest[DKIM_HASH],
    const char **why)
{
	bool good = dkim_public_key_verify(
	    record->algorithm, record->key, sig->signature, digest);
	*why = good ? "" : "the signature doesn't fit";
	return good ? DKIM_PASS : DKIM_FAIL;
}

enum dkim_status
dkim_record_verify(const struct dns_answer *answer,
    const struct dkim_signature *sig, const uint8_t digest[DKIM_HASH],
    bool *testing, const char **why)
{
	struct arena arena = { 0 };
	struct dkim_record record;
	enum dkim_status status =
	    dkim_record_select(answer, sig, &arena, &record, why);
	*testing = record.testing;
	if (status == DKIM_PASS)
		status = dkim_record_check(&record, sig, digest, why);
	arena_free(&arena);
	return status;
}
