/*
 * commands.h - the table of what postern can do, and its help.
 *
 * It knows names, operands and options, and not what a command does.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

#include <stdio.h>

enum { /* options that a command takes; --json they all do */
	ALL = 1,
	PASSWORD_STDIN = 2,
	FORMAT = 4,
	TO = 8,
	JSON = 16,
	SESSION = 32,
	NOW = 64,
	AT_ONCE = 128,
};

struct command {
	const char *noun, *verb; /* verb NULL: the noun alone */
	command_function *run;
	size_t least, most; /* operands */
	unsigned options;
	const char *operands, *help; /* help NULL: another's short form */
	bool bare; /* works with settings that are wrong */
};

/* What the words begin with, and how many of them name it; NULL: none. */
const struct command *command_find(char *const *words, size_t *used);
/* Says that the words are no command, and what would be one: an exit code. */
int command_unknown(char *const *words);
/* The same about operands or options that don't fit it. */
int command_misused(const struct command *);
/* What the words name is explained on stdout, without any all there is: an
   exit code. */
int command_help(char *const *words);
void command_list(FILE *);

#endif
