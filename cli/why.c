/*
 * why.c - postern why: what happened to a message, step by step.
 *
 * The history's lines come in the order of time; people get them message by
 * message.
 */
#include "cli/cli.h"

#include "lib/mail/advice.h"

#include <stdio.h>
#include <string.h>

enum key_kind {
	KEY_PLAIN,
	KEY_HIDDEN, /* stands elsewhere */
	KEY_CHECK, /* a result of what was asked about it */
	KEY_DECISION,
};

static enum key_kind
kind_of(const char *key)
{
	static const struct {
		const char *key;
		enum key_kind kind;
	} kinds[] = {
		{ "time", KEY_HIDDEN },
		{ "level", KEY_HIDDEN },
		{ "event", KEY_HIDDEN },
		{ "id", KEY_HIDDEN },
		{ "step", KEY_HIDDEN },
		{ "iprev", KEY_CHECK },
		{ "spf", KEY_CHECK },
		{ "dkim", KEY_CHECK },
		{ "arc", KEY_CHECK },
		{ "dmarc", KEY_CHECK },
		{ "disposition", KEY_DECISION },
		{ "code", KEY_DECISION },
		{ "dsn", KEY_DECISION },
		{ "reason", KEY_DECISION },
		{ "reply", KEY_DECISION },
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].key, key) == 0)
			return kinds[i].kind;
	return strncmp(key, "step.", 5) == 0 ? KEY_HIDDEN : KEY_PLAIN;
}

static const char *
text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* ---- one line of the history ---- */

static void
print_value(const json_t *value)
{
	if (json_is_integer(value))
		printf("%lld", (long long)json_integer_value(value));
	else if (json_is_string(value))
		cli_print_text(json_string_value(value));
}

/* "  label key value, key value"; nothing when there are none. */
static void
print_keys(json_t *line, enum key_kind kind, const char *label)
{
	const char *key;
	json_t *value;
	bool any = false;
	json_object_foreach(line, key, value)
	{
		if (kind_of(key) != kind)
			continue;
		printf("%s%s ", any ? ", " : label, key);
		print_value(value);
		any = true;
	}
	if (any)
		putchar('\n');
}

static void
print_steps(const json_t *line)
{
	char key[16];
	for (int i = 1;; i++) {
		snprintf(key, sizeof key, "step.%d", i);
		const json_t *step = json_object_get(line, key);
		if (!step)
			return;
		printf("    %d. ", i);
		print_value(step);
		putchar('\n');
	}
}

/* Of what another server answered, or our own attempt. */
static void
print_advice(const json_t *line)
{
	const json_t *code = json_object_get(line, "code");
	const char *advice = NULL;
	if (json_object_get(line, "try"))
		advice =
		    advice_for((struct reply){ (int)json_integer_value(code),
			json_string_value(json_object_get(line, "dsn")),
			text_at(line, "reply") });
	if (advice)
		printf("    advice: %s\n", advice);
}

static void
print_line(json_t *line)
{
	char label[128];
	snprintf(label, sizeof label, "  %.24s  %-10.20s  ",
	    text_at(line, "time"), text_at(line, "event"));
	print_keys(line, KEY_PLAIN, label);
	print_keys(line, KEY_CHECK, "    checks: ");
	print_steps(line);
	print_keys(line, KEY_DECISION, "    result: ");
	print_advice(line);
}

/* ---- messages ---- */

/* Those without an id are one each. */
static void
add_line(json_t *messages, json_t *line)
{
	const char *id = text_at(line, "id");
	size_t i;
	json_t *message;
	json_array_foreach(messages, i, message)
	{
		if (*id && strcmp(text_at(message, "id"), id) == 0) {
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
	const char *id = text_at(message, "id");
	if (*id) {
		cli_print_text(id);
		putchar('\n');
	} else {
		puts("(refused before it had an id)");
	}
	json_array_foreach(json_object_get(message, "lines"), i, line)
	    print_line(line);
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
