/*
 * users.c - postern user: accounts and their passwords.
 */
#include "cli/cli.h"

#include "lib/mail/path.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PASSWORD_MIN = 8, PASSWORD_MAX = 256 };

/* The account's address in its canonical form, or "" after saying why. */
static struct str
account_name(struct cli *cli)
{
	struct address address;
	const char *why;
	struct str text = str_of(cli->operands[0]);
	if (!address_parse(text, &cli->arena, &address, &why)) {
		say(USAGE, "%s is no address: %s", cli->operands[0], why);
		return STR("");
	}
	if (!domains_has(&cli->domains, address.domain)) {
		say(REFUSED, "%.*s is not one of our domains; postern domain "
			     "add makes it one",
		    STR_ARG(address.domain));
		return STR("");
	}
	if (address.local.n && strpbrk(cli->operands[0], ":/\"\\ \t")) {
		say(REFUSED, "an account's name has no quotes, blanks, "
			     "colons or slashes");
		return STR("");
	}
	return arena_lower(&cli->arena, address_text(address, &cli->arena));
}

static bool
read_password(struct buf *password)
{
	char line[PASSWORD_MAX + 2];
	if (!fgets(line, sizeof line, stdin))
		return false;
	struct str text = str_of(line);
	text.n = str_find(text, '\n');
	buf_add(password, text);
	return text.n >= PASSWORD_MIN && text.n <= PASSWORD_MAX;
}

/* The line of config/users, and the password to print or "". */
static int
make_line(struct cli *cli, struct str account, struct buf *line,
    struct buf *password)
{
	if (cli->password_stdin && !read_password(password))
		return say(USAGE, "the password on standard input must have %d "
				  "to %d characters",
		    PASSWORD_MIN, PASSWORD_MAX);
	if (!cli->password_stdin)
		password_invent(password);
	buf_add(line, account);
	buf_addc(line, ':');
	password_verifier(buf_str(password), line);
	buf_adds(line, "::::::");
	return DONE;
}

static void
tell_password(struct cli *cli, struct str account, struct buf *password)
{
	if (cli->json)
		print_json(json_pack("{s:s%, s:s}", "account", account.p,
		    account.n, "password",
		    cli->password_stdin ? "" : buf_cstr(password)));
	else if (cli->password_stdin)
		printf("%.*s\n", STR_ARG(account));
	else
		printf("%.*s\npassword: %s\n", STR_ARG(account),
		    buf_cstr(password));
}

/* Puts the account's line in place of the old one, which must be there
   exactly when replace is true. */
static int
put_account(struct cli *cli, bool replace)
{
	struct edit e;
	struct buf line = { 0 }, password = { 0 };
	struct str account = account_name(cli);
	if (str_empty(account))
		return REFUSED;
	int code = make_line(cli, account, &line, &password);
	if (!code)
		code = edit_start(cli, &e, "config/users");
	if (code)
		return code;
	struct str old = edit_find(&e, account);
	if (str_empty(old) == replace) {
		edit_end(cli, &e, false);
		return replace ?
		    say(MISSING, "there is no account %s", account.p) :
		    say(REFUSED, "the account %s exists", account.p);
	}
	if (replace)
		edit_remove(&e, old);
	edit_append(&e, buf_str(&line));
	code = edit_end(cli, &e, true);
	if (!code)
		tell_password(cli, account, &password);
	buf_free(&line);
	buf_free(&password);
	return code;
}

int
user_add(struct cli *cli)
{
	return put_account(cli, false);
}

int
user_passwd(struct cli *cli)
{
	return put_account(cli, true);
}

int
user_list(struct cli *cli)
{
	struct edit e;
	int code = edit_start(cli, &e, "config/users");
	if (code)
		return code;
	json_t *all = json_array();
	for (struct str rest = buf_str(&e.text); rest.n;) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		struct str name = str_cut(&line, ':');
		if (str_empty(name) || *name.p == '#')
			continue;
		if (!cli->json)
			printf("%.*s\n", STR_ARG(name));
		json_array_append_new(all, json_stringn(name.p, name.n));
	}
	edit_end(cli, &e, false);
	if (cli->json)
		print_json(all);
	else
		json_decref(all);
	return DONE;
}

/* Does an alias lead to the account?  It would lead nowhere without it. */
static bool
is_alias_target(struct cli *cli, struct str account)
{
	struct edit e;
	bool found = false;
	if (edit_start(cli, &e, "config/aliases"))
		return true;
	for (struct str rest = buf_str(&e.text); rest.n && !found;) {
		struct str line = str_cut(&rest, '\n');
		struct str targets = str_from(line, str_find(line, ':') + 1);
		if (line.n && (*line.p == ' ' || *line.p == '\t'))
			targets = line;
		while (targets.n && !found)
			found = str_eq_nocase(
			    str_trim(str_cut(&targets, ',')), account);
	}
	edit_end(cli, &e, false);
	return found;
}

int
user_delete(struct cli *cli)
{
	struct edit e;
	struct str account = account_name(cli);
	if (str_empty(account))
		return REFUSED;
	if (is_alias_target(cli, account))
		return say(REFUSED, "an alias leads to %s; change config/"
				    "aliases first",
		    account.p);
	int code = edit_start(cli, &e, "config/users");
	if (code)
		return code;
	struct str line = edit_find(&e, account);
	if (str_empty(line)) {
		edit_end(cli, &e, false);
		return say(MISSING, "there is no account %s", account.p);
	}
	edit_remove(&e, line);
	code = edit_end(cli, &e, true);
	if (!code)
		say(DONE, "removed %s; its mail stays in mail/", account.p);
	return code;
}
