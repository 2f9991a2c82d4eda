#include "lib/base/ascii.h"
#include "lib/base/name.h"
#include "lib/mail/authres.h"
#include "lib/mail/idn.h"

/*
 * Readers differ in what they make of comments, quotes and escapes, above all
 * of broken ones.  So the value is read in each of these ways in turn.  What
 * stands before the first semicolon that counts is copied, with a space for
 * each gap: white space, a comment, a quote, a backslash, octets that have no
 * business there.  Some see the end of a word in a gap and some nothing at
 * all: the host name is looked for as a word, gaps within it or not.
 */
enum {
	NESTING = 1, /* comments within comments */
	ESCAPES = 2, /* quoted pairs */
	QUOTES = 4, /* quoted strings */
	ALL_WAYS = 8,
};

enum {
	NAME_COUNT = 4, /* of names in UTF-8; who has more hides something */
	NAME_LENGTH = 1000, /* octets of one: 253 characters, mapped */
};

struct reading {
	unsigned way;
	struct str rest;
	bool endless; /* something that has no end began: no semicolon behind
			 it counts */
	struct buf text;
};

static bool
is_host_char(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

static bool
is_8bit(char c)
{
	return (unsigned char)c > 127;
}

/* ---- what stands before the first semicolon ---- */

static void
add_gap(struct buf *text)
{
	if (text->n > 0 && text->p[text->n - 1] != ' ')
		buf_addc(text, ' ');
}

static void
add_char(struct buf *text, char c)
{
	bool gap = c <= ' ' || c > '~' || c == '"' || c == '\\';
	if (gap)
		add_gap(text);
	else
		buf_addc(text, c);
}

/* The length of the comment or quoted string; 0: it has no end. */
static size_t
closed_length(struct str s, unsigned way)
{
	bool comment = *s.p == '(';
	size_t depth = 1;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\' && way & ESCAPES)
			i++;
		else if (s.p[i] == (comment ? ')' : '"') && --depth == 0)
			return i + 1;
		else if (s.p[i] == '(' && comment && way & NESTING)
			depth++;
	}
	return 0;
}

/* An end is looked for in vain only once, so that the work is linear. */
static void
take(struct reading *reading)
{
	struct str *rest = &reading->rest;
	bool comment = !reading->endless && *rest->p == '(';
	bool quoted =
	    !reading->endless && *rest->p == '"' && reading->way & QUOTES;
	size_t n = *rest->p == '\\' && reading->way & ESCAPES ? 2 : 1;
	if (comment || quoted) {
		n = closed_length(*rest, reading->way);
		reading->endless = n == 0;
	}
	struct str piece = str_sub(*rest, 0, n > 0 ? n : 1);
	if (comment && n > 0)
		add_gap(&reading->text);
	else
		for (size_t i = 0; i < piece.n; i++)
			add_char(&reading->text, piece.p[i]);
	*rest = str_from(*rest, piece.n);
}

/* Semicolons before anything else are passed over. */
static void
read_head(struct reading *reading)
{
	while (reading->rest.n > 0) {
		bool ends = *reading->rest.p == ';' && !reading->endless;
		if (ends && reading->text.n > 0)
			return;
		if (ends)
			reading->rest = str_from(reading->rest, 1);
		else
			take(reading);
	}
}

/* ---- is the host name in it? ---- */

/* Behind the name that begins s; 0: another one begins there, or none. */
static size_t
name_length(struct str s, struct str hostname)
{
	size_t i = 0, k = 0;
	for (; i < s.n && k < hostname.n; i++) {
		if (s.p[i] == ' ' && k > 0)
			continue;
		if (!str_eq_nocase(str_sub(s, i, 1), str_sub(hostname, k, 1)))
			return 0;
		k++;
	}
	if (k < hostname.n)
		return 0;
	while (i < s.n && s.p[i] == '.')
		i++;
	return i == s.n || !is_host_char(s.p[i]) ? i : 0;
}

static bool
has_word(struct str text, struct str hostname)
{
	bool begins = true;
	for (size_t i = 0; i < text.n; i++) {
		if (begins && name_length(str_from(text, i), hostname) > 0)
			return true;
		begins =
		    !is_host_char(text.p[i]) || (begins && text.p[i] == '.');
	}
	return false;
}

/* RFC 2047: who decodes it first may read any name. */
static bool
has_encoded_word(struct str head)
{
	struct str word = str_from(head, str_search(head, STR("=?")) + 2);
	return str_search(word, STR("?=")) < word.n;
}

/* RFC 8601 2.5: in UTF-8, it may be written with U-labels */
static bool
is_same_name(struct str name, struct str hostname)
{
	struct arena arena = { 0 };
	struct str ascii;
	const char *why;
	bool same = name.n <= NAME_LENGTH &&
	    idn_to_ascii(name, &arena, &ascii, &why) &&
	    name_eq(ascii, hostname);
	arena_free(&arena);
	return same;
}

/* Each look costs some microseconds, and a header has 2000 fields. */
static bool
may_have_utf8_name(struct str head, struct str hostname)
{
	unsigned names = 0;
	while (head.n > 0 && names <= NAME_COUNT) {
		bool utf8 = false;
		size_t n = 0;
		for (; n < head.n; n++) {
			utf8 = utf8 || is_8bit(head.p[n]);
			if (!is_8bit(head.p[n]) && !is_host_char(head.p[n]))
				break;
		}
		if (utf8 && is_same_name(str_sub(head, 0, n), hostname))
			return true;
		names += utf8;
		head = str_from(head, n + 1);
	}
	return names > NAME_COUNT;
}

/* *head: the longest that any way has found. */
static bool
claims(struct str value, unsigned way, struct str hostname, struct str *head)
{
	struct reading reading = { .way = way, .rest = value };
	read_head(&reading);
	size_t n = value.n - reading.rest.n;
	bool found = has_word(buf_str(&reading.text), hostname);
	if (n > head->n)
		*head = str_sub(value, 0, n);
	buf_free(&reading.text);
	return found;
}

bool
authres_claims(const struct header_field *field, struct str hostname)
{
	hostname = name_strip_dot(hostname);
	if (!str_eq_nocase(field->name, STR("Authentication-Results")) ||
	    hostname.n == 0)
		return false;
	struct str head = STR("");
	for (unsigned way = 0; way < ALL_WAYS; way++)
		if (claims(field->value, way, hostname, &head))
			return true;
	return has_encoded_word(head) || may_have_utf8_name(head, hostname);
}
