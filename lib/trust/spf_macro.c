#include "lib/trust/spf_macro.h"

#include "lib/base/ascii.h"
#include "lib/base/name.h"

enum {
	PARTS_MAX = 65535, /* as good as all of them */
};

/* A run of literals, or one macro-expand. */
struct piece {
	struct str literal; /* what a piece without a letter stands for */
	bool expand; /* it began with "%" */
	char letter; /* lower case; 0: none */
	bool escaped; /* the letter was in upper case */
	bool reversed;
	size_t keep; /* parts from the right; 0: all */
	struct str delimiters;
};

/* ---- pieces ---- */

static bool
take(struct str *rest, char c)
{
	if (rest->n == 0 || *rest->p != c)
		return false;
	*rest = str_from(*rest, 1);
	return true;
}

static bool
take_letter(struct str *rest, struct piece *piece)
{
	char c = rest->n > 0 ? *rest->p : '\0';
	piece->letter = ascii_lower(c);
	piece->escaped = piece->letter != c;
	*rest = str_from(*rest, 1);
	return c && str_has(STR("slodiphcrtv"), piece->letter);
}

/* RFC 7208 7.1: the number of parts isn't zero */
static bool
take_digits(struct str *rest, size_t *keep)
{
	size_t n = 0;
	for (; n < rest->n && ascii_is_digit(rest->p[n]); n++)
		if (*keep < PARTS_MAX)
			*keep = *keep * 10 + (size_t)(rest->p[n] - '0');
	*rest = str_from(*rest, n);
	return n == 0 || *keep > 0;
}

/* "%{" is taken already. */
static bool
take_macro(struct str *rest, struct piece *piece)
{
	if (!take_letter(rest, piece) || !take_digits(rest, &piece->keep))
		return false;
	piece->reversed = take(rest, 'r') || take(rest, 'R');
	size_t n = 0;
	while (n < rest->n && str_has(STR(".-+,/_="), rest->p[n]))
		n++;
	piece->delimiters = n > 0 ? str_sub(*rest, 0, n) : STR(".");
	*rest = str_from(*rest, n);
	return take(rest, '}');
}

/* The next one of a string that isn't empty; false: malformed. */
static bool
next_piece(struct str *rest, struct piece *piece)
{
	size_t literals = str_find(*rest, '%');
	*piece = (struct piece){ .expand = literals == 0 };
	if (!piece->expand) {
		piece->literal = str_sub(*rest, 0, literals);
		*rest = str_from(*rest, literals);
		return true;
	}
	take(rest, '%');
	if (take(rest, '{'))
		return take_macro(rest, piece);
	if (take(rest, '%'))
		piece->literal = STR("%");
	else if (take(rest, '_'))
		piece->literal = STR(" ");
	else if (take(rest, '-'))
		piece->literal = STR("%20");
	return piece->literal.n > 0;
}

/* ---- syntax ---- */

static bool
is_visible(struct str s, bool spaces)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] > '~' || s.p[i] < (spaces ? ' ' : '!'))
			return false;
	return true;
}

/* Leaves the last piece in *last. */
static bool
check(struct str text, enum spf_macro_place place, struct piece *last)
{
	bool explanation = place == SPF_MACRO_EXPLANATION;
	size_t macros = 0;
	if (!is_visible(text, explanation))
		return false;
	while (text.n > 0) {
		if (!next_piece(&text, last))
			return false;
		/* RFC 7208 7.2: c, r and t only in explanations */
		if (!explanation && last->letter &&
		    str_has(STR("crt"), last->letter))
			return false;
		macros += last->letter != '\0';
	}
	return macros <= SPF_MACROS_MAX;
}

bool
spf_macro_check(struct str text, enum spf_macro_place place)
{
	struct piece last;
	return check(text, place, &last);
}

/* RFC 7208 12: toplabel */
static bool
is_toplabel(struct str label)
{
	size_t digits = 0;
	for (size_t i = 0; i < label.n; i++) {
		if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
		digits += ascii_is_digit(label.p[i]);
	}
	return digits < label.n && *label.p != '-' &&
	    label.p[label.n - 1] != '-';
}

/* RFC 7208 12: domain-end = ( "." toplabel [ "." ] ) / macro-expand */
bool
spf_macro_is_domain(struct str text)
{
	struct piece last = { 0 };
	if (text.n == 0 || !check(text, SPF_MACRO_DOMAIN, &last))
		return false;
	if (last.expand)
		return true;
	struct str end = name_strip_dot(last.literal);
	size_t dot = str_find_last(end, '.');
	return dot < end.n && is_toplabel(str_from(end, dot + 1));
}

bool
spf_macro_has(struct str text, char letter)
{
	struct piece piece;
	while (text.n > 0 && next_piece(&text, &piece))
		if (piece.letter == letter)
			return true;
	return false;
}

/* ---- values ---- */

/* RFC 7208 7.3: dotted, octets of IPv4 and nibbles of IPv6 */
static void
add_ip(struct buf *out, struct ip ip)
{
	char text[IP_TEXT];
	if (ip.family != 6) {
		ip_print(ip, text);
		buf_adds(out, text);
		return;
	}
	for (size_t i = 0; i < sizeof ip.bytes; i++)
		buf_addf(out, "%s%x.%x", i > 0 ? "." : "",
		    (unsigned)ip.bytes[i] >> 4, (unsigned)ip.bytes[i] & 15);
}

static void
add_printed_ip(struct buf *out, struct ip ip)
{
	char text[IP_TEXT];
	ip_print(ip, text);
	buf_adds(out, text);
}

static struct str
or_unknown(struct str s)
{
	return s.n > 0 ? s : STR("unknown");
}

static void
add_value(struct buf *out, const struct spf_macros *m, char letter)
{
	switch (letter) {
	case 's':
		buf_add(out, m->sender);
		break;
	case 'l':
		buf_add(out, m->local);
		break;
	case 'o':
		buf_add(out, m->sender_domain);
		break;
	case 'd':
		buf_add(out, m->domain);
		break;
	case 'i':
		add_ip(out, m->ip);
		break;
	case 'p':
		buf_add(out, or_unknown(m->validated));
		break;
	case 'h':
		buf_add(out, m->helo);
		break;
	case 'c':
		add_printed_ip(out, m->ip);
		break;
	case 'r':
		buf_add(out, or_unknown(m->receiver));
		break;
	case 't':
		buf_addf(out, "%lld", (long long)m->now);
		break;
	case 'v':
		buf_adds(out, m->ip.family == 6 ? "ip6" : "in-addr");
		break;
	}
}

/* ---- transformers ---- */

/* Where the first count parts of value end. */
static size_t
parts_end(struct str value, struct str delimiters, size_t count)
{
	size_t i = 0;
	for (; i < value.n; i++)
		if (str_has(delimiters, value.p[i]) && --count == 0)
			break;
	return i;
}

static size_t
count_parts(struct str value, struct str delimiters)
{
	size_t count = 1;
	for (size_t i = 0; i < value.n; i++)
		count += str_has(delimiters, value.p[i]);
	return count;
}

static void
add_parts(struct buf *out, struct str value, struct str delimiters)
{
	for (size_t i = 0; i < value.n; i++)
		buf_addc(
		    out, str_has(delimiters, value.p[i]) ? '.' : value.p[i]);
}

static void
add_reversed(struct buf *out, struct str value, struct str delimiters)
{
	for (size_t end = value.n, at = end;; at--) {
		if (at > 0 && !str_has(delimiters, value.p[at - 1]))
			continue;
		buf_add(out, str_sub(value, at, end - at));
		if (at == 0)
			break;
		buf_addc(out, '.');
		end = at - 1;
	}
}

/* RFC 7208 7.3: split, perhaps reverse, keep parts from the right, join */
static void
transform(struct buf *out, struct str value, const struct piece *piece)
{
	struct str delimiters = piece->delimiters;
	size_t count = count_parts(value, delimiters), skip = 0;
	size_t keep =
	    piece->keep > 0 && piece->keep < count ? piece->keep : count;
	if (piece->reversed) {
		value.n = parts_end(value, delimiters, keep);
		add_reversed(out, value, delimiters);
		return;
	}
	if (keep < count)
		skip = parts_end(value, delimiters, count - keep) + 1;
	add_parts(out, str_from(value, skip), delimiters);
}

/* RFC 7208 7.3: all but RFC 3986's unreserved set */
static void
add_url_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ascii_is_alnum(s.p[i]) || str_has(STR("-._~"), s.p[i]))
			buf_addc(out, s.p[i]);
		else
			buf_addf(out, "%%%02X", (unsigned)(uint8_t)s.p[i]);
}

/* ---- whole strings ---- */

static void
expand_piece(
    struct buf *out, const struct piece *piece, const struct spf_macros *macros)
{
	struct buf value = { 0 }, parts = { 0 };
	add_value(&value, macros, piece->letter);
	transform(&parts, buf_str(&value), piece);
	if (piece->escaped)
		add_url_escaped(out, buf_str(&parts));
	else
		buf_add(out, buf_str(&parts));
	buf_free(&parts);
	buf_free(&value);
}

void
spf_macro_expand(
    struct buf *out, struct str text, const struct spf_macros *macros)
{
	struct piece piece;
	while (text.n > 0 && next_piece(&text, &piece))
		if (piece.letter)
			expand_piece(out, &piece, macros);
		else
			buf_add(out, piece.literal);
}
