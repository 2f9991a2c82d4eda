/*
 * users.c - config/users: a Dovecot passwd-file, one account per line.
 */
#include "smtpd/local/directory_private.h"
#include "smtpd/local/login_verifier.h"
#include "smtpd/local/maildir.h"

/* An account names a folder, and Dovecot looks it up as it is written. */
static const char *
check_name(struct reading *r, struct str name, struct address *address)
{
	const char *why;
	if (!address_parse(name, &r->scratch, address, &why))
		return why;
	if (!str_eq(name, arena_lower(&r->scratch, name)))
		return "accounts must be in lower case";
	if (*name.p == '"' || !maildir_safe_name(address->local))
		return "no quotes, slashes or leading dots in accounts";
	if (!directory_is_ours(r->directory, address->domain))
		return "its domain is not one of ours (postern domain add)";
	if (map_find(&r->directory->users, name))
		return "the account is there twice";
	return NULL;
}

static const char *
check_password(struct str password)
{
	static const struct str scheme = { "{SCRAM-SHA-256}", 15 };
	struct verifier v;
	if (!str_starts(password, scheme))
		return "the password must be a {SCRAM-SHA-256} verifier "
		       "(postern user passwd makes one)";
	if (!verifier_parse(str_from(password, scheme.n), ",,,", &v))
		return "the verifier is damaged or unfinished";
	if (v.iterations < ITERATIONS_MIN || v.iterations > ITERATIONS_MAX)
		return "the verifier needs 15000 to 10000000 iterations";
	return NULL;
}

static void
add_user(struct directory *d, const struct address *address, struct str name,
    struct str password)
{
	struct user *user = arena_alloc(&d->arena, sizeof *user);
	user->verifier = arena_str(
	    &d->arena, str_from(password, str_find(password, '}') + 1));
	map_add(&d->users, &user->node, arena_str(&d->arena, name));
	directory_add(d, address->local, address->domain)->user = user;
	if (!d->first)
		d->first = user;
}

static void
read_line(struct reading *r, struct str line)
{
	struct address address;
	struct str name = str_cut(&line, ':');
	struct str password = str_cut(&line, ':');
	const char *why = check_name(r, name, &address);
	if (!why)
		why = check_password(password);
	if (why)
		reading_complain(
		    r, r->line, "%.*s: %s", STR_ARG(str_sub(name, 0, 80)), why);
	else
		add_user(r->directory, &address, name, password);
}

void
users_read(struct reading *r, struct str text)
{
	r->file = "config/users";
	r->line = 0;
	while (text.n > 0) {
		struct str line = str_trim(str_cut(&text, '\n'));
		r->line++;
		if (!str_empty(line) && *line.p != '#')
			read_line(r, line);
	}
}
