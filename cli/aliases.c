/*
 * aliases.c - postern alias, and address resolve.
 */
#include "cli/cli.h"

#include "smtpd/local/directory.h"

#include <stdio.h>

/* The directory as it stands, or NULL after saying what is wrong with it. */
static struct directory *
read_directory(struct cli *cli)
{
	struct buf errors = { 0 };
	struct directory *d = directory_read(&cli->settings, &errors);
	if (!d)
		fputs(buf_cstr(&errors), stderr);
	buf_free(&errors);
	return d;
}

static bool
is_found(struct cli *cli, const struct directory *d, struct str text)
{
	struct address address;
	struct mailbox_list list;
	const char *why;
	return address_parse(text, &cli->arena, &address, &why) &&
	    directory_resolve(d, &address, &cli->arena, &list) ==
	    DIRECTORY_FOUND;
}

static int
check_targets(struct cli *cli, const struct directory *d)
{
	for (size_t i = 1; i < cli->count; i++)
		if (!is_found(cli, d, str_of(cli->operands[i])))
			return say(REFUSED,
			    "%s is no address of ours; forwarding to other "
			    "servers isn't available yet",
			    cli->operands[i]);
	return DONE;
}

/* "you@example.test", or "@example.test" for a catch-all. */
static int
check_alias(struct cli *cli)
{
	struct str name = str_of(cli->operands[0]);
	struct str whole = name.n && *name.p == '@' ?
	    arena_printf(&cli->arena, "x%.*s", STR_ARG(name)) :
	    name;
	struct address address;
	const char *why;
	if (!address_parse(whole, &cli->arena, &address, &why))
		return say(USAGE, "%s is no address: %s", name.p, why);
	if (!domains_has(&cli->domains, address.domain))
		return say(REFUSED, "%.*s is not one of our domains",
		    STR_ARG(address.domain));
	return DONE;
}

static int
append_alias(struct cli *cli)
{
	struct edit e;
	int code = edit_start(cli, &e, "config/aliases");
	if (code)
		return code;
	struct str name =
	    arena_lower(&cli->arena, str_of(cli->operands[0]));
	if (!str_empty(edit_find(&e, name))) {
		edit_end(cli, &e, false);
		return say(REFUSED, "the alias %s exists", name.p);
	}
	struct buf line = buf_of(name);
	for (size_t i = 1; i < cli->count; i++)
		buf_addf(&line, "%s%s", i == 1 ? ": " : ", ",
		    cli->operands[i]);
	edit_append(&e, buf_str(&line));
	buf_free(&line);
	return edit_end(cli, &e, true);
}

int
alias_add(struct cli *cli)
{
	struct directory *d = read_directory(cli);
	if (!d)
		return FAILED;
	int code = check_alias(cli);
	if (!code)
		code = check_targets(cli, d);
	directory_free(d);
	return code ? code : append_alias(cli);
}

int
alias_list(struct cli *cli)
{
	struct edit e;
	int code = edit_start(cli, &e, "config/aliases");
	if (code)
		return code;
	json_t *all = json_object();
	for (struct str rest = buf_str(&e.text); rest.n;) {
		struct str line = str_cut(&rest, '\n');
		if (str_empty(str_trim(line)) || *line.p == '#')
			continue;
		if (!cli->json)
			printf("%.*s\n", STR_ARG(line));
		struct str targets = line;
		struct str name = str_trim(str_cut(&targets, ':'));
		json_object_setn_new_nocheck(all, name.p, name.n,
		    json_stringn(str_trim(targets).p, str_trim(targets).n));
	}
	edit_end(cli, &e, false);
	if (cli->json)
		print_json(all);
	else
		json_decref(all);
	return DONE;
}

int
alias_delete(struct cli *cli)
{
	struct edit e;
	int code = edit_start(cli, &e, "config/aliases");
	if (code)
		return code;
	struct str line = edit_find(&e, str_of(cli->operands[0]));
	if (str_empty(line)) {
		edit_end(cli, &e, false);
		return say(MISSING, "there is no alias %s", cli->operands[0]);
	}
	edit_remove(&e, line);
	return edit_end(cli, &e, true);
}

static int
tell_mailboxes(struct cli *cli, const struct mailbox_list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->count; i++) {
		const struct mailbox *m = &list->mailboxes[i];
		if (!cli->json)
			printf("%.*s%s%.*s\n", STR_ARG(m->account),
			    m->folder.n ? " folder " : "",
			    STR_ARG(m->folder));
		json_array_append_new(all,
		    json_pack("{s:s%, s:s%}", "account", m->account.p,
			m->account.n, "folder", m->folder.n ? m->folder.p : "",
			m->folder.n));
	}
	if (cli->json)
		print_json(all);
	else
		json_decref(all);
	return DONE;
}

static const char *const resolve_texts[] = {
	[DIRECTORY_NOT_OURS] = "not one of our domains",
	[DIRECTORY_UNKNOWN] = "no account, alias or catch-all takes it",
	[DIRECTORY_UNAVAILABLE] = "there is no account yet",
};

int
address_resolve(struct cli *cli)
{
	struct address address;
	struct mailbox_list list;
	const char *why;
	struct str text = str_of(cli->operands[0]);
	if (!address_parse(text, &cli->arena, &address, &why))
		return say(USAGE, "%s is no address: %s", text.p, why);
	struct directory *d = read_directory(cli);
	if (!d)
		return FAILED;
	enum directory_result result =
	    directory_resolve(d, &address, &cli->arena, &list);
	int code = result == DIRECTORY_FOUND ?
	    tell_mailboxes(cli, &list) :
	    say(MISSING, "%s: %s", text.p, resolve_texts[result]);
	directory_free(d);
	return code;
}
