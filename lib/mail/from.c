#include "lib/mail/from.h"

#include "lib/base/name.h"
#include "lib/mail/cfws.h"
#include "lib/mail/idn.h"

struct list_parser {
	struct str rest; /* unfolded */
	struct arena *arena;
	struct address_list *list;
	bool groups, in_group, had_group;
	const char *why;
};

struct piece {
	struct str text;
	bool phrase; /* nothing in it that can't stand in a display name */
};

static bool
fail(struct list_parser *parser, const char *why)
{
	parser->why = why;
	return false;
}

/* RFC 2047 2: its length, or 0.  Encoders leave commas, colons and parentheses
   in it as they are; with what could begin, end or hide an address it is
   none. */
static size_t
encoded_word(struct str s)
{
	unsigned marks = 0, open = 0;
	if (!str_starts(s, STR("=?")))
		return 0;
	for (size_t i = 2; i + 1 < s.n; i++) {
		char c = s.p[i];
		if (c <= ' ' || c > '~' || str_has(STR("\"<>@\\"), c))
			return 0;
		if (c == ')' && open-- == 0)
			return 0;
		open += c == '(';
		marks += c == '?';
		if (marks == 3)
			return s.p[i + 1] == '=' && open == 0 ? i + 2 : 0;
	}
	return 0;
}

/* How much at the head of s isn't to be taken apart; 0: it has no end. */
static size_t
unit_length(struct str s, char before)
{
	size_t n = 1;
	if (*s.p == '(')
		return cfws_comment(s);
	if (*s.p == '"')
		return cfws_quoted(s);
	if (*s.p == '[' && before == '@') {
		n = str_find(s, ']') + 1;
		return n > s.n ? 0 : n;
	}
	if (*s.p == '=' && before == ' ')
		n = encoded_word(s);
	return n > 0 ? n : 1;
}

/* What there is in a display name. */
enum unit {
	UNIT_PLAIN = 1,
	UNIT_BRACKET = 2, /* forbidden, frequent, and harmless by itself */
	UNIT_ENCODED = 4,
	UNIT_BAD = 8,
};

/* A comment or quoted string that begins inside a broken encoded word is read
   differently by those who decode first. */
static enum unit
classify(struct str word, struct str unit, size_t n)
{
	if (n == 1 && str_has(STR("@>)\\"), *unit.p))
		return UNIT_BAD;
	if (str_starts(unit, STR("=?")))
		return UNIT_ENCODED;
	if (n == 1)
		return str_has(STR("[]"), *unit.p) ? UNIT_BRACKET : UNIT_PLAIN;
	bool inside = word.p != unit.p && str_starts(word, STR("=?"));
	return inside ? UNIT_BAD : UNIT_PLAIN;
}

/* Takes what stands before the first of the stops that is in no comment,
   quoted string, encoded word or domain literal. */
static bool
scan(struct list_parser *parser, struct str stops, struct piece *piece)
{
	struct str all = parser->rest, rest = all, word = all;
	unsigned units = 0;
	char before = ' ';
	while (rest.n > 0 && !str_has(stops, *rest.p)) {
		size_t n = unit_length(rest, before);
		if (n == 0)
			return fail(
			    parser, "A comment or quoted string has no end");
		if (before == ' ')
			word = rest;
		units |= classify(word, rest, n);
		before =
		    str_has(STR(" \t)"), rest.p[n - 1]) ? ' ' : rest.p[n - 1];
		rest = str_from(rest, n);
	}
	/* Some decode the words of a name that they can't parse, and parse
	   what comes out. */
	bool decoded = units & UNIT_BRACKET && units & UNIT_ENCODED;
	piece->phrase = !(units & UNIT_BAD) && !decoded;
	piece->text = str_sub(all, 0, all.n - rest.n);
	parser->rest = rest;
	return true;
}

static struct str
take_local_or_domain(struct str *text)
{
	size_t n = 0;
	if (str_starts(*text, STR("\"")))
		n = cfws_quoted(*text);
	else if (str_starts(*text, STR("[")))
		n = str_find(*text, ']') + 1;
	else
		while (n < text->n && !str_has(STR(" \t(@"), text->p[n]))
			n++;
	struct str taken = str_sub(*text, 0, n);
	*text = str_from(*text, n);
	return taken;
}

/* Programs disagree about whom these mean. */
static bool
misleads(struct str local)
{
	return str_search(local, STR("=?")) < local.n || str_has(local, '@') ||
	    str_has(local, '<') || str_has(local, '>');
}

/* RFC 5322 3.4.1: with white space and comments around its two halves */
static bool
parse_addr_spec(
    struct list_parser *parser, struct str text, struct address *address)
{
	static const char no_address[] =
	    "There is something that is no address";
	if (!cfws_skip(&text))
		return fail(parser, no_address);
	struct str local = take_local_or_domain(&text);
	if (!cfws_skip(&text) || !str_starts(text, STR("@")))
		return fail(parser, no_address);
	text = str_from(text, 1);
	if (!cfws_skip(&text))
		return fail(parser, no_address);
	struct str domain = take_local_or_domain(&text);
	if (!cfws_skip(&text) || text.n > 0)
		return fail(parser, "There is something behind an address");
	/* RFC 6532 3.2, RFC 9989 5.3.1: a domain may be written in U-labels,
	   and is known by its A-labels.  A last dot is wrong there, and means
	   the same. */
	struct str ascii = idn_a_labels(name_strip_dot(domain), parser->arena);
	struct str bare = arena_printf(
	    parser->arena, "%.*s@%.*s", STR_ARG(local), STR_ARG(ascii));
	if (!address_parse(bare, parser->arena, address, &parser->why))
		return false;
	return !misleads(address->local) ||
	    fail(parser, "A local part looks like another address");
}

static bool
add(struct list_parser *parser, struct str text)
{
	struct address_list *list = parser->list;
	if (list->count == FROM_MAX_ADDRESSES)
		return fail(parser, "There are too many addresses");
	if (!parse_addr_spec(parser, text, &list->addresses[list->count]))
		return false;
	list->count++;
	return true;
}

/* RFC 5322 4.4: elements of a list may be empty */
static bool
add_bare(struct list_parser *parser, struct str text)
{
	struct str rest = text;
	if (cfws_skip(&rest) && rest.n == 0)
		return true;
	return add(parser, text);
}

/* Many programs repeat the address as a name, without quotes.  As long as it
   is the same, nobody is misled. */
static bool
name_is_harmless(struct list_parser *parser, const struct piece *name)
{
	struct address_list *list = parser->list;
	struct address same;
	if (name->phrase)
		return true;
	if (parse_addr_spec(parser, name->text, &same) &&
	    str_eq(same.domain, list->addresses[list->count - 1].domain) &&
	    str_eq_nocase(same.local, list->addresses[list->count - 1].local))
		return true;
	return fail(
	    parser, "Something else than a name stands before an address");
}

/* The "<" is taken already. */
static bool
parse_angle(struct list_parser *parser, const struct piece *name)
{
	struct piece inner, behind;
	if (!scan(parser, STR(">"), &inner))
		return false;
	if (parser->rest.n == 0)
		return fail(parser, "An angle bracket has no end");
	parser->rest = str_from(parser->rest, 1);
	/* RFC 5322 4.4: obs-route */
	if (!cfws_skip(&inner.text) || !path_skip_route(&inner.text))
		return fail(parser, "A source route is malformed");
	if (!add(parser, inner.text) || !name_is_harmless(parser, name) ||
	    !scan(parser, STR("<,:;"), &behind))
		return false;
	bool ended = parser->rest.n == 0 || str_has(STR(",;"), *parser->rest.p);
	if (!ended || !cfws_skip(&behind.text) || behind.text.n > 0)
		return fail(parser, "There is something behind an address");
	return true;
}

/* RFC 5322 3.4: no group within a group */
static bool
open_group(struct list_parser *parser, const struct piece *name)
{
	if (!parser->groups || parser->in_group || !name->phrase)
		return fail(parser, "There is a group of addresses");
	parser->in_group = parser->had_group = true;
	return true;
}

static bool
close_group(struct list_parser *parser, struct str text)
{
	if (!parser->in_group)
		return fail(
		    parser, "There is the end of a group, but no group");
	parser->in_group = false;
	return add_bare(parser, text);
}

static bool
parse_element(struct list_parser *parser)
{
	struct piece piece;
	if (!scan(parser, STR("<,:;"), &piece))
		return false;
	char stop = parser->rest.n > 0 ? *parser->rest.p : ',';
	parser->rest = str_from(parser->rest, 1);
	if (stop == '<')
		return parse_angle(parser, &piece);
	if (stop == ':')
		return open_group(parser, &piece);
	if (stop == ';')
		return close_group(parser, piece.text);
	return add_bare(parser, piece.text);
}

static bool
parse_list(struct list_parser *parser)
{
	for (size_t i = 0; i < parser->rest.n; i++) {
		unsigned char c = (unsigned char)parser->rest.p[i];
		if ((c < ' ' && c != '\t') || c == 127)
			return fail(parser, "There is a control character");
	}
	while (parser->rest.n > 0)
		if (!parse_element(parser))
			return false;
	if (parser->in_group)
		return fail(parser, "A group has no end");
	if (parser->list->count == 0 && !parser->had_group)
		return fail(parser, "There is no address");
	return true;
}

bool
from_parse_list(struct str value, bool groups, struct arena *arena,
    struct address_list *list, const char **why)
{
	struct list_parser parser = {
		.rest = header_unfold(value, arena),
		.arena = arena,
		.list = list,
		.groups = groups,
	};
	*list = (struct address_list){ 0 };
	list->addresses =
	    arena_alloc(arena, FROM_MAX_ADDRESSES * sizeof *list->addresses);
	if (parse_list(&parser))
		return true;
	*list = (struct address_list){ 0 };
	*why = parser.why;
	return false;
}

/* RFC 9989 11.5: what hasn't exactly one author domain would go unjudged */
bool
from_author(const struct header *header, struct arena *arena,
    struct address_list *list, const char **why)
{
	*list = (struct address_list){ 0 };
	*why = "There is not exactly one From";
	if (header_count(header, "From") != 1 ||
	    !from_parse_list(
		header_first(header, "From")->value, false, arena, list, why))
		return false;
	struct str domain = list->addresses[0].domain;
	*why = "From has an address literal";
	bool good = !str_starts(domain, STR("["));
	for (size_t i = 1; good && i < list->count; i++) {
		*why = "From has addresses of several domains";
		good = str_eq(list->addresses[i].domain, domain);
	}
	if (!good)
		*list = (struct address_list){ 0 };
	return good;
}
