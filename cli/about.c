/*
 * about.c - postern version, config and reload.
 */
#include "cli/cli.h"

#include "lib/base/version.h"

#include <stdio.h>

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

int
cli_config_explain(struct cli *cli)
{
	struct buf text = { 0 };
	const char *name = cli->count ? cli->operands[0] : NULL;
	bool found = settings_explain(name, &text);
	if (found && cli->json)
		cli_print_json(paragraphs(buf_str(&text)));
	else
		fwrite(buf_str(&text).p, 1, text.n, stdout);
	buf_free(&text);
	return found ? DONE : cli_say(MISSING, "no setting is called %s", name);
}

int
cli_reload(struct cli *cli)
{
	return ask_rescan(cli);
}
