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
	json_t *answer;
	int code = ask_slowly(cli, json_pack("{s:s}", "verb", "report-send"),
	    PATIENCE_S, &answer);
	if (code)
		return code;
	json_object_del(answer, "ok");
	if (cli->json)
		cli_print_json(json_incref(answer));
	else
		print_counts(answer);
	json_decref(answer);
	return DONE;
}
