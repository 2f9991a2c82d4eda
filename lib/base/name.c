#include "lib/base/name.h"

enum {
	LABEL_MAX = 63,
	WIRE_MAX = 255
};

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

static bool
is_label(struct str label, bool underscores)
{
	if (label.n == 0 || label.n > LABEL_MAX)
		return false;
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!is_letter_or_digit(label.p[i]) && label.p[i] != '-' &&
		    !(underscores && label.p[i] == '_'))
			return false;
	return true;
}

static bool
is_name(struct str s, bool underscores)
{
	if (s.n == 0 || s.n > NAME_MAX_TEXT)
		return false;
	while (s.p)
		if (!is_label(str_cut(&s, '.'), underscores))
			return false;
	return true;
}

bool
name_is_host(struct str s)
{
	return is_name(s, false);
}

bool
name_is_dns(struct str s)
{
	return is_name(s, true);
}

struct str
name_strip_dot(struct str s)
{
	if (str_ends(s, STR(".")))
		s.n--;
	return s;
}

bool
name_eq(struct str a, struct str b)
{
	return str_eq_nocase(name_strip_dot(a), name_strip_dot(b));
}

bool
name_is_below(struct str name, struct str parent)
{
	name = name_strip_dot(name);
	parent = name_strip_dot(parent);
	if (parent.n == 0 || str_eq_nocase(name, parent))
		return true;
	return name.n > parent.n && name.p[name.n - parent.n - 1] == '.' &&
	    str_ends_nocase(name, parent);
}

struct str
name_parent(struct str s)
{
	return str_from(s, str_find(s, '.') + 1);
}

size_t
name_labels(struct str s)
{
	s = name_strip_dot(s);
	size_t labels = s.n > 0;
	for (size_t i = 0; i < s.n; i++)
		labels += s.p[i] == '.';
	return labels;
}

/* ---- the wire ---- */

/* RFC 1035 5.1: "\" with three digits, or with the octet itself */
static bool
take_octet(struct str *s, unsigned char *octet)
{
	*octet = (unsigned char)*s->p;
	*s = str_from(*s, 1);
	if (*octet != '\\')
		return true;
	if (s->n == 0)
		return false;
	uint64_t value = (unsigned char)*s->p;
	bool digits = value >= '0' && value <= '9';
	if (digits && (s->n < 3 || !str_to_u64(str_sub(*s, 0, 3), &value)))
		return false;
	*s = str_from(*s, digits ? 3 : 1);
	*octet = (unsigned char)value;
	return value <= UINT8_MAX;
}

static bool
add_label(struct str *s, struct buf *out)
{
	size_t start = out->n;
	buf_addc(out, 0);
	while (s->n > 0 && *s->p != '.') {
		unsigned char octet;
		if (!take_octet(s, &octet))
			return false;
		buf_addc(out, (char)octet);
	}
	*s = str_from(*s, 1);
	size_t n = out->n - start - 1;
	out->p[start] = (char)n;
	return n > 0 && n <= LABEL_MAX;
}

/* RFC 2181 11: any octets may stand in a label; macros of SPF put them there */
bool
name_to_wire(struct str s, struct buf *out)
{
	size_t before = out->n;
	bool good = true;
	if (str_eq(s, STR(".")))
		s.n = 0;
	while (good && s.n > 0)
		good = add_label(&s, out);
	buf_addc(out, 0);
	if (good && out->n - before <= WIRE_MAX)
		return true;
	buf_cut(out, before);
	return false;
}

void
name_escape(struct buf *out, struct str octets)
{
	for (size_t i = 0; i < octets.n; i++) {
		unsigned char c = (unsigned char)octets.p[i];
		if (c <= ' ' || c > '~')
			buf_addf(out, "\\%03u", (unsigned)c);
		else if (c == '\\')
			buf_adds(out, "\\\\");
		else
			buf_addc(out, (char)c);
	}
}
