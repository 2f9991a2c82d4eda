/*
 * postern - the command line for people and scripts.
 */
#include "cli/cli.h"

#include "lib/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- options ---- */

enum { /* which a command takes; --json they all do */
	ALL = 1,
	PASSWORD_STDIN = 2,
	FORMAT = 4,
	TO = 8,
	JSON = 16,
	SESSION = 32,
	NOW = 64,
	AT_ONCE = 128,
};

struct option {
	const char *name;
	unsigned mask;
	size_t flag, value; /* offsets into struct cli; 0: not this kind */
};

static const struct option options[] = {
	{ "--json", JSON, offsetof(struct cli, json), 0 },
	{ "--all", ALL, offsetof(struct cli, all), 0 },
	{ "--password-stdin", PASSWORD_STDIN,
	    offsetof(struct cli, password_stdin), 0 },
	{ "--format", FORMAT, 0, offsetof(struct cli, format) },
	{ "--to", TO, 0, offsetof(struct cli, to) },
	{ "--ip", SESSION, 0, offsetof(struct cli, ip) },
	{ "--helo", SESSION, 0, offsetof(struct cli, helo) },
	{ "--mail-from", SESSION, 0, offsetof(struct cli, mail_from) },
	{ "--now", NOW, 0, offsetof(struct cli, now) },
	{ "--now", AT_ONCE, offsetof(struct cli, at_once), 0 },
};

/* Takes the option at *argument, and its value: its mask, or 0 when there is
   no such option or no value. */
static unsigned
take_option(struct cli *cli, char ***argument)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const struct option *o = &options[i];
		if (strcmp(**argument, o->name) != 0)
			continue;
		if (o->flag)
			*(bool *)(void *)((char *)cli + o->flag) = true;
		else if (!(*argument)[1] ||
		    strncmp((*argument)[1], "--", 2) == 0)
			continue; /* one of that name may need no value */
		else
			*(const char **)(void *)((char *)cli + o->value) =
			    *++*argument;
		return o->mask;
	}
	return 0;
}

/* Leaves the words; the options' masks are added up. */
static bool
read_line(struct cli *cli, char **arguments, char **words, unsigned *given)
{
	size_t count = 0;
	for (; *arguments; arguments++) {
		unsigned mask = 0;
		if (strncmp(*arguments, "--", 2) != 0)
			words[count++] = *arguments;
		else if (!(mask = take_option(cli, &arguments)))
			return false;
		*given |= mask;
	}
	words[count] = NULL;
	return true;
}

/* ---- commands ---- */

struct command {
	const char *noun, *verb; /* verb NULL: the noun alone */
	command_function *run;
	size_t least, most; /* operands */
	unsigned options;
	const char *operands, *help; /* help NULL: another's short form */
	bool bare; /* works with settings that are wrong */
};

static const struct command commands[] = {
	{ "user", "add", cli_user_add, 1, 1, PASSWORD_STDIN,
	    "ADDRESS [--password-stdin]",
	    "make an account; prints its password once", false },
	{ "user", "passwd", cli_user_passwd, 1, 1, PASSWORD_STDIN,
	    "ADDRESS [--password-stdin]", "give an account a new password",
	    false },
	{ "user", "list", cli_user_list, 0, 0, 0, "", "all accounts", false },
	{ "user", "delete", cli_user_delete, 1, 1, 0, "ADDRESS",
	    "remove an account; its mail stays on disk", false },
	{ "alias", "add", cli_alias_add, 2, 64, 0, "ADDRESS TARGET...",
	    "another address of accounts; @DOMAIN is the catch-all", false },
	{ "alias", "list", cli_alias_list, 0, 0, 0, "", "all aliases", false },
	{ "alias", "delete", cli_alias_delete, 1, 1, 0, "ADDRESS",
	    "remove an alias", false },
	{ "domain", "add", cli_domain_add, 1, 1, 0, "DOMAIN",
	    "receive and sign for one more domain", false },
	{ "domain", "list", cli_domain_list, 0, 0, 0, "", "our domains",
	    false },
	{ "domain", "delete", cli_domain_delete, 1, 1, 0, "DOMAIN",
	    "remove a domain that has no accounts and aliases left", false },
	{ "address", "resolve", cli_address_resolve, 1, 1, 0, "ADDRESS",
	    "where a message for it goes", false },
	{ "dns", "show", cli_dns_show, 0, 1, FORMAT | ALL,
	    "[DOMAIN] [--format table|zone|json] [--all]",
	    "the records to publish", false },
	{ "queue", "list", cli_queue_list, 0, 0, TO, "[--to DOMAIN]",
	    "what waits", false },
	{ "queue", "show", cli_queue_show, 1, 1, 0, "ID", "one message",
	    false },
	{ "queue", "retry", cli_queue_retry, 0, 1, TO | ALL,
	    "ID | --to DOMAIN | --all", "try again now", false },
	{ "queue", "hold", cli_queue_hold, 0, 1, TO | ALL,
	    "ID | --to DOMAIN | --all",
	    "don't try it until it is released; it doesn't expire", false },
	{ "queue", "release", cli_queue_release, 0, 1, TO | ALL,
	    "ID | --to DOMAIN | --all", "try what was held again, now", false },
	{ "queue", "drop", cli_queue_drop, 0, 1, TO, "ID | --to DOMAIN",
	    "give up, without a bounce", false },
	{ "check", "spf", cli_check_spf, 0, 0, SESSION,
	    "--ip IP --helo NAME --mail-from ADDRESS",
	    "what SPF says about a host and a sender", false },
	{ "check", "message", cli_check_message, 0, 0, SESSION | NOW,
	    "--ip IP --helo NAME --mail-from ADDRESS [--now UNIXTIME]",
	    "what a message on stdin would be found to be, and its fate",
	    false },
	{ "check", "policy", cli_check_policy, 1, 1, 0, "DOMAIN",
	    "what a domain demands of whoever sends mail to it", false },
	{ "why", NULL, cli_why, 1, 1, 0, "ID | ADDRESS | MESSAGE-ID",
	    "what happened to a message, step by step", false },
	{ "report", "send", cli_report_send, 0, 0, AT_ONCE, "--now",
	    "send what was counted for DMARC and TLS reports", false },
	{ "status", NULL, cli_status, 0, 0, 0, "",
	    "services, ports, queue, troubles", false },
	{ "health", NULL, cli_health, 0, 0, 0, "", "exit 0 when all is up",
	    false },
	{ "reload", NULL, cli_reload, 0, 0, 0, "",
	    "look at configuration, keys and certificates again", false },
	{ "config", "explain", cli_config_explain, 0, 1, 0, "[NAME]",
	    "the settings and what they do", true },
	{ "version", NULL, cli_version, 0, 0, 0, "", "which Postern this is",
	    true },
	{ "dns", NULL, cli_dns_show, 0, 1, FORMAT | ALL, "[DOMAIN]", NULL,
	    false },
	{ "queue", NULL, cli_queue_list, 0, 0, TO, "", NULL, false },
};

enum {
	COMMANDS = sizeof commands / sizeof *commands
};

static void
usage(FILE *out)
{
	fputs("usage: postern COMMAND [--json]\n\n", out);
	for (int i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		if (c->help)
			fprintf(out, "  %s%s%s%s%s\n      %s\n", c->noun,
			    c->verb ? " " : "", c->verb ? c->verb : "",
			    *c->operands ? " " : "", c->operands, c->help);
	}
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

/* ---- settings ---- */

static bool
is_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

/* Beside `make run`, in the folder that holds data/, nothing need be said. */
static void
find_native_data(void)
{
	if (is_set("POSTERN_DATA") || file_exists("/data/version") ||
	    !file_exists("data/version"))
		return;
	setenv("POSTERN_DATA", "data", 1);
	if (!is_set("POSTERN_RUN"))
		setenv("POSTERN_RUN", "data/run", 1);
}

static bool
read_settings(struct cli *cli)
{
	struct buf errors = { 0 };
	find_native_data();
	bool good = settings_load(&cli->settings, environ, &errors);
	if (!good)
		fputs(buf_cstr(&errors), stderr);
	buf_free(&errors);
	return good;
}

/* ---- running ---- */

static int
run(struct cli *cli, char **arguments, char **words)
{
	unsigned given = 0;
	size_t used = 0;
	const struct command *c = read_line(cli, arguments, words, &given)
	    ? find(words, &used)
	    : NULL;
	if (!c) {
		usage(stderr);
		return USAGE;
	}
	cli->operands = words + used;
	while (cli->operands[cli->count])
		cli->count++;
	if (cli->count < c->least || cli->count > c->most ||
	    (given & ~(c->options | JSON)))
		return cli_say(USAGE, "usage: postern %s %s %s", c->noun,
		    c->verb ? c->verb : "", c->operands);
	if (!c->bare && !read_settings(cli))
		return BAD_SETTINGS;
	return c->run(cli);
}

int
main(int argc, char **argv)
{
	struct cli cli = { 0 };
	if (argc == 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		usage(stdout);
		return DONE;
	}
	char **words = mem_array(NULL, (size_t)argc + 1, sizeof *words);
	int code = run(&cli, argv + 1, words);
	free(words);
	domains_free(&cli.domains);
	settings_free(&cli.settings);
	arena_free(&cli.arena);
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_say(FAILED, "can't write the result");
	return code;
}
