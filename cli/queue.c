/*
 * queue.c - postern queue: what waits, and what a person can do about it.
 */
#include "cli/cli.h"

#include "lib/mail/advice.h"
#include "lib/mail/date.h"

#include <stdio.h>

static void
print_time(const char *label, const json_t *item, const char *key)
{
	struct buf text = { 0 };
	date_rfc3339(&text, json_integer_value(json_object_get(item, key)));
	printf("%s%s", label, buf_cstr(&text));
	buf_free(&text);
}

static void
print_advice(const json_t *recipient)
{
	bool received = !json_object_get(recipient, "by");
	const char *advice =
	    advice_for_text(str_of(cli_text_at(recipient, "reply")), received);
	if (advice)
		printf("      %s\n", advice);
}

static void
print_item(const json_t *item)
{
	size_t i;
	json_t *r;
	printf("%s  from <", cli_text_at(item, "id"));
	cli_print_text(cli_text_at(item, "sender"));
	printf(">  tries %lld",
	    (long long)json_integer_value(json_object_get(item, "attempts")));
	print_time("  received ", item, "received_ms");
	if (json_is_true(json_object_get(item, "busy")))
		printf("  being delivered now");
	else if (json_is_true(json_object_get(item, "held")))
		printf("  held");
	else
		print_time("  next try ", item, "next_ms");
	putchar('\n');
	json_array_foreach(json_object_get(item, "recipients"), i, r)
	{
		printf("    <");
		cli_print_text(cli_text_at(r, "address"));
		printf(">  %s  ", cli_text_at(r, "state"));
		cli_print_text(cli_text_at(r, "reply"));
		putchar('\n');
		if (!json_is_true(json_object_get(item, "held")))
			print_advice(r);
	}
}

/* What an answer says: items line by line, then how many. */
struct answer {
	json_t *items; /* kept for --json; NULL: printed as they come */
	json_int_t count;
};

static int
read_answer(struct ask *a, struct answer *answer)
{
	json_t *line, *item;
	while ((line = ask_line(a)) && (item = json_object_get(line, "item"))) {
		if (answer->items)
			json_array_append(answer->items, item);
		else
			print_item(item);
		json_decref(line);
	}
	int code = ask_result(line);
	answer->count = json_integer_value(json_object_get(line, "count"));
	json_decref(line);
	return code;
}

static int
ask_queue(struct cli *cli, const char *verb, struct answer *answer)
{
	json_t *request = json_pack("{s:s}", "verb", verb);
	struct str domain;
	int code = cli->to ? cli_read_domain(cli, cli->to, &domain) : DONE;
	if (code) {
		json_decref(request);
		return code;
	}
	if (cli->to)
		json_object_set_new(
		    request, "to", json_stringn(domain.p, domain.n));
	if (cli->all)
		json_object_set_new(request, "all", json_true());
	if (cli->count)
		json_object_set_new(
		    request, "id", json_string(cli->operands[0]));
	struct ask *a = ask_start(cli, request);
	if (!a)
		return UNREACHABLE;
	code = read_answer(a, answer);
	ask_end(a);
	return code;
}

int
cli_queue_list(struct cli *cli)
{
	struct answer answer = { .items = cli->json ? json_array() : NULL };
	int code = ask_queue(cli, "queue-list", &answer);
	if (!code && cli->json)
		cli_print_json(json_incref(answer.items));
	else if (!code && answer.count == 0)
		puts("the queue is empty");
	json_decref(answer.items);
	return code;
}

int
cli_queue_show(struct cli *cli)
{
	struct answer answer = { .items = cli->json ? json_array() : NULL };
	int code = ask_queue(cli, "queue-show", &answer);
	if (!code && cli->json)
		cli_print_json(json_incref(json_array_get(answer.items, 0)));
	json_decref(answer.items);
	return code;
}

static int
change(struct cli *cli, const char *verb)
{
	struct answer answer = { 0 };
	if ((cli->count > 0) + (cli->to != NULL) + cli->all != 1)
		return cli_say(USAGE, "say which: ID, --to DOMAIN or --all");
	int code = ask_queue(cli, verb, &answer);
	if (!code && answer.count == 0 && !cli->all)
		code = cli_say(MISSING, "nothing waits for %s", cli->to);
	if (!code && cli->json)
		cli_print_json(json_pack("{s:I}", "count", answer.count));
	return code;
}

int
cli_queue_retry(struct cli *cli)
{
	return change(cli, "queue-retry");
}

int
cli_queue_hold(struct cli *cli)
{
	return change(cli, "queue-hold");
}

int
cli_queue_release(struct cli *cli)
{
	return change(cli, "queue-release");
}

int
cli_queue_drop(struct cli *cli)
{
	return change(cli, "queue-drop");
}
