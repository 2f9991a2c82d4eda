#include "lib/mail/header.h"

#include "lib/base/ascii.h"
#include "lib/mail/printable.h"

size_t
header_end(struct str bytes, size_t *scanned)
{
	if (str_starts(bytes, STR("\r\n")))
		return 2;
	/* Its first three octets may have been there last time. */
	size_t from = *scanned < 3 ? 0 : *scanned - 3;
	struct str rest = str_from(bytes, from);
	size_t at = str_search(rest, STR("\r\n\r\n"));
	*scanned = bytes.n;
	return at == rest.n ? 0 : from + at + 4;
}

/* RFC 5322 2.2: printable US-ASCII without colon; 4.5: blanks behind it */
static bool
parse_name(struct str text, struct str *name)
{
	while (text.n > 0 && ascii_is_blank(text.p[text.n - 1]))
		text.n--;
	for (size_t i = 0; i < text.n; i++)
		if (!printable_is(text.p[i]) || text.p[i] == ' ')
			return false;
	*name = text;
	return text.n > 0;
}

static bool
parse_field(struct str whole, struct header_field *field)
{
	size_t colon = str_find(whole, ':');
	if (colon == whole.n ||
	    !parse_name(str_sub(whole, 0, colon), &field->name))
		return false;
	field->whole = whole;
	field->value = str_sub(whole, colon + 1, whole.n - colon - 3);
	return true;
}

/* The first line with its CR LF and all that continue it; 0: no end. */
static size_t
field_length(struct str rest)
{
	size_t at = 0;
	do {
		struct str line = str_from(rest, at);
		size_t n = str_search(line, STR("\r\n"));
		if (n == line.n)
			return 0;
		at += n + 2;
	} while (at < rest.n && ascii_is_blank(rest.p[at]));
	return at;
}

/* A bound for their number; lines that continue others don't count. */
static size_t
count_lines(struct str rest)
{
	size_t count = 0;
	while (rest.n > 0) {
		size_t n = str_find(rest, '\n');
		count += !ascii_is_blank(*rest.p);
		rest = str_from(rest, n + 1);
	}
	return count;
}

bool
header_parse(struct str section, struct arena *arena, struct header *header,
    const char **why)
{
	*header = (struct header){ .bytes = str_sub(section, 0, 0) };
	size_t lines = section.n > HEADER_MAX_BYTES ? 0 : count_lines(section);
	if (lines > HEADER_MAX_FIELDS)
		lines = HEADER_MAX_FIELDS;
	header->fields = arena_alloc(arena, lines * sizeof *header->fields);
	for (struct str rest = section; rest.n > 0;) {
		if (str_starts(rest, STR("\r\n")))
			return true;
		if (header->count == lines) {
			*why = "The header section is too large";
			return false;
		}
		size_t n = field_length(rest);
		if (n == 0 ||
		    !parse_field(
			str_sub(rest, 0, n), &header->fields[header->count])) {
			*why = "A line of the header section is no field";
			return false;
		}
		header->count++;
		header->bytes.n += n;
		rest = str_from(rest, n);
	}
	return true;
}

const struct header_field *
header_first(const struct header *header, const char *name)
{
	for (size_t i = 0; i < header->count; i++)
		if (str_eq_nocase(header->fields[i].name, str_of(name)))
			return &header->fields[i];
	return NULL;
}

size_t
header_count(const struct header *header, const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < header->count; i++)
		count += str_eq_nocase(header->fields[i].name, str_of(name));
	return count;
}

/* RFC 5322 2.2.3: the CR LF goes, the white space behind it stays */
struct str
header_unfold(struct str value, struct arena *arena)
{
	value = str_trim(value);
	if (str_search(value, STR("\r\n")) == value.n)
		return value;
	char *text = arena_alloc(arena, value.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (str_starts(str_from(value, i), STR("\r\n")))
			i++;
		else
			text[n++] = value.p[i];
	}
	return (struct str){ text, n };
}
