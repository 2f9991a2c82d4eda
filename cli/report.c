/*
 * report.c - postern report: what was counted is sent without waiting for the
 * day's end.
 */
#include "cli/cli.h"

#include <stdio.h>

enum {
	PATIENCE_S = 600, /* many domains, and DNS that doesn't answer */
};

static void
print_counts(const json_t *answer)
{
	json_int_t sent = json_integer_value(json_object_get(answer, "sent")),
		   kept = json_integer_value(json_object_get(answer, "kept"));
	printf("reports sent: %lld\n", (long long)sent);
	if (kept > 0)
		printf("kept, to be tried later: %lld\n", (long long)kept);
}

int
cli_report_send(struct cli *cli)
{
	if (!cli->at_once)
		return cli_say(
		    USAGE, "reports are sent once a day; --now sends them now");
	struct ask *a =
	    ask_start(cli, json_pack("{s:s}", "verb", "report-send"));
	if (!a)
		return UNREACHABLE;
	ask_patience(a, PATIENCE_S);
	json_t *answer = ask_line(a);
	ask_end(a);
	int code = ask_result(answer);
	if (code == DONE && cli->json) {
		json_object_del(answer, "ok");
		cli_print_json(answer);
		return code;
	}
	if (code == DONE)
		print_counts(answer);
	json_decref(answer);
	return code;
}
