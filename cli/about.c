/*
 * about.c - postern version, config and reload.
 */
#include "cli/cli.h"

#include "lib/base/ascii.h"
#include "lib/base/version.h"

#include <stdio.h>
#include <string.h>

int
cli_version(struct cli *cli)
{
	if (cli->json)
		cli_print_json(json_pack("{s:s}", "version", POSTERN_VERSION));
	else
		puts("postern " POSTERN_VERSION);
	return DONE;
}

/* Names stand at the left, what is said about them is indented. */
static json_t *
paragraphs(struct str text)
{
	json_t *all = json_object();
	struct buf said = { 0 };
	while (text.n) {
		struct str name = str_cut(&text, '\n');
		while (text.n && (*text.p == ' ' || *text.p == '\n')) {
			buf_add(&said, str_trim(str_cut(&text, '\n')));
			buf_addc(&said, '\n');
		}
		struct str lines = str_trim(buf_str(&said));
		json_object_setn_new(
		    all, name.p, name.n, json_stringn(lines.p, lines.n));
		buf_clear(&said);
	}
	buf_free(&said);
	return all;
}

/* In capitals, as all are; NULL when none was given. */
static const char *
setting_name(struct cli *cli)
{
	if (!cli->count)
		return NULL;
	const char *given = cli->operands[0];
	char *name = arena_alloc(&cli->arena, strlen(given) + 1);
	for (size_t i = 0; given[i]; i++)
		name[i] = ascii_upper(given[i]);
	return name;
}

static int
no_setting(const char *name)
{
	const char *nearest = settings_nearest(name);
	return nearest
	    ? cli_say(MISSING, "no setting is called %s; did you mean %s?",
		  name, nearest)
	    : cli_say(MISSING, "no setting is called %s", name);
}

int
cli_config_explain(struct cli *cli)
{
	struct buf text = { 0 };
	const char *name = setting_name(cli);
	bool found = settings_explain(name, &text);
	if (found && cli->json)
		cli_print_json(paragraphs(buf_str(&text)));
	else
		fwrite(buf_str(&text).p, 1, text.n, stdout);
	buf_free(&text);
	return found ? DONE : no_setting(name);
}

int
cli_reload(struct cli *cli)
{
	json_t *answer;
	int code = ask_rescan(cli);
	if (!code)
		code = ask_once(cli, "reload", &answer);
	if (code)
		return code;
	const char *trouble = cli_text_at(answer, "config_trouble");
	if (*trouble)
		code = cli_say(
		    FAILED, "%s; what was there before stays in use", trouble);
	json_decref(answer);
	return code;
}
