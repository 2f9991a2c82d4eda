#include "cli/cli.h"

#include "lib/mail/idn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
cli_say(int code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("postern: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return code;
}

void
cli_print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

const char *
cli_text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* ISO 6429: the second set of control characters, U+0080 to U+009F */
static bool
begins_control(const char *text)
{
	return text[0] == '\xc2' && (unsigned char)text[1] >= 0x80 &&
	    (unsigned char)text[1] < 0xa0;
}

void
cli_print_text(const char *text)
{
	for (; *text; text++) {
		bool two = begins_control(text);
		bool bad = two || (unsigned char)*text < ' ' || *text == 0x7f;
		putchar(bad ? '?' : *text);
		text += two;
	}
}

/* ---- paths ---- */

static const char *
below(struct cli *cli, struct str folder, const char *name)
{
	return arena_printf(&cli->arena, "%.*s/%s", STR_ARG(folder), name).p;
}

const char *
cli_data_path(struct cli *cli, const char *name)
{
	return below(cli, cli->settings.data, name);
}

const char *
cli_run_path(struct cli *cli, const char *name)
{
	return below(cli, cli->settings.run, name);
}

/* ---- operands ---- */

struct str
cli_address_text(struct cli *cli, const char *text)
{
	struct str whole = str_of(text), domain;
	const char *why;
	size_t at = str_find_last(whole, '@');
	if (!idn_to_ascii(str_from(whole, at + 1), &cli->arena, &domain, &why))
		return whole; /* whoever parses it says what is wrong */
	return arena_printf(&cli->arena, "%.*s@%.*s",
	    STR_ARG(str_sub(whole, 0, at)), STR_ARG(domain));
}

int
cli_read_address(struct cli *cli, const char *text, struct str *address)
{
	struct address parsed;
	struct str ascii = cli_address_text(cli, text);
	const char *why;
	if (!address_parse(ascii, &cli->arena, &parsed, &why))
		return cli_say(USAGE, "%s is no address: %s", text, why);
	if (strpbrk(text, "\"\\[,: \t") || *text == '#')
		return cli_say(USAGE,
		    "%s: addresses of ours have no quotes, blanks, commas, "
		    "colons or brackets, and begin without #",
		    text);
	*address = arena_lower(&cli->arena, ascii);
	return DONE;
}

int
cli_read_domain(struct cli *cli, const char *text, struct str *name)
{
	const char *why;
	if (!idn_to_ascii(str_of(text), &cli->arena, name, &why))
		return cli_say(USAGE, "%s: %s", text, why);
	return DONE;
}
