#include "lib/trust/spf_record.h"

#include "lib/base/ascii.h"
#include "lib/trust/spf_macro.h"

#include <string.h>

enum {
	BITS4 = 32,
	BITS6 = 128,
};

struct kind {
	const char *name;
	enum spf_mechanism mechanism;
	/* rest: what follows the name */
	bool (*parse)(struct spf_directive *, struct str rest);
	const char *why; /* when that fails */
};

static const struct str version = { "v=spf1", 6 };

/* ---- what follows the name of a mechanism ---- */

/* No zero before other digits. */
static bool
parse_bits(struct str digits, unsigned most, unsigned *bits)
{
	uint64_t value;
	if (!str_to_u64(digits, &value) || value > most ||
	    (digits.n > 1 && *digits.p == '0'))
		return false;
	*bits = (unsigned)value;
	return true;
}

/* Takes "/digits" off the end of *s; false when there is none. */
static bool
cut_bits(struct str *s, struct str *digits)
{
	size_t n = s->n;
	while (n > 0 && ascii_is_digit(s->p[n - 1]))
		n--;
	if (n == s->n || n == 0 || s->p[n - 1] != '/')
		return false;
	*digits = str_from(*s, n);
	s->n = n - 1;
	return true;
}

/* RFC 7208 12: dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ];
   a domain-spec may hold slashes, too, so it is read from the end */
static bool
cut_dual_bits(struct spf_directive *d, struct str *s)
{
	struct str digits;
	if (!cut_bits(s, &digits))
		return true;
	if (str_ends(*s, STR("/"))) {
		s->n--;
		if (!parse_bits(digits, BITS6, &d->bits6))
			return false;
		if (!cut_bits(s, &digits))
			return true;
	}
	return parse_bits(digits, BITS4, &d->bits4);
}

static bool
parse_nothing(struct spf_directive *d, struct str rest)
{
	(void)d;
	return rest.n == 0;
}

static bool
parse_domain(struct spf_directive *d, struct str rest)
{
	d->domain = str_from(rest, 1);
	return str_starts(rest, STR(":")) && spf_macro_is_domain(d->domain);
}

static bool
parse_maybe_domain(struct spf_directive *d, struct str rest)
{
	return rest.n == 0 || parse_domain(d, rest);
}

static bool
parse_hosts(struct spf_directive *d, struct str rest)
{
	return cut_dual_bits(d, &rest) && parse_maybe_domain(d, rest);
}

/* ":" network [ "/" bits ] */
static bool
parse_network(
    struct spf_directive *d, struct str rest, unsigned most, unsigned *bits)
{
	if (!str_starts(rest, STR(":")))
		return false;
	rest = str_from(rest, 1);
	struct str net = str_cut(&rest, '/');
	return ip_parse(net, &d->net) && str_has(net, ':') == (most == BITS6) &&
	    (!rest.p || parse_bits(rest, most, bits));
}

static bool
parse_ip4(struct spf_directive *d, struct str rest)
{
	return parse_network(d, rest, BITS4, &d->bits4);
}

/* ip_parse() makes an IPv4 address of a mapped one; here it is a network. */
static void
map_again(struct ip *ip)
{
	struct ip mapped = { 6, { [10] = 0xff, [11] = 0xff } };
	memcpy(mapped.bytes + 12, ip->bytes, 4);
	*ip = mapped;
}

static bool
parse_ip6(struct spf_directive *d, struct str rest)
{
	if (!parse_network(d, rest, BITS6, &d->bits6))
		return false;
	if (d->net.family == 4)
		map_again(&d->net);
	return true;
}

/* ---- directives ---- */

static const struct kind kinds[] = {
	{ "all", SPF_ALL, parse_nothing, "Something follows \"all\"" },
	{ "include", SPF_INCLUDE, parse_domain,
	    "An \"include\" has no good domain" },
	{ "a", SPF_A, parse_hosts, "An \"a\" is malformed" },
	{ "mx", SPF_MX, parse_hosts, "An \"mx\" is malformed" },
	{ "ptr", SPF_PTR, parse_maybe_domain, "A \"ptr\" is malformed" },
	{ "ip4", SPF_IP4, parse_ip4, "An \"ip4\" is malformed" },
	{ "ip6", SPF_IP6, parse_ip6, "An \"ip6\" is malformed" },
	{ "exists", SPF_EXISTS, parse_domain,
	    "An \"exists\" has no good domain" },
};

static const struct kind *
find_kind(struct str name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (str_eq_nocase(name, str_of(kinds[i].name)))
			return &kinds[i];
	return NULL;
}

static size_t
name_length(struct str word)
{
	size_t n = 0;
	while (n < word.n && word.p[n] != ':' && word.p[n] != '/')
		n++;
	return n;
}

static bool
parse_directive(struct str word, struct spf_directive *d, const char **why)
{
	*d = (struct spf_directive){
		.qualifier = '+', .bits4 = BITS4, .bits6 = BITS6
	};
	if (str_has(STR("+-~?"), *word.p)) {
		d->qualifier = *word.p;
		word = str_from(word, 1);
	}
	d->text = word;
	size_t n = name_length(word);
	const struct kind *kind = find_kind(str_sub(word, 0, n));
	if (!kind) {
		*why = "There is an unknown mechanism";
		return false;
	}
	d->mechanism = kind->mechanism;
	*why = kind->why;
	return kind->parse(d, str_from(word, n));
}

/* ---- modifiers ---- */

/* RFC 7208 4.6.1: "=" immediately follows the name of a modifier */
static bool
is_modifier(struct str word, struct str *name, struct str *value)
{
	size_t n = 0;
	while (n < word.n &&
	    (ascii_is_alnum(word.p[n]) || str_has(STR("-_."), word.p[n])))
		n++;
	if (n == 0 || n == word.n || word.p[n] != '=' ||
	    !ascii_is_letter(*word.p))
		return false;
	*name = str_sub(word, 0, n);
	*value = str_from(word, n + 1);
	return true;
}

/* RFC 7208 6: each of these once at most */
static bool
set_domain(struct str *domain, struct str value, const char **why)
{
	*why = "\"redirect\" or \"exp\" is there twice";
	if (domain->n > 0)
		return false;
	*why = "\"redirect\" or \"exp\" has no good domain";
	*domain = value;
	return spf_macro_is_domain(value);
}

static bool
add_modifier(struct spf_record *record, struct str name, struct str value,
    const char **why)
{
	if (str_eq_nocase(name, STR("redirect")))
		return set_domain(&record->redirect, value, why);
	if (str_eq_nocase(name, STR("exp")))
		return set_domain(&record->explanation, value, why);
	*why = "An unknown modifier is malformed";
	return spf_macro_check(value, SPF_MACRO_DOMAIN);
}

/* ---- records ---- */

/* RFC 7208 4.6.1: spaces, and nothing else, stand between terms */
static bool
next_word(struct str *rest, struct str *word)
{
	while (rest->n > 0) {
		*word = str_cut(rest, ' ');
		if (word->n > 0)
			return true;
	}
	return false;
}

/* RFC 7208 4.5: the version ends at a space or the end */
bool
spf_record_is(struct str text)
{
	return str_starts_nocase(text, version) &&
	    (text.n == version.n || text.p[version.n] == ' ');
}

/* RFC 7208 4.6: syntax errors anywhere in the record come before all else */
bool
spf_record_parse(struct str text, struct spf_record *record, const char **why)
{
	struct spf_directive directive;
	struct str word, name, value;
	*record = (struct spf_record){ 0 };
	*why = "It is no SPF record";
	if (!spf_record_is(text))
		return false;
	record->terms = str_from(text, version.n);
	struct str rest = record->terms;
	while (next_word(&rest, &word)) {
		bool good = is_modifier(word, &name, &value)
		    ? add_modifier(record, name, value, why)
		    : parse_directive(word, &directive, why);
		if (!good)
			return false;
	}
	*why = "";
	return true;
}

bool
spf_record_next(struct str *terms, struct spf_directive *directive)
{
	struct str word, name, value;
	const char *why;
	while (next_word(terms, &word))
		if (!is_modifier(word, &name, &value))
			return parse_directive(word, directive, &why);
	return false;
}
