#include "lib/mail/srs.h"

#include "lib/base/buf.h"
#include "lib/base/siphash.h"

enum {
	HASH_DIGITS = 8, /* of five bits */
	DAY_DIGITS = 2,
	DAY_MODULUS = 1024, /* 32 to the power of DAY_DIGITS */
	DAY_MS = 86400000,
};

/* Mail programs may change the case of a local part, hence no base64. */
static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static void
add_digits(struct buf *out, uint64_t value, unsigned count)
{
	while (count-- > 0)
		buf_addc(out, digits[value >> (5 * count) & 31]);
}

static bool
read_digit(char c, unsigned *value)
{
	if (c >= 'a' && c <= 'z')
		*value = (unsigned)(c - 'a');
	else if (c >= 'A' && c <= 'Z')
		*value = (unsigned)(c - 'A');
	else if (c >= '2' && c <= '7')
		*value = (unsigned)(c - '2') + 26;
	else
		return false;
	return true;
}

static bool
read_digits(struct str text, unsigned count, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned digit;
		if (!read_digit(text.p[i], &digit))
			return false;
		*value = *value << 5 | digit;
	}
	return text.n == count;
}

/* ---- the hash ---- */

/* Over what is behind it, with the kind, so that no SRS0 passes for an SRS1. */
static uint64_t
hash_of(const struct srs *srs, char kind, struct str rest)
{
	struct arena arena = { 0 };
	struct str text = arena_lower(
	    &arena, arena_printf(&arena, "%c%.*s", kind, STR_ARG(rest)));
	uint64_t hash = siphash(srs->key, text);
	arena_free(&arena);
	return hash & ((UINT64_C(1) << 5 * HASH_DIGITS) - 1);
}

/* ---- forwarding ---- */

/* What follows "SRS0" or "SRS1" in an address that was rewritten already, with
   its separator; or nothing. */
static struct str
behind_tag(struct str local, const char *tag)
{
	struct str rest = str_from(local, 4);
	bool is = str_starts_nocase(local, str_of(tag)) && rest.n > 1 &&
	    str_has(STR("=+-"), *rest.p);
	return is ? rest : (struct str){ 0 };
}

/* "host=" and what the first hop wrote, for an SRS1. */
static bool
write_hop(struct buf *out, struct address sender)
{
	struct str first = behind_tag(sender.local, "SRS0");
	struct str later = behind_tag(sender.local, "SRS1");
	if (first.p) {
		buf_addf(
		    out, "%.*s=%.*s", STR_ARG(sender.domain), STR_ARG(first));
		return true;
	}
	if (!later.p)
		return false;
	struct str rest = str_from(later, 1);
	str_cut(&rest, '='); /* the hash of the hop before us */
	if (!str_has(rest, '='))
		return false;
	buf_add(out, rest);
	return true;
}

/* What the hash covers, "day=host=..." or "day=domain=local"; which kind. */
static char
write_signed(struct buf *out, struct address sender, int64_t wall_ms)
{
	add_digits(out, (uint64_t)(wall_ms / DAY_MS) % DAY_MODULUS, DAY_DIGITS);
	buf_addc(out, '=');
	if (write_hop(out, sender))
		return '1';
	buf_addf(
	    out, "%.*s=%.*s", STR_ARG(sender.domain), STR_ARG(sender.local));
	return '0';
}

bool
srs_forward(const struct srs *srs, struct address sender, struct str domain,
    int64_t wall_ms, struct arena *arena, struct address *rewritten)
{
	struct buf text = { 0 }, local = { 0 };
	if (address_is_null(sender))
		return false;
	char kind = write_signed(&text, sender, wall_ms);
	buf_addf(&local, "SRS%c=", kind);
	add_digits(&local, hash_of(srs, kind, buf_str(&text)), HASH_DIGITS);
	if (kind == '0')
		buf_addc(&local, '=');
	buf_add(&local, buf_str(&text));
	rewritten->local = arena_str(arena, buf_str(&local));
	rewritten->domain = arena_str(arena, domain);
	buf_free(&local);
	buf_free(&text);
	struct str whole = address_text(*rewritten, arena);
	return whole.n + 2 <= PATH_MAX_WHOLE;
}

/* ---- back ---- */

/* Days are counted modulo 1024, so the future is the distant past. */
static bool
is_fresh(uint64_t day, int64_t wall_ms)
{
	uint64_t today = (uint64_t)(wall_ms / DAY_MS) % DAY_MODULUS;
	return (today + DAY_MODULUS - day) % DAY_MODULUS <= SRS_DAYS;
}

/* "SRS0=hash=" or "SRS1=hash", and what the hash covers.  False: another one's,
   or malformed. */
static bool
read_signed(const struct srs *srs, char kind, struct str *text)
{
	uint64_t hash;
	if (!read_digits(str_sub(*text, 0, HASH_DIGITS), HASH_DIGITS, &hash))
		return false;
	*text = str_from(*text, HASH_DIGITS);
	if (kind == '0') {
		if (!str_starts(*text, STR("=")))
			return false;
		*text = str_from(*text, 1);
	}
	return hash == hash_of(srs, kind, *text);
}

enum srs_result
srs_reverse(const struct srs *srs, struct address rewritten, int64_t wall_ms,
    struct arena *arena, struct address *sender)
{
	struct str text = behind_tag(rewritten.local, "SRS0");
	char kind = text.p ? '0' : '1';
	uint64_t day;
	if (!text.p)
		text = behind_tag(rewritten.local, "SRS1");
	if (!text.p)
		return SRS_NONE;
	text = str_from(text, 1);
	if (!read_signed(srs, kind, &text) ||
	    !read_digits(str_cut(&text, '='), DAY_DIGITS, &day))
		return SRS_FORGED;
	sender->domain = arena_lower(arena, str_cut(&text, '='));
	sender->local = kind == '0'
	    ? arena_str(arena, text)
	    : arena_printf(arena, "SRS0%.*s", STR_ARG(text));
	return is_fresh(day, wall_ms) ? SRS_GOOD : SRS_EXPIRED;
}
