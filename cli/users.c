/*
 * users.c - postern user: accounts and their passwords.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum {
	PASSWORD_MIN = 8,
	PASSWORD_MAX = 256
};

/* RFC 5802 2.2: other characters would have to be normalised before they are
   hashed, and not every mail program does that */
static bool
is_printable(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] >= 0x7f)
			return false;
	return true;
}

static int
read_password(struct buf *password)
{
	char line[PASSWORD_MAX + 3]; /* CR LF or LF, and NUL */
	if (!fgets(line, sizeof line, stdin))
		return cli_say(USAGE, "no password on standard input");
	struct str text = str_of(line);
	text = str_sub(text, 0, str_find(text, '\n'));
	if (str_ends(text, STR("\r")))
		text.n--;
	if (text.n < PASSWORD_MIN || text.n > PASSWORD_MAX)
		return cli_say(USAGE,
		    "the password on standard input must have %d to %d "
		    "characters",
		    PASSWORD_MIN, PASSWORD_MAX);
	if (!is_printable(text))
		return cli_say(USAGE,
		    "the password on standard input must be printable ASCII");
	buf_add(password, text);
	return DONE;
}

static void
tell_password(struct cli *cli, struct str account, struct buf *password)
{
	const char *invented = cli->password_stdin ? NULL : buf_cstr(password);
	if (cli->json)
		cli_print_json(json_pack("{s:s%, s:s*}", "account", account.p,
		    account.n, "password", invented));
	else if (invented)
		printf("%.*s\npassword: %s\n", STR_ARG(account), invented);
	else
		printf("%.*s\n", STR_ARG(account));
}

/* Puts the line in place of the account's old one, which must be there exactly
   when replace is true. */
static int
put_line(struct cli *cli, struct str account, struct str line, bool replace)
{
	struct edit e;
	int code = edit_start(cli, &e, "config/users");
	if (code)
		return code;
	struct str old = edit_find(&e, account);
	if (str_empty(old) == replace) {
		edit_cancel(&e);
		return replace ? cli_say(MISSING, "there is no account %.*s",
				     STR_ARG(account))
			       : cli_say(REFUSED, "the account %.*s exists",
				     STR_ARG(account));
	}
	edit_put(&e, old, line); /* the first one is the postmaster */
	return edit_save(cli, &e);
}

static int
put_account(struct cli *cli, bool replace)
{
	struct buf line = { 0 }, password = { 0 };
	struct str account;
	int code = cli_read_address(cli, cli->operands[0], &account);
	if (!cli->password_stdin)
		password_invent(&password);
	else if (!code)
		code = read_password(&password);
	if (!code) {
		buf_addf(&line, "%.*s:", STR_ARG(account));
		password_verifier(buf_str(&password), &line);
		buf_adds(&line, "::::::");
		code = put_line(cli, account, buf_str(&line), replace);
	}
	if (!code)
		tell_password(cli, account, &password);
	buf_free(&line);
	buf_free(&password);
	return code;
}

int
cli_user_add(struct cli *cli)
{
	return put_account(cli, false);
}

int
cli_user_passwd(struct cli *cli)
{
	return put_account(cli, true);
}

int
cli_user_list(struct cli *cli)
{
	struct buf text = { 0 };
	int code = config_read(cli, "config/users", &text);
	if (code)
		return code;
	json_t *all = json_array();
	for (struct str rest = buf_str(&text); rest.n;) {
		struct str line = str_cut(&rest, '\n');
		struct str name = config_key(line);
		if (config_is_comment(line))
			continue;
		if (!cli->json)
			printf("%.*s\n", STR_ARG(name));
		json_array_append_new(all, json_stringn(name.p, name.n));
	}
	buf_free(&text);
	if (cli->json)
		cli_print_json(all);
	else
		json_decref(all);
	return DONE;
}

int
cli_user_delete(struct cli *cli)
{
	struct str account;
	int code = cli_read_address(cli, cli->operands[0], &account);
	if (!code)
		code = edit_remove(cli, "config/users", account, "account");
	return code ? code
		    : cli_say(DONE, "removed %.*s; its mail stays in mail/",
			  STR_ARG(account));
}
