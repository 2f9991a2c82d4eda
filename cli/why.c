/*
 * why.c - postern why: what happened to a message, step by step.
 *
 * The history's lines come in the order of time; people get them message by
 * message.
 */
#include "cli/cli.h"
#include "cli/why_story.h"

#include <stdio.h>
#include <string.h>

/* ---- messages ---- */

/* Those without an id are one each. */
static void
add_line(json_t *messages, json_t *line)
{
	const char *id = cli_text_at(line, "id");
	size_t i;
	json_t *message;
	json_array_foreach(messages, i, message)
	{
		if (*id && strcmp(cli_text_at(message, "id"), id) == 0) {
			json_array_append(
			    json_object_get(message, "lines"), line);
			return;
		}
	}
	json_array_append_new(
	    messages, json_pack("{s:s, s:[O]}", "id", id, "lines", line));
}

static void
print_message(const json_t *message)
{
	size_t i;
	json_t *line;
	const char *id = cli_text_at(message, "id");
	if (*id) {
		cli_print_text(id);
		putchar('\n');
	} else {
		puts("(refused before it had an id)");
	}
	json_array_foreach(json_object_get(message, "lines"), i, line)
	    why_story_print(line);
}

static void
print_messages(const json_t *messages)
{
	size_t i;
	json_t *message;
	json_array_foreach(messages, i, message)
	{
		if (i)
			putchar('\n');
		print_message(message);
	}
}

/* ---- asking ---- */

static void
print_json_line(const json_t *line)
{
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
}

/* For --json each line is printed as it comes. */
static int
read_lines(struct cli *cli, struct ask *a, json_t *messages)
{
	json_t *answer, *line;
	while ((answer = ask_line(a)) &&
	    (line = json_object_get(answer, "line"))) {
		if (cli->json)
			print_json_line(line);
		else
			add_line(messages, line);
		json_decref(answer);
	}
	int code = ask_result(answer);
	if (!code && json_is_true(json_object_get(answer, "more")))
		cli_say(DONE, "older messages are left out");
	json_decref(answer);
	return code;
}

int
cli_why(struct cli *cli)
{
	struct ask *a = ask_start(cli,
	    json_pack("{s:s, s:s}", "verb", "why", "what", cli->operands[0]));
	if (!a)
		return UNREACHABLE;
	json_t *messages = json_array();
	int code = read_lines(cli, a, messages);
	ask_end(a);
	print_messages(messages);
	json_decref(messages);
	return code;
}
