#include "lib/mail/path.h"

#include "lib/base/ip.h"
#include "lib/base/name.h"
#include "lib/mail/cfws.h"
#include "lib/mail/printable.h"

/* RFC 5322 3.2.3: what atoms are made of */
static bool
is_atext(char c)
{
	return printable_is(c) && !str_has(STR(" ()<>[]:;@\\,.\""), c);
}

/* RFC 5321 4.1.2: single dots between atoms.  Addresses of a large mobile
   network have several, or one at the end: taken, and written quoted. */
static bool
is_dotted(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_atext(s.p[i]) && (s.p[i] != '.' || i == 0))
			return false;
	return s.n > 0;
}

static bool
is_dot_string(struct str s)
{
	return is_dotted(s) && s.p[s.n - 1] != '.' &&
	    str_search(s, STR("..")) == s.n;
}

static bool
is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!printable_is(s.p[i]))
			return false;
	return true;
}

static struct str
unquote(struct str quoted, struct arena *arena)
{
	char *text = arena_alloc(arena, quoted.n);
	size_t n = 0;
	for (size_t i = 1; i + 1 < quoted.n; i++) {
		if (quoted.p[i] == '\\')
			i++;
		text[n++] = quoted.p[i];
	}
	return (struct str){ text, n };
}

static bool
parse_local(struct str *rest, struct arena *arena, struct str *local)
{
	bool quoted = str_starts(*rest, STR("\""));
	size_t n = quoted ? cfws_quoted(*rest) : str_find(*rest, '@');
	struct str text = str_sub(*rest, 0, n);
	*rest = str_from(*rest, n);
	if (!quoted) {
		*local = arena_str(arena, text);
		return is_dotted(text);
	}
	*local = unquote(text, arena);
	return local->n > 0 && is_printable(*local);
}

/* RFC 5321 4.1.3: the two forms that exist */
static bool
is_literal(struct str s)
{
	struct ip ip;
	if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = str_sub(s, 1, s.n - 2);
	bool v6 = str_starts_nocase(s, STR("IPv6:"));
	s = str_from(s, v6 ? 5 : 0);
	return v6 == str_has(s, ':') && ip_parse(s, &ip);
}

/* Will it still fit when it is written, maybe with quotes? */
static bool
fits(struct str text, struct str local)
{
	bool quoted = str_starts(text, STR("\""));
	size_t quotes = quoted || is_dot_string(local) ? 0 : 2;
	return text.n + quotes <= PATH_MAX_WHOLE - 2;
}

bool
address_parse(struct str text, struct arena *arena, struct address *address,
    const char **why)
{
	struct str rest = text;
	*address = (struct address){ STR(""), STR("") };
	*why = "The local part of the address is malformed";
	if (!parse_local(&rest, arena, &address->local))
		return false;
	*why = "The address is too long";
	if (!fits(text, address->local))
		return false;
	*why = "The address has no domain";
	if (!str_starts(rest, STR("@")))
		return false;
	*why = "The domain of the address is malformed";
	rest = str_from(rest, 1);
	address->domain = arena_lower(arena, rest);
	return name_is_dns(rest) || is_literal(rest);
}

/* Where the path that begins with "<" has its ">". */
static size_t
find_end(struct str path)
{
	for (size_t i = 1; i < path.n; i++) {
		if (path.p[i] == '>')
			return i;
		size_t quoted =
		    path.p[i] == '"' ? cfws_quoted(str_from(path, i)) : 1;
		if (quoted == 0)
			break;
		i += quoted - 1;
	}
	return path.n;
}

/* RFC 5321 C: accepted, checked, ignored */
bool
path_skip_route(struct str *text)
{
	if (!str_starts(*text, STR("@")))
		return true;
	struct str route = str_cut(text, ':');
	while (route.p) {
		struct str hop = str_cut(&route, ',');
		if (!str_starts(hop, STR("@")) ||
		    !name_is_dns(str_from(hop, 1)))
			return false;
	}
	return text->p != NULL;
}

/* What stands between the brackets, without its route. */
static bool
parse_brackets(struct str *rest, struct str *inner, const char **why)
{
	size_t end = find_end(*rest);
	*why = "The address must stand in angle brackets";
	if (!str_starts(*rest, STR("<")) || end == rest->n)
		return false;
	*inner = str_sub(*rest, 1, end - 1);
	*rest = str_from(*rest, end + 1);
	*why = "The source route is malformed";
	return path_skip_route(inner);
}

bool
path_parse_reverse(struct str *rest, struct arena *arena,
    struct address *address, const char **why)
{
	struct str inner;
	*address = (struct address){ STR(""), STR("") };
	if (str_starts(*rest, STR("<>"))) {
		*rest = str_from(*rest, 2);
		return true;
	}
	return parse_brackets(rest, &inner, why) &&
	    address_parse(inner, arena, address, why);
}

/* RFC 5321 4.1.1.3: <postmaster> needs no domain */
bool
path_parse_forward(struct str *rest, struct arena *arena,
    struct address *address, const char **why)
{
	struct str inner;
	*address = (struct address){ STR(""), STR("") };
	if (!parse_brackets(rest, &inner, why))
		return false;
	if (!str_eq_nocase(inner, STR("postmaster")))
		return address_parse(inner, arena, address, why);
	address->local = arena_str(arena, inner);
	return true;
}

struct str
address_domain(struct str address)
{
	return str_from(address, str_find_last(address, '@') + 1);
}

bool
address_is_null(struct address address)
{
	return address.local.n == 0 && address.domain.n == 0;
}

static void
write_quoted(struct buf *out, struct str local)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, local.p[i]);
	}
	buf_addc(out, '"');
}

void
address_write(struct buf *out, struct address address)
{
	if (address.local.n == 0 || is_dot_string(address.local))
		buf_add(out, address.local);
	else
		write_quoted(out, address.local);
	if (address.domain.n == 0)
		return;
	buf_addc(out, '@');
	buf_add(out, address.domain);
}

struct str
address_text(struct address address, struct arena *arena)
{
	struct buf text = { 0 };
	address_write(&text, address);
	struct str copy = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return copy;
}
