#include "lib/mail/authres.h"

#include "lib/base/ascii.h"
#include "lib/mail/cfws.h"

#include <string.h>

struct parser {
	struct str rest;
	struct arena *arena;
	const char *why;
};

static bool
fail(struct parser *parser, const char *why)
{
	parser->why = why;
	return false;
}

static bool
skip(struct parser *parser)
{
	return cfws_skip(&parser->rest) || fail(parser, "A comment has no end");
}

static bool
take_char(struct parser *parser, char c)
{
	if (parser->rest.n == 0 || *parser->rest.p != c)
		return false;
	parser->rest = str_from(parser->rest, 1);
	return true;
}

/* ---- words ---- */

static bool
is_keyword(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_';
}

/* RFC 8601 2.2: Keyword is RFC 5321's; others write underscores as well */
static bool
take_keyword(struct parser *parser, struct str *word)
{
	size_t n = 0;
	while (n < parser->rest.n && is_keyword(parser->rest.p[n]))
		n++;
	*word = arena_lower(parser->arena, str_sub(parser->rest, 0, n));
	parser->rest = str_from(parser->rest, n);
	return n > 0 || fail(parser, "A keyword is missing");
}

/* What a value may hold without quotes: more than the token of the RFC, since
   others write base64 and paths so; RFC 6532 allows UTF-8. */
static bool
is_plain(char c)
{
	unsigned char u = (unsigned char)c;
	return u > ' ' && u != 127 && !str_has(STR("();\""), c);
}

/* Quoted strings and what stands next to them without a space, as in
   "a b"@example.com. */
static bool
value_length(struct parser *parser, size_t *n)
{
	struct str rest = parser->rest;
	while (rest.n > 0 && (*rest.p == '"' || is_plain(*rest.p))) {
		size_t part = *rest.p == '"' ? cfws_quoted(rest) : 1;
		if (part == 0)
			return fail(parser, "A quoted string has no end");
		rest = str_from(rest, part);
	}
	*n = parser->rest.n - rest.n;
	return true;
}

/* RFC 5322 3.2.4: without the quotes, escapes and the CR LF of folds */
static struct str
unquoted(struct parser *parser, struct str raw)
{
	char *text = arena_alloc(parser->arena, raw.n + 1);
	size_t n = 0;
	bool inside = false;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '"')
			inside = !inside;
		else if (inside && raw.p[i] == '\\')
			text[n++] = raw.p[++i];
		else if (!str_starts(str_from(raw, i), STR("\r\n")))
			text[n++] = raw.p[i];
		else
			i++;
	}
	return (struct str){ text, n };
}

static bool
has_controls(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') ||
		    s.p[i] == 127)
			return true;
	return false;
}

static bool
take_value(struct parser *parser, struct str *value)
{
	size_t n;
	if (!value_length(parser, &n))
		return false;
	*value = unquoted(parser, str_sub(parser->rest, 0, n));
	parser->rest = str_from(parser->rest, n);
	return !has_controls(*value) ||
	    fail(parser, "There is a control character");
}

/* RFC 8601 2.2: CFWS may stand before the "@" of an address */
static bool
take_pvalue(struct parser *parser, struct str *value)
{
	struct str domain;
	if (!skip(parser) || !take_value(parser, value) || !skip(parser))
		return false;
	if (parser->rest.n == 0 || *parser->rest.p != '@' ||
	    str_has(*value, '@'))
		return true;
	if (!take_value(parser, &domain))
		return false;
	*value = arena_printf(
	    parser->arena, "%.*s%.*s", STR_ARG(*value), STR_ARG(domain));
	return true;
}

/* ---- results ---- */

/* "header.d=example.com", 'reason="..."', or "action=none", which is no
   syntax of the RFC, frequent, and passed over. */
static bool
take_pair(struct parser *parser, struct authres_result *result)
{
	struct str type, name = { 0 }, value;
	if (!take_keyword(parser, &type) || !skip(parser))
		return false;
	if (take_char(parser, '.') &&
	    (!skip(parser) || !take_keyword(parser, &name) || !skip(parser)))
		return false;
	if (!take_char(parser, '='))
		return fail(parser, "A property has no value");
	if (!take_pvalue(parser, &value))
		return false;
	if (!name.p) {
		if (str_eq(type, STR("reason")))
			result->reason = value;
		return true;
	}
	if (result->count == AUTHRES_PROPERTIES)
		return fail(parser, "A result has too many properties");
	result->properties[result->count++] =
	    (struct authres_property){ type, name, value };
	return true;
}

/* RFC 8601 2.2: method [ "/" version ] */
static bool
take_method(struct parser *parser, struct authres_result *result)
{
	struct str version;
	if (!take_keyword(parser, &result->method) || !skip(parser))
		return false;
	if (take_char(parser, '/') &&
	    (!skip(parser) || !take_keyword(parser, &version) || !skip(parser)))
		return false;
	if (!take_char(parser, '='))
		return fail(parser, "A method has no result");
	return skip(parser) && take_keyword(parser, &result->result) &&
	    skip(parser);
}

static bool
take_result(struct parser *parser, struct authres_result *result)
{
	struct authres_property properties[AUTHRES_PROPERTIES];
	*result = (struct authres_result){ .properties = properties };
	if (!take_method(parser, result))
		return false;
	while (parser->rest.n > 0 && *parser->rest.p != ';')
		if (!take_pair(parser, result))
			return false;
	size_t size = result->count * sizeof *properties;
	result->properties = arena_alloc(parser->arena, size);
	memcpy(result->properties, properties, size);
	return true;
}

/* ---- the field ---- */

/* authserv-id and version: what no word of it can be is no id. */
static bool
take_id(struct parser *parser, struct authres *field)
{
	if (!skip(parser) || !take_value(parser, &field->id) || !skip(parser))
		return false;
	if (field->id.n == 0 || str_has(field->id, '='))
		return fail(parser, "There is no authserv-id");
	while (parser->rest.n > 0 && ascii_is_digit(*parser->rest.p))
		parser->rest = str_from(parser->rest, 1);
	if (!skip(parser))
		return false;
	return (parser->rest.n > 0 && *parser->rest.p == ';') ||
	    fail(parser, "There is something behind the authserv-id");
}

/* "none" alone: nothing was checked. */
static bool
is_none(struct parser parser)
{
	struct str word;
	return take_char(&parser, ';') && skip(&parser) &&
	    take_keyword(&parser, &word) && str_eq(word, STR("none")) &&
	    skip(&parser) && parser.rest.n == 0;
}

/* Each begins with a semicolon; others end with one, too. */
static bool
take_results(struct parser *parser, struct authres *field)
{
	while (take_char(parser, ';')) {
		if (!skip(parser))
			return false;
		if (parser->rest.n == 0)
			break;
		if (field->count == AUTHRES_MAX)
			return fail(parser, "There are too many results");
		if (!take_result(parser, &field->results[field->count]))
			return false;
		field->count++;
	}
	return field->count > 0 || fail(parser, "There is no result");
}

bool
authres_parse(struct str value, struct arena *arena, struct authres *field,
    const char **why)
{
	struct parser parser = { .rest = value, .arena = arena };
	*field = (struct authres){ 0 };
	if (take_id(&parser, field)) {
		if (is_none(parser))
			return true;
		field->results =
		    arena_alloc(arena, AUTHRES_MAX * sizeof *field->results);
		if (take_results(&parser, field))
			return true;
	}
	*field = (struct authres){ 0 };
	*why = parser.why;
	return false;
}
