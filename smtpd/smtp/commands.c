#include "smtpd/smtp/server_private.h"

#include <inttypes.h>

static const struct reply unknown = REPLY_IS(500, "5.5.2", "No such command");
static const struct reply bad_argument =
    REPLY_IS(501, "5.5.4", "Bad syntax or argument");

/* ---- EHLO and HELO ---- */

/* RFC 5321 4.1.1.1: a domain or an address literal.  Hosts say much else; what
   could break out of a trace field is refused. */
static bool
is_helo(struct str name)
{
	if (name.n > PATH_MAX_DOMAIN)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' ||
		    str_has(STR("()<>@,;\\\""), name.p[i]))
			return false;
	return true;
}

/* The transaction ends, what was proved about the peer stays. */
static bool
greet(struct smtp_server *server, struct str name, unsigned state)
{
	if (!is_helo(name)) {
		server_say(server, bad_argument);
		return false;
	}
	server_forget(server);
	buf_clear(&server->helo);
	buf_add(&server->helo, name);
	server->state &= SMTP_SECURE | SMTP_KNOWN | SMTP_SUBMISSION;
	server->state |= state;
	return true;
}

static void
cmd_helo(struct smtp_server *server, struct str name)
{
	if (greet(server, name, SMTP_GREETED))
		server_say(server, REPLY(250, NULL, server->options->hostname));
}

static void
offer_auth(const char *const *mechanisms, struct buf *out)
{
	buf_adds(out, "250-AUTH");
	for (; *mechanisms; mechanisms++)
		buf_addf(out, " %s", *mechanisms);
	buf_adds(out, "\r\n");
}

static void
cmd_ehlo(struct smtp_server *server, struct str name)
{
	const struct smtp_options *options = server->options;
	struct buf *out = &server->private->out;
	bool secure = server->state & SMTP_SECURE;
	unsigned starttls = !secure && *options->tls ? SMTP_STARTTLS : 0;
	if (!greet(server, name, SMTP_GREETED | SMTP_EXTENDED | starttls))
		return;
	buf_addf(out, "250-%s\r\n250-PIPELINING\r\n250-SIZE %" PRIu64 "\r\n",
	    options->hostname, options->max_size);
	if (starttls)
		buf_adds(out, "250-STARTTLS\r\n");
	if (secure && options->submission)
		offer_auth(options->mechanisms, out);
	if (secure) /* RFC 8689 2 */
		buf_adds(out, "250-REQUIRETLS\r\n");
	buf_adds(out, "250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n");
	server_write(server);
}

/* ---- STARTTLS and the small ones ---- */

static void
cmd_starttls(struct smtp_server *server, struct str argument)
{
	(void)argument;
	if (stream_input(server->stream).n > 0) {
		server_end(server,
		    REPLY(554, "5.5.0", "You talked before TLS was up"));
		return;
	}
	if (!*server->options->tls) {
		server_say(
		    server, REPLY(454, "4.7.0", "TLS is not possible now"));
		return;
	}
	server_forget(server);
	server_say(server, REPLY(220, "2.0.0", "Go ahead"));
	server_handshake(server);
}

static void
cmd_rset(struct smtp_server *server, struct str argument)
{
	(void)argument;
	server_forget(server);
	server_say(server, REPLY(250, "2.0.0", "OK"));
}

static void
cmd_noop(struct smtp_server *server, struct str argument)
{
	(void)argument;
	server_say(server, REPLY(250, "2.0.0", "OK"));
}

/* RFC 5321 7.3: who lives here is told to nobody */
static void
cmd_vrfy(struct smtp_server *server, struct str argument)
{
	(void)argument;
	server_say(
	    server, REPLY(252, "2.1.5", "Send mail and see, or ask a person"));
}

static void
cmd_help(struct smtp_server *server, struct str argument)
{
	(void)argument;
	server_say(server, REPLY(214, "2.0.0", "See RFC 5321"));
}

static void
cmd_quit(struct smtp_server *server, struct str argument)
{
	(void)argument;
	server_end(server, REPLY(221, "2.0.0", "Bye"));
}

static void
cmd_elsewhere(struct smtp_server *server, struct str argument)
{
	(void)argument;
	server_say(server, REPLY(502, "5.5.1", "Command not offered"));
}

/* ---- the table ---- */

enum argument {
	NONE,
	FREE,
	NEEDED
};

static const struct command {
	const char *verb;
	void (*run)(struct smtp_server *, struct str argument);
	enum argument argument;
	unsigned needs, forbids; /* bits of the state */
	unsigned submission; /* what it needs there besides */
} commands[] = {
	{ "MAIL", server_mail, NEEDED, SMTP_GREETED, SMTP_MAIL,
	    SMTP_SECURE | SMTP_KNOWN },
	{ "RCPT", server_rcpt, NEEDED, SMTP_MAIL, 0, 0 },
	{ "DATA", server_data, NONE, SMTP_MAIL | SMTP_RCPT, 0, 0 },
	{ "RSET", cmd_rset, NONE, 0, 0, 0 },
	{ "QUIT", cmd_quit, NONE, 0, 0, 0 },
	{ "EHLO", cmd_ehlo, NEEDED, 0, 0, 0 },
	{ "HELO", cmd_helo, NEEDED, 0, 0, 0 },
	{ "STARTTLS", cmd_starttls, NONE, SMTP_EXTENDED | SMTP_STARTTLS,
	    SMTP_MAIL, 0 },
	{ "AUTH", server_auth, NEEDED,
	    SMTP_SUBMISSION | SMTP_EXTENDED | SMTP_SECURE,
	    SMTP_KNOWN | SMTP_MAIL, 0 },
	{ "NOOP", cmd_noop, FREE, 0, 0, 0 },
	{ "VRFY", cmd_vrfy, NEEDED, 0, 0, 0 },
	{ "HELP", cmd_help, FREE, 0, 0, 0 },
	{ "EXPN", cmd_elsewhere, FREE, 0, 0, 0 },
	{ "BDAT", cmd_elsewhere, FREE, 0, 0, 0 },
	{ "ETRN", cmd_elsewhere, FREE, 0, 0, 0 },
};

static const struct obstacle {
	unsigned bit;
	struct reply reply;
} missing[] = { /* the first that fits is said */
	{ SMTP_SUBMISSION, REPLY_IS(502, "5.5.1", "Command not offered") },
	{ SMTP_GREETED, REPLY_IS(503, "5.5.1", "Say EHLO or HELO first") },
	{ SMTP_EXTENDED, REPLY_IS(503, "5.5.1", "Say EHLO first") },
	{ SMTP_STARTTLS, REPLY_IS(502, "5.5.1", "TLS is on, or isn't offered") },
	{ SMTP_SECURE, REPLY_IS(530, "5.7.0", "Say STARTTLS first") },
	{ SMTP_KNOWN, REPLY_IS(530, "5.7.0", "Authentication required") },
	{ SMTP_MAIL, REPLY_IS(503, "5.5.1", "Say MAIL first") },
	{ SMTP_RCPT, REPLY_IS(503, "5.5.1", "No valid recipient yet") },
	{ 0 },
}, forbidden[] = {
	{ SMTP_KNOWN, REPLY_IS(503, "5.5.1", "You are known already") },
	{ SMTP_MAIL, REPLY_IS(503, "5.5.1", "A transaction has begun") },
	{ 0 },
};

static const struct reply *
find_obstacle(const struct obstacle *all, unsigned bits)
{
	while (all->bit && !(all->bit & bits))
		all++;
	return all->bit ? &all->reply : NULL;
}

/* NULL, or why the command may not run now. */
static const struct reply *
refusal(const struct smtp_server *server, const struct command *command,
    struct str argument)
{
	unsigned needs = command->needs;
	if (server->options->submission)
		needs |= command->submission;
	const struct reply *why =
	    find_obstacle(missing, needs & ~server->state);
	if (!why)
		why =
		    find_obstacle(forbidden, command->forbids & server->state);
	if (why)
		return why;
	bool fits = command->argument == FREE ||
	    (argument.n > 0) == (command->argument == NEEDED);
	return fits ? NULL : &bad_argument;
}

static const struct command *
find(struct str verb)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (str_eq_nocase(verb, str_of(commands[i].verb)))
			return &commands[i];
	return NULL;
}

void
server_command(struct smtp_server *server, struct str line)
{
	struct str argument = line;
	struct str verb = str_cut(&argument, ' ');
	const struct command *command = find(verb);
	argument = str_trim(argument);
	const struct reply *why =
	    command ? refusal(server, command, argument) : &unknown;
	if (why)
		server_say(server, *why);
	else
		command->run(server, argument);
}
