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

/* RFC 2181 11: any octets may stand in a label; macros of SPF put them there */
bool
name_to_wire(struct str s, struct buf *out)
{
	size_t before = out->n;
	s = name_strip_dot(s);
	while (s.n) {
		struct str label = str_cut(&s, '.');
		bool dot_at_end = s.p && s.n == 0;
		if (label.n == 0 || label.n > LABEL_MAX || dot_at_end) {
			buf_cut(out, before);
			return false;
		}
		buf_addc(out, (char)label.n);
		buf_add(out, label);
	}
	buf_addc(out, 0);
	if (out->n - before <= WIRE_MAX)
		return true;
	buf_cut(out, before);
	return false;
}
