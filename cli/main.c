/*
 * postern - the command line for people and scripts.
 */
#include "cli/commands.h"

#include "lib/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- options ---- */

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

/* "--to" or "--to=..." */
static bool
is_named(const char *argument, const char *name)
{
	size_t n = strlen(name);
	return strncmp(argument, name, n) == 0 &&
	    (argument[n] == '\0' || argument[n] == '=');
}

/* Puts the option at *argument, and its value, into its place: false when the
   one is there and shouldn't, or the other way round. */
static bool
take(struct cli *cli, const struct option *o, char ***argument)
{
	const char *joined = strchr(**argument, '=');
	if (o->flag) {
		*(bool *)(void *)((char *)cli + o->flag) = true;
		return !joined;
	}
	const char *value = joined ? joined + 1 : (*argument)[1];
	if (!value || (!joined && strncmp(value, "--", 2) == 0))
		return false;
	*(const char **)(void *)((char *)cli + o->value) = value;
	*argument += !joined;
	return true;
}

/* Takes the option at *argument: its mask, or 0 after saying why not. */
static unsigned
take_option(struct cli *cli, char ***argument)
{
	const struct option *wrong = NULL;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const struct option *o = &options[i];
		if (!is_named(**argument, o->name))
			continue;
		if (take(cli, o, argument))
			return o->mask;
		wrong = o; /* one of that name may need no value */
	}
	if (wrong)
		cli_say(USAGE, "%s takes %s value", wrong->name,
		    wrong->flag ? "no" : "a");
	else
		cli_say(USAGE, "there is no option %s", **argument);
	return 0;
}

/* Leaves the words; the options' masks are added up.  False after saying
   why. */
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

/* "help user add", "user add --help": leaves the words that say on what. */
static bool
is_for_help(char **arguments)
{
	bool asked = *arguments && strcmp(*arguments, "help") == 0;
	char **begin = arguments + asked, **kept = arguments;
	for (char **a = begin; *a; a++)
		asked |= strcmp(*a, "--help") == 0 || strcmp(*a, "-h") == 0;
	for (char **a = begin; asked && *a; a++)
		if (**a != '-')
			*kept++ = *a;
	if (asked)
		*kept = NULL;
	return asked;
}

static int
run_command(struct cli *cli, const struct command *c, unsigned given)
{
	while (cli->operands[cli->count])
		cli->count++;
	if (cli->count < c->least || cli->count > c->most ||
	    (given & ~(c->options | JSON)))
		return command_misused(c);
	if (!c->bare && !read_settings(cli))
		return BAD_SETTINGS;
	return c->run(cli);
}

static int
run(struct cli *cli, char **arguments, char **words)
{
	unsigned given = 0;
	size_t used = 0;
	if (is_for_help(arguments))
		return command_help(arguments);
	if (arguments[0] && strcmp(arguments[0], "--version") == 0)
		return cli_version(cli);
	if (!read_line(cli, arguments, words, &given))
		return USAGE;
	if (!words[0]) {
		command_list(stderr);
		return USAGE;
	}
	const struct command *c = command_find(words, &used);
	if (!c)
		return command_unknown(words);
	cli->operands = words + used;
	return run_command(cli, c, given);
}

int
main(int argc, char **argv)
{
	struct cli cli = { 0 };
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
