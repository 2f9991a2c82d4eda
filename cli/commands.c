/*
 * commands.c - the table of commands, and help on what is in it.
 */
#include "cli/commands.h"

#include <string.h>

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
	{ "queue", NULL, cli_queue_list, 0, 0, TO, "[--to DOMAIN]", NULL,
	    false },
};

enum {
	COMMANDS = sizeof commands / sizeof *commands
};

/* ---- finding ---- */

/* `postern dns check` isn't `postern dns` of a domain called check: whoever
   means one without a dot says `dns show`. */
static bool
is_unknown_verb(const struct command *c, const char *operand)
{
	return !c->help && operand && !strchr(operand, '.');
}

const struct command *
command_find(char *const *words, size_t *used)
{
	for (int i = 0; words[0] && i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		if (strcmp(c->noun, words[0]) != 0 ||
		    (!c->verb && is_unknown_verb(c, words[1])))
			continue;
		if (c->verb && (!words[1] || strcmp(c->verb, words[1]) != 0))
			continue;
		*used = c->verb ? 2 : 1;
		return c;
	}
	return NULL;
}

/* The noun that was meant: at most a letter in three is wrong.  Or NULL. */
static const char *
nearest_noun(struct str word)
{
	size_t best = word.n / 3;
	const char *nearest = NULL;
	for (int i = 0; i < COMMANDS; i++) {
		size_t d = str_distance(word, str_of(commands[i].noun));
		if (d < best || (d == best && !nearest)) {
			best = d;
			nearest = commands[i].noun;
		}
	}
	return nearest;
}

/* ---- telling ---- */

static void
tell(FILE *out, const struct command *c)
{
	fprintf(out, "  %s%s%s%s%s\n      %s\n", c->noun, c->verb ? " " : "",
	    c->verb ? c->verb : "", *c->operands ? " " : "", c->operands,
	    c->help);
}

/* All of the noun, or the one with that verb; how many they are. */
static size_t
tell_those(FILE *out, const char *noun, const char *verb)
{
	size_t told = 0;
	for (int i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		if (!c->help || strcmp(c->noun, noun) != 0 ||
		    (verb && c->verb && strcmp(c->verb, verb) != 0))
			continue;
		tell(out, c);
		told++;
	}
	return told;
}

void
command_list(FILE *out)
{
	fputs("usage: postern COMMAND [--json]\n\n", out);
	for (int i = 0; i < COMMANDS; i++)
		if (commands[i].help)
			tell(out, &commands[i]);
}

int
command_unknown(char *const *words)
{
	const char *noun = nearest_noun(str_of(words[0]));
	bool right = noun && strcmp(noun, words[0]) == 0;
	if (right && !words[1])
		cli_say(USAGE, "%s what?", noun);
	else if (right)
		cli_say(USAGE, "there is no command \"%s %s\"", noun, words[1]);
	else if (noun)
		cli_say(USAGE,
		    "there is no command \"%s\"; did you mean \"%s\"?",
		    words[0], noun);
	else
		cli_say(USAGE,
		    "there is no command \"%s\"; \"postern help\" lists all",
		    words[0]);
	if (noun)
		tell_those(stderr, noun, NULL);
	return USAGE;
}

int
command_misused(const struct command *c)
{
	return cli_say(USAGE, "usage: postern %s%s%s%s%s", c->noun,
	    c->verb ? " " : "", c->verb ? c->verb : "", *c->operands ? " " : "",
	    c->operands);
}

int
command_help(char *const *words)
{
	if (!words[0]) {
		command_list(stdout);
		return DONE;
	}
	return tell_those(stdout, words[0], words[1]) ? DONE
						      : command_unknown(words);
}
