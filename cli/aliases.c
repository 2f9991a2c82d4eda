/*
 * aliases.c - postern alias, and address resolve.
 */
#include "cli/cli.h"

#include "smtpd/local/directory.h"

#include <stdio.h>
#include <string.h>

/* "you@example.test", or "@example.test" for a catch-all. */
static int
read_name(struct cli *cli, struct str *name)
{
	const char *text = cli->operands[0];
	if (*text != '@')
		return cli_read_address(cli, text, name);
	int code = cli_read_domain(cli, text + 1, name);
	if (!code)
		*name = arena_printf(&cli->arena, "@%.*s", STR_ARG(*name));
	return code;
}

/* One elsewhere is kept as it was written: RFC 5321 2.4, local parts. */
static int
read_target(struct cli *cli, const char *text, struct str *target)
{
	int code = cli_read_address(cli, text, target);
	if (!code)
		*target = cli_address_text(cli, text);
	return code;
}

/* "name: target, target" */
static int
make_line(struct cli *cli, struct str name, struct buf *line)
{
	buf_add(line, name);
	for (size_t i = 1; i < cli->count; i++) {
		struct str target;
		int code = read_target(cli, cli->operands[i], &target);
		if (code)
			return code;
		buf_addf(line, "%s%.*s", i == 1 ? ": " : ", ", STR_ARG(target));
	}
	return DONE;
}

static int
append_line(struct cli *cli, struct str name, struct str line)
{
	struct edit e;
	int code = edit_start(cli, &e, "config/aliases");
	if (code)
		return code;
	if (!str_empty(edit_find(&e, name))) {
		edit_cancel(&e);
		return cli_say(REFUSED, "the alias %.*s exists", STR_ARG(name));
	}
	edit_put(&e, STR(""), line);
	return edit_save(cli, &e);
}

int
cli_alias_add(struct cli *cli)
{
	struct str name;
	struct buf line = { 0 };
	int code = read_name(cli, &name);
	if (!code)
		code = make_line(cli, name, &line);
	if (!code)
		code = append_line(cli, name, buf_str(&line));
	buf_free(&line);
	return code;
}

/* Behind the name, and on the lines that continue it. */
static json_t *
targets_of(struct str record)
{
	json_t *all = json_array();
	struct str lines = str_from(record, str_find(record, ':') + 1);
	while (lines.n) {
		struct str line = str_trim(str_cut(&lines, '\n'));
		while (line.n && *line.p != '#') {
			struct str target = str_trim(str_cut(&line, ','));
			if (!str_empty(target))
				json_array_append_new(
				    all, json_stringn(target.p, target.n));
		}
	}
	return all;
}

static void
print_alias(struct str name, const json_t *targets)
{
	size_t i;
	json_t *target;
	printf("%.*s:", STR_ARG(name));
	json_array_foreach(targets, i, target)
	{
		printf(i ? ", %s" : " %s", json_string_value(target));
	}
	putchar('\n');
}

int
cli_alias_list(struct cli *cli)
{
	struct buf text = { 0 };
	int code = config_read(cli, "config/aliases", &text);
	if (code)
		return code;
	json_t *all = json_object();
	for (struct str rest = buf_str(&text); rest.n;) {
		struct str record = config_record(&rest);
		struct str name = config_key(record);
		if (config_is_comment(record))
			continue;
		json_t *targets = targets_of(record);
		if (!cli->json)
			print_alias(name, targets);
		json_object_setn_new(all, name.p, name.n, targets);
	}
	buf_free(&text);
	if (cli->json)
		cli_print_json(all);
	else
		json_decref(all);
	return DONE;
}

int
cli_alias_delete(struct cli *cli)
{
	struct str name;
	int code = read_name(cli, &name);
	return code ? code : edit_remove(cli, "config/aliases", name, "alias");
}

/* ---- address resolve ---- */

static void
tell_forwards(struct cli *cli, const struct mailbox_list *list, json_t *all)
{
	for (size_t i = 0; i < list->forward_count; i++) {
		struct str to = list->forwards[i];
		if (!cli->json)
			printf("forward to %.*s\n", STR_ARG(to));
		json_array_append_new(
		    all, json_pack("{s:s%}", "forward", to.p, to.n));
	}
}

static int
tell_mailboxes(struct cli *cli, const struct mailbox_list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->count; i++) {
		const struct mailbox *m = &list->mailboxes[i];
		if (!cli->json)
			printf("%.*s%s%.*s\n", STR_ARG(m->account),
			    m->folder.n ? " folder " : "", STR_ARG(m->folder));
		json_array_append_new(all,
		    json_pack("{s:s%, s:s%}", "account", m->account.p,
			m->account.n, "folder", m->folder.n ? m->folder.p : "",
			m->folder.n));
	}
	tell_forwards(cli, list, all);
	if (cli->json)
		cli_print_json(all);
	else
		json_decref(all);
	return DONE;
}

static const char *const resolve_texts[] = {
	[DIRECTORY_NOT_OURS] = "not one of our domains",
	[DIRECTORY_UNKNOWN] = "no account, alias or catch-all takes it",
	[DIRECTORY_UNAVAILABLE] = "there is no account yet",
};

static int
resolve(struct cli *cli, const struct directory *d)
{
	struct address address;
	struct mailbox_list list;
	const char *why, *text = cli->operands[0];
	if (!address_parse(
		cli_address_text(cli, text), &cli->arena, &address, &why))
		return cli_say(USAGE, "%s is no address: %s", text, why);
	enum directory_result result =
	    directory_resolve(d, &address, &cli->arena, &list);
	return result == DIRECTORY_FOUND
	    ? tell_mailboxes(cli, &list)
	    : cli_say(MISSING, "%s: %s", text, resolve_texts[result]);
}

int
cli_address_resolve(struct cli *cli)
{
	struct buf errors = { 0 };
	int code = config_need_domains(cli);
	if (code)
		return code;
	struct directory *d = directory_read(&cli->settings, &errors);
	if (d) {
		code = resolve(cli, d);
	} else {
		fputs(buf_cstr(&errors), stderr);
		code = cli_say(FAILED, "config/ is not usable");
	}
	directory_free(d);
	buf_free(&errors);
	return code;
}
