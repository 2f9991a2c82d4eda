/*
 * postern - the command line for people and scripts.
 */
#include "cli/cli.h"

#include "lib/base/file.h"
#include "lib/base/version.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

struct command {
	const char *noun, *verb; /* verb NULL: the noun alone */
	command_function *run;
	size_t least, most; /* operands */
	const char *operands, *help;
};

static const struct command commands[] = {
	{ "user", "add", user_add, 1, 1, "ADDRESS",
	    "make an account; prints its password once" },
	{ "user", "passwd", user_passwd, 1, 1, "ADDRESS",
	    "give an account a new password" },
	{ "user", "list", user_list, 0, 0, "", "all accounts" },
	{ "user", "delete", user_delete, 1, 1, "ADDRESS",
	    "remove an account; its mail stays on disk" },
	{ "alias", "add", alias_add, 2, 64, "ADDRESS TARGET...",
	    "another address of accounts; @DOMAIN is the catch-all" },
	{ "alias", "list", alias_list, 0, 0, "", "all aliases" },
	{ "alias", "delete", alias_delete, 1, 1, "ADDRESS", "" },
	{ "domain", "add", domain_add, 1, 1, "DOMAIN",
	    "receive and sign for one more domain" },
	{ "domain", "list", domain_list, 0, 0, "", "our domains" },
	{ "domain", "delete", domain_delete, 1, 1, "DOMAIN", "" },
	{ "address", "resolve", address_resolve, 1, 1, "ADDRESS",
	    "where a message for it goes" },
	{ "dns", "show", dns_show, 0, 1, "[DOMAIN]",
	    "the records to publish; --format table|zone|json, --all" },
	{ "queue", "list", queue_list, 0, 0, "", "what waits" },
	{ "queue", "show", queue_show, 1, 1, "ID", "one message" },
	{ "queue", "retry", queue_retry, 0, 1, "ID | --to DOMAIN",
	    "try again now" },
	{ "queue", "drop", queue_drop, 0, 1, "ID | --to DOMAIN",
	    "give up, without a bounce" },
	{ "status", NULL, status_show, 0, 0, "", "services, ports, queue" },
	{ "health", NULL, health, 0, 0, "", "exit 0 when all is up" },
	{ "reload", NULL, reload, 0, 0, "",
	    "look at configuration, keys and certificates again" },
	{ "config", "explain", config_explain, 0, 1, "[NAME]",
	    "the settings and what they do" },
	{ "version", NULL, version_show, 0, 0, "", "" },
	{ "dns", NULL, dns_show, 0, 1, "[DOMAIN]", NULL },
	{ "queue", NULL, queue_list, 0, 0, "", NULL },
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* ---- talk ---- */

int
say(int code, const char *format, ...)
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
print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

static void
usage(FILE *out)
{
	fputs("usage: postern COMMAND [--json]\n\n", out);
	for (int i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		if (!c->help)
			continue;
		char left[64];
		snprintf(left, sizeof left, "%s %s %s", c->noun,
		    c->verb ? c->verb : "", c->operands);
		fprintf(out, "  %-34s %s\n", left, c->help);
	}
}

int
version_show(struct cli *cli)
{
	if (cli->json)
		print_json(json_pack("{s:s}", "version", POSTERN_VERSION));
	else
		puts("postern " POSTERN_VERSION);
	return DONE;
}

int
config_explain(struct cli *cli)
{
	struct buf text = { 0 };
	const char *name = cli->count ? cli->operands[0] : NULL;
	bool found = settings_explain(name, &text);
	fwrite(buf_str(&text).p, 1, text.n, stdout);
	buf_free(&text);
	return found ? DONE : say(MISSING, "no setting is called %s", name);
}

/* ---- paths and settings ---- */

const char *
data_path(struct cli *cli, const char *name)
{
	return arena_printf(
	    &cli->arena, "%s/%s", cli->settings.data.p, name)
	    .p;
}

const char *
run_path(struct cli *cli, const char *name)
{
	return arena_printf(&cli->arena, "%s/%s", cli->settings.run.p, name).p;
}

/* Beside `make run`, in the folder that holds data/, nothing need be said. */
static void
find_native_data(void)
{
	if (getenv("POSTERN_DATA") || file_exists("/data/version") ||
	    !file_exists("data/version"))
		return;
	setenv("POSTERN_DATA", "data", 1);
	setenv("POSTERN_RUN", "data/run", 0);
}

/* The domains may be unreadable: commands that need them say so. */
static bool
read_settings(struct cli *cli)
{
	struct buf errors = { 0 }, text = { 0 };
	find_native_data();
	bool good = settings_load(&cli->settings, environ, &errors);
	if (!good)
		fputs(buf_cstr(&errors), stderr);
	else if (file_read(data_path(cli, "config/domains"), 1 << 20, &text))
		domains_parse(&cli->domains, buf_str(&text), "config/domains",
		    &errors);
	if (str_empty(cli->settings.hostname) && cli->domains.count)
		cli->settings.hostname = arena_printf(
		    &cli->arena, "mail.%s", cli->domains.names[0].p);
	buf_free(&errors);
	buf_free(&text);
	return good;
}

/* ---- the command line ---- */

struct option {
	const char *name;
	size_t flag, value; /* offsets into struct cli; 0: not this kind */
};

static const struct option options[] = {
	{ "--json", offsetof(struct cli, json), 0 },
	{ "--all", offsetof(struct cli, all), 0 },
	{ "--password-stdin", offsetof(struct cli, password_stdin), 0 },
	{ "--format", 0, offsetof(struct cli, format) },
	{ "--to", 0, offsetof(struct cli, to) },
};

/* Takes the option at *argument, and its value; false when it is none. */
static bool
take_option(struct cli *cli, char ***argument)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const struct option *o = &options[i];
		if (strcmp(**argument, o->name) != 0)
			continue;
		if (o->flag)
			*(bool *)(void *)((char *)cli + o->flag) = true;
		else if (!*++*argument)
			return false;
		else
			*(const char **)(void *)((char *)cli + o->value) =
			    **argument;
		return true;
	}
	return false;
}

/* Leaves words and operands in place, options taken out. */
static bool
read_line(struct cli *cli, char **arguments, char **words)
{
	size_t count = 0;
	for (; *arguments; arguments++)
		if (strncmp(*arguments, "--", 2) != 0)
			words[count++] = *arguments;
		else if (!take_option(cli, &arguments))
			return false;
	words[count] = NULL;
	return true;
}

static const struct command *
find(char **words, size_t *used)
{
	for (int i = 0; words[0] && i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		if (strcmp(c->noun, words[0]) != 0)
			continue;
		if (c->verb && (!words[1] || strcmp(c->verb, words[1]) != 0))
			continue;
		*used = c->verb ? 2 : 1;
		return c;
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	struct cli cli = { 0 };
	char **words = mem_array(NULL, (size_t)argc + 1, sizeof *words);
	size_t used = 0;
	if (argc == 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		usage(stdout);
		return DONE;
	}
	const struct command *c =
	    read_line(&cli, argv + 1, words) ? find(words, &used) : NULL;
	if (!c) {
		usage(stderr);
		return USAGE;
	}
	cli.operands = words + used;
	while (cli.operands[cli.count])
		cli.count++;
	if (cli.count < c->least || cli.count > c->most)
		return say(USAGE, "usage: postern %s %s %s", c->noun,
		    c->verb ? c->verb : "", c->operands);
	return read_settings(&cli) ? c->run(&cli) : BAD_SETTINGS;
}
