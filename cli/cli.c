#include "cli/cli.h"

#include "lib/base/file.h"
#include "lib/mail/idn.h"

#include <errno.h>
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

void
cli_print_text(const char *text)
{
	for (; *text; text++)
		putchar(
		    (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
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

int
cli_read_address(struct cli *cli, const char *text, struct str *address)
{
	struct address parsed;
	const char *why;
	if (!address_parse(str_of(text), &cli->arena, &parsed, &why))
		return cli_say(USAGE, "%s is no address: %s", text, why);
	if (strpbrk(text, "\"\\[,: \t") || *text == '#')
		return cli_say(USAGE,
		    "%s: addresses of ours have no quotes, blanks, commas, "
		    "colons or brackets, and begin without #",
		    text);
	*address = arena_lower(&cli->arena, str_of(text));
	return DONE;
}

int
cli_read_domain(struct cli *cli, const char *text, struct str *name)
{
	const char *why;
	if (!idn_to_ascii(str_of(text), &cli->arena, name, &why))
		return cli_say(USAGE, "%s is no domain name: %s", text, why);
	return DONE;
}

int
cli_need_domains(struct cli *cli)
{
	struct buf text = { 0 }, errors = { 0 };
	struct settings *s = &cli->settings;
	int code = config_read(cli, "config/domains", &text);
	if (!code &&
	    !domains_parse(
		&cli->domains, buf_str(&text), "config/domains", &errors)) {
		fputs(buf_cstr(&errors), stderr);
		code = cli_say(FAILED, "config/domains is not usable");
	}
	if (!code && cli->domains.count == 0)
		code = cli_say(MISSING, "there is no domain yet");
	if (!code && str_empty(s->hostname))
		s->hostname = arena_printf(
		    &cli->arena, "mail.%s", cli->domains.names[0].p);
	buf_free(&text);
	buf_free(&errors);
	return code;
}
