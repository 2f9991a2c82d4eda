/*
 * queue.c - postern queue: what waits, and what a person can do about it.
 */
#include "cli/cli.h"

#include "lib/base/clock.h"
#include "lib/mail/date.h"

#include <stdio.h>

static const char *
text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static void
print_time(const char *label, const json_t *item, const char *key)
{
	struct buf text = { 0 };
	date_rfc3339(
	    &text, json_integer_value(json_object_get(item, key)));
	printf("%s%s", label, buf_cstr(&text));
	buf_free(&text);
}

static void
print_item(const json_t *item)
{
	size_t i;
	json_t *r;
	printf("%s  from <%s>  tries %lld", text_at(item, "id"),
	    text_at(item, "sender"),
	    (long long)json_integer_value(json_object_get(item, "attempts")));
	print_time("  received ", item, "received_ms");
	if (json_is_true(json_object_get(item, "busy")))
		printf("  being delivered now");
	else
		print_time("  next try ", item, "next_ms");
	putchar('\n');
	json_array_foreach(json_object_get(item, "recipients"), i, r)
	{
		printf("    <%s>  %s", text_at(r, "address"),
		    text_at(r, "state"));
		if (*text_at(r, "reply"))
			printf("  %s", text_at(r, "reply"));
		putchar('\n');
	}
}

/* Prints each item as it comes, or collects them; then the last line. */
static int
read_answer(struct cli *cli, struct ask *a, bool *any)
{
	json_t *line, *item;
	json_t *all = cli->json ? json_array() : NULL;
	while ((line = ask_line(a)) &&
	    (item = json_object_get(line, "item"))) {
		*any = true;
		if (all)
			json_array_append(all, item);
		else
			print_item(item);
		json_decref(line);
	}
	int code = ask_result(line);
	if (!code && !*any)
		*any = json_integer_value(json_object_get(line, "count")) > 0;
	json_decref(line);
	if (all && !code)
		print_json(all);
	else
		json_decref(all);
	return code;
}

static int
ask_queue(struct cli *cli, const char *verb, bool *any)
{
	json_t *request = json_pack("{s:s}", "verb", verb);
	if (cli->count)
		json_object_set_new(
		    request, "id", json_string(cli->operands[0]));
	if (cli->to)
		json_object_set_new(request, "to", json_string(cli->to));
	struct ask *a = ask_start(cli, request);
	if (!a)
		return UNREACHABLE;
	int code = read_answer(cli, a, any);
	ask_end(a);
	return code;
}

int
queue_list(struct cli *cli)
{
	bool any = false;
	int code = ask_queue(cli, "queue-list", &any);
	if (!code && !any && !cli->json)
		puts("the queue is empty");
	return code;
}

int
queue_show(struct cli *cli)
{
	bool any = false;
	return ask_queue(cli, "queue-show", &any);
}

static int
change(struct cli *cli, const char *verb)
{
	bool any = false;
	bool json = cli->json;
	cli->json = false; /* the answer has no items */
	int code = ask_queue(cli, verb, &any);
	if (!code && !any)
		code = say(MISSING, "nothing waits for that domain");
	if (json)
		print_json(json_pack("{s:b}", "done", code == DONE));
	return code;
}

int
queue_retry(struct cli *cli)
{
	return change(cli, "queue-retry");
}

int
queue_drop(struct cli *cli)
{
	return change(cli, "queue-drop");
}
