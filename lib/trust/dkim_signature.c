#include "lib/trust/dkim_signature.h"

#include "lib/base/name.h"
#include "lib/mail/idn.h"
#include "lib/mail/printable.h"
#include "lib/mail/taglist.h"

enum {
	INSTANCE_DIGITS = 3, /* of ARC's i= */
	KEY_NAME = NAME_MAX_TEXT - 12, /* leaves room for "._domainkey." */
};

/* A tag's value goes into the signature; NULL, or why it can't. */
typedef const char *read_tag(
    struct dkim_signature *, struct str value, struct arena *);

/* ---- values ---- */

/* Lower-case A-labels; RFC 8616 4 allows U-labels.  Underscores are no part of
   the grammar, but of selectors in use. */
static bool
read_name(struct str value, struct arena *arena, struct str *name)
{
	const char *why;
	*name = STR("");
	if (str_ends(value, STR(".")))
		return false;
	if (name_is_dns(value))
		*name = arena_lower(arena, value);
	else if (!idn_to_ascii(value, arena, name, &why))
		*name = STR("");
	return name->n > 0;
}

/* RFC 6376 3.5: t= and x= may have any number of digits; what is too large is
   for ever. */
static bool
read_number(struct str value, uint64_t most, uint64_t *number)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
	if (!str_to_u64(value, number) || *number > most)
		*number = most;
	return value.n > 0;
}

/* ---- tags ---- */

static const char *
read_version(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	(void)sig, (void)arena;
	return str_eq(value, STR("1")) ? NULL : "v= is not 1";
}

/* Unknown ones are told apart by the caller, who has a status for them. */
static const char *
read_algorithm(
    struct dkim_signature *sig, struct str value, struct arena *arena)
{
	sig->algorithm_text = arena_lower(arena, value);
	sig->known_algorithm = true;
	if (str_eq_nocase(value, STR("rsa-sha256")))
		sig->algorithm = SIGN_RSA_SHA256;
	else if (str_eq_nocase(value, STR("ed25519-sha256")))
		sig->algorithm = SIGN_ED25519_SHA256;
	else
		sig->known_algorithm = false;
	return value.n > 0 ? NULL : "a= is empty";
}

static const char *
read_domain(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	return read_name(value, arena, &sig->domain) ? NULL
						     : "d= is no domain name";
}

static const char *
read_selector(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	return read_name(value, arena, &sig->selector) ? NULL
						       : "s= is no selector";
}

static const char *
read_signature(
    struct dkim_signature *sig, struct str value, struct arena *arena)
{
	sig->signature_text = taglist_squeeze(value, arena);
	return taglist_base64(value, arena, &sig->signature)
	    ? NULL
	    : "b= is no base64";
}

static const char *
read_body_hash(
    struct dkim_signature *sig, struct str value, struct arena *arena)
{
	return taglist_base64(value, arena, &sig->body_hash)
	    ? NULL
	    : "bh= is no base64";
}

static bool
read_canon(struct str value, enum dkim_canon *canon)
{
	*canon =
	    str_eq_nocase(value, STR("relaxed")) ? DKIM_RELAXED : DKIM_SIMPLE;
	return *canon == DKIM_RELAXED || str_eq_nocase(value, STR("simple"));
}

/* RFC 6376 3.5: header/body; the body's is simple by default */
static const char *
read_canons(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	(void)arena;
	struct str header = str_cut(&value, '/');
	if (!value.p)
		value = STR("simple");
	return read_canon(header, &sig->header_canon) &&
		read_canon(value, &sig->body_canon)
	    ? NULL
	    : "unknown canonicalisation in c=";
}

/* RFC 5322 2.2: ftext */
static bool
is_field_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!printable_is(name.p[i]) || name.p[i] == ' ')
			return false;
	return true;
}

static const char *
read_names(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	size_t room = 1;
	for (size_t i = 0; i < value.n; i++)
		room += value.p[i] == ':';
	if (room > DKIM_MAX_NAMES)
		return "too many names in h=";
	sig->names = arena_alloc(arena, room * sizeof *sig->names);
	while (value.n > 0) {
		struct str name = str_trim(str_cut(&value, ':'));
		if (!is_field_name(name))
			return "malformed name in h=";
		if (name.n > 0)
			sig->names[sig->name_count++] = name;
	}
	return NULL;
}

static const char *
read_identity(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	sig->identity = taglist_squeeze(value, arena);
	size_t at = str_find_last(sig->identity, '@');
	if (at == sig->identity.n ||
	    !read_name(
		str_from(sig->identity, at + 1), arena, &sig->identity_domain))
		return "i= is no identity";
	return NULL;
}

static const char *
read_instance(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	(void)arena;
	uint64_t number;
	if (value.n > INSTANCE_DIGITS ||
	    !read_number(value, UINT16_MAX, &number) || number == 0)
		return "i= is no instance";
	sig->instance = (unsigned)number;
	return NULL;
}

static const char *
read_length(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	(void)arena;
	sig->has_length = read_number(value, UINT64_MAX, &sig->length);
	return sig->has_length ? NULL : "l= is no number";
}

/* RFC 6376 3.5: the only way to a key that is defined */
static const char *
read_query(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	(void)sig, (void)arena;
	return taglist_has(value, STR("dns/txt")) ? NULL
						  : "q= is without dns/txt";
}

static const char *
read_signed_at(
    struct dkim_signature *sig, struct str value, struct arena *arena)
{
	(void)arena;
	uint64_t number;
	if (!read_number(value, INT64_MAX, &number))
		return "t= is no time";
	sig->signed_at = (int64_t)number;
	return NULL;
}

/* x=0 is a time as well, and long past. */
static const char *
read_expires(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	(void)arena;
	uint64_t number;
	if (!read_number(value, INT64_MAX, &number))
		return "x= is no time";
	sig->expires = number ? (int64_t)number : 1;
	return NULL;
}

static const char *
read_chain_validation(
    struct dkim_signature *sig, struct str value, struct arena *arena)
{
	sig->chain_validation = arena_lower(arena, value);
	return NULL;
}

/* RFC 8617 4.1.3: an ARC-Seal that has h= is wrong */
static const char *
refuse_names(struct dkim_signature *sig, struct str value, struct arena *arena)
{
	(void)sig, (void)value, (void)arena;
	return "h= in a seal";
}

/* ---- the whole ---- */

enum {
	SIGNATURE = 1 << DKIM_KIND_SIGNATURE,
	MESSAGE = 1 << DKIM_KIND_ARC_MESSAGE,
	SEAL = 1 << DKIM_KIND_ARC_SEAL,
	ALL = SIGNATURE | MESSAGE | SEAL,
};

/* Those that name the signature come first: they are shown with any result. */
static const struct {
	const char *name;
	unsigned kinds; /* in which it means something */
	const char *missing; /* the complaint; NULL when it isn't required */
	read_tag *read;
} tags[] = {
	{ "d", ALL, "d= is missing", read_domain },
	{ "s", ALL, "s= is missing", read_selector },
	{ "a", ALL, "a= is missing", read_algorithm },
	{ "b", ALL, "b= is missing", read_signature },
	{ "v", SIGNATURE, "v= is missing", read_version },
	{ "bh", SIGNATURE | MESSAGE, "bh= is missing", read_body_hash },
	{ "c", SIGNATURE | MESSAGE, NULL, read_canons },
	{ "h", SIGNATURE | MESSAGE, "h= is missing", read_names },
	{ "h", SEAL, NULL, refuse_names },
	{ "i", SIGNATURE, NULL, read_identity },
	{ "i", MESSAGE | SEAL, "i= is missing", read_instance },
	{ "l", SIGNATURE | MESSAGE, NULL, read_length },
	{ "q", SIGNATURE | MESSAGE, NULL, read_query },
	{ "t", ALL, NULL, read_signed_at },
	{ "x", SIGNATURE | MESSAGE, NULL, read_expires },
	{ "cv", SEAL, "cv= is missing", read_chain_validation },
};

/* All are read, whatever the first complaint is: that is returned. */
static const char *
read_tags(enum dkim_kind kind, const struct taglist *list, struct arena *arena,
    struct dkim_signature *sig)
{
	const char *first = NULL;
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		if (!(tags[i].kinds & 1u << kind))
			continue;
		struct str value = taglist_find(list, tags[i].name);
		const char *why =
		    value.p ? tags[i].read(sig, value, arena) : tags[i].missing;
		if (!first)
			first = why;
	}
	return first;
}

/* What tags say of each other. */
static const char *
compare(enum dkim_kind kind, const struct dkim_signature *sig)
{
	if (sig->selector.n + sig->domain.n > KEY_NAME)
		return "d= and s= are too long";
	/* RFC 6376 3.5: i= is of the same domain or of one below */
	if (kind == DKIM_KIND_SIGNATURE &&
	    !name_is_below(sig->identity_domain, sig->domain))
		return "i= is of another domain";
	/* RFC 6376 3.5: x= is later than t= */
	if (sig->expires && sig->signed_at && sig->expires <= sig->signed_at)
		return "x= is not later than t=";
	if (sig->known_algorithm && kind != DKIM_KIND_ARC_SEAL &&
	    sig->body_hash.n != DKIM_HASH)
		return "bh= is no hash of that kind";
	/* RFC 8617 4.1.2: seals aren't signed by messages' signatures */
	if (kind == DKIM_KIND_ARC_MESSAGE &&
	    dkim_signature_signs(sig, "ARC-Seal"))
		return "h= names ARC-Seal";
	return NULL;
}

static void
set_defaults(
    enum dkim_kind kind, struct arena *arena, struct dkim_signature *sig)
{
	/* RFC 8617 5.1.1: seals are always relaxed */
	if (kind == DKIM_KIND_ARC_SEAL)
		sig->header_canon = sig->body_canon = DKIM_RELAXED;
	if (kind != DKIM_KIND_SIGNATURE || sig->identity.n > 0)
		return;
	sig->identity = arena_printf(arena, "@%.*s", STR_ARG(sig->domain));
	sig->identity_domain = sig->domain;
}

bool
dkim_signature_parse(enum dkim_kind kind, struct str value, struct arena *arena,
    struct dkim_signature *sig, const char **why)
{
	struct taglist list;
	*sig = (struct dkim_signature){ .domain = STR(""),
		.selector = STR(""),
		.algorithm_text = STR(""),
		.signature_text = STR(""),
		.identity = STR("") };
	if (!taglist_parse(value, arena, &list, why))
		return false;
	*why = read_tags(kind, &list, arena, sig);
	set_defaults(kind, arena, sig);
	if (!*why)
		*why = compare(kind, sig);
	return *why == NULL;
}

bool
dkim_signature_signs(const struct dkim_signature *sig, const char *name)
{
	for (size_t i = 0; i < sig->name_count; i++)
		if (str_eq_nocase(sig->names[i], str_of(name)))
			return true;
	return false;
}
