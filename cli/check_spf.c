/*
 * check_spf.c - postern check spf: one identity, as smtpd would judge it.
 */
#include "cli/check.h"

#include "lib/trust/spf.h"

#include <stdio.h>

struct spf_asked {
	struct spf_check check;
	struct loop *loop;
};

static void
on_spf(struct spf_check *check)
{
	loop_stop(container_of(check, struct spf_asked, check)->loop);
}

/* The explanation is the last, because it may have spaces. */
static void
print(struct cli *cli, const struct spf_check *check)
{
	const char *result = spf_result_name(check->result);
	const char *mechanism = check_text(cli, check->mechanism);
	const char *explanation = check_text(cli, check->explanation);
	if (cli->json)
		cli_print_json(json_pack("{s:s, s:s, s:s, s:s}", "result",
		    result, "mechanism", mechanism, "explanation", explanation,
		    "reason", check->why ? check->why : ""));
	else
		printf("result=%s mechanism=%s explanation=%s\n", result,
		    mechanism, explanation);
}

static int
exit_code(enum spf_result result)
{
	if (result == SPF_TEMPERROR)
		return TEMPORARY;
	return result == SPF_FAIL || result == SPF_PERMERROR ? FAILED : DONE;
}

int
cli_check_spf(struct cli *cli)
{
	struct check_world world;
	int code = check_open(&world, cli);
	if (code)
		return code;
	struct budget budget = { BUDGET_MESSAGE }; /* nothing else asks */
	struct spf_question question = {
		.resolver = world.resolver,
		.budget = &budget,
		.ip = world.ip,
		.helo = world.helo,
		.mail_from = world.mail_from,
		.receiver = world.hostname,
	};
	struct spf_asked asked = { .loop = world.loop };
	spf_start(&asked.check, world.loop, &question, on_spf);
	loop_run(world.loop);
	print(cli, &asked.check);
	code = exit_code(asked.check.result);
	spf_cancel(&asked.check);
	check_close(&world);
	return code;
}
