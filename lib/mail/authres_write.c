#include "lib/base/name.h"
#include "lib/mail/authres.h"
#include "lib/mail/printable.h"

enum {
	LINE = 78, /* RFC 5322 2.1.1 */
	AFTER_FOLD = 8, /* a tab */
	WORD_MAX = 900, /* RFC 5322 2.1.1: a line has 998 */
};

static void
add(struct authres_writer *writer, struct str text)
{
	buf_add(writer->out, text);
	writer->column += text.n;
}

static void
fold(struct authres_writer *writer)
{
	buf_adds(writer->out, "\r\n\t");
	writer->column = AFTER_FOLD;
}

/* Behind a space, or on a line of its own; a semicolon fits behind it. */
static void
add_word(struct authres_writer *writer, struct str word)
{
	if (writer->column + word.n + 2 > LINE && writer->column > AFTER_FOLD)
		fold(writer);
	else
		add(writer, STR(" "));
	add(writer, word);
}

/* What isn't printable or is in bad becomes "?"; but never one that makes an
   encoded word, which some decode before they look for the end of a string. */
static char
shown(struct str s, size_t i, struct str bad)
{
	char c = s.p[i];
	if (!printable_is(c) || str_has(bad, c))
		c = '?';
	return c == '?' && i > 0 && s.p[i - 1] == '=' ? '_' : c;
}

/* ---- values ---- */

/* RFC 2045 5.1: neither space nor tspecials */
static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!printable_is(s.p[i]) ||
		    str_has(STR(" ()<>@,;:\\\"/[]?="), s.p[i]))
			return false;
	return s.n > 0;
}

/* RFC 5322 3.2.3 */
static bool
is_dot_atom(struct str s)
{
	while (s.p) {
		struct str atom = str_cut(&s, '.');
		for (size_t i = 0; i < atom.n; i++)
			if (!printable_is(atom.p[i]) ||
			    str_has(STR(" ()<>@,;:\\\"[]"), atom.p[i]))
				return false;
		if (atom.n == 0)
			return false;
	}
	return true;
}

/* RFC 8601 2.2: value / [ [ local-part ] "@" ] domain-name */
static bool
stands_unquoted(struct str value)
{
	size_t at = str_find_last(value, '@');
	if (at == value.n)
		return is_token(value);
	return name_is_dns(str_from(value, at + 1)) &&
	    (at == 0 || is_dot_atom(str_sub(value, 0, at)));
}

/* Some search the field for "dkim=pass" and know no quotes: in such a string,
   which is nobody's honest address, there shall be none. */
static void
add_value(struct buf *out, struct str value)
{
	bool quote = !stands_unquoted(value);
	struct str bad = quote ? STR(";=") : STR("");
	if (quote)
		buf_addc(out, '"');
	for (size_t i = 0; i < value.n; i++) {
		char c = shown(value, i, bad);
		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		buf_addc(out, c);
	}
	if (quote)
		buf_addc(out, '"');
}

/* ---- the field ---- */

void
authres_begin(
    struct authres_writer *writer, struct buf *out, struct str hostname)
{
	*writer = (struct authres_writer){ .out = out };
	add(writer, STR("Authentication-Results:"));
	add_word(writer, hostname);
}

void
authres_result(
    struct authres_writer *writer, const char *method, const char *result)
{
	writer->any = true;
	add(writer, STR(";"));
	fold(writer);
	add(writer, str_of(method));
	add(writer, STR("="));
	add(writer, str_of(result));
}

/* Folded at its spaces, and within a word that is longer than a line. */
void
authres_comment(struct authres_writer *writer, struct str text)
{
	struct buf word = { 0 };
	buf_addc(&word, '(');
	for (size_t i = 0; i < text.n; i++) {
		char c = shown(text, i, STR("()\\"));
		if (c != ' ')
			buf_addc(&word, c);
		if (word.n > 0 &&
		    (c == ' ' || word.n > LINE - AFTER_FOLD - 4)) {
			add_word(writer, buf_str(&word));
			buf_clear(&word);
		}
	}
	buf_addc(&word, ')');
	add_word(writer, buf_str(&word));
	buf_free(&word);
}

void
authres_property(
    struct authres_writer *writer, const char *name, struct str value)
{
	struct buf word = { 0 };
	if (value.n == 0)
		return;
	buf_addf(&word, "%s=", name);
	add_value(&word, value);
	if (word.n <= WORD_MAX)
		add_word(writer, buf_str(&word));
	buf_free(&word);
}

void
authres_end(struct authres_writer *writer)
{
	buf_adds(writer->out, writer->any ? "\r\n" : "; none\r\n");
}
