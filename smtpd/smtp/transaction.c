#include "smtpd/smtp/server_private.h"

/* RFC 5321 3.3: MAIL, RCPT and DATA */

static const struct reply bad_argument =
    REPLY_IS(501, "5.5.4", "Bad syntax or argument");
static const struct reply bad_parameter =
    REPLY_IS(555, "5.5.4", "Parameter not known here");
static const struct reply too_big =
    REPLY_IS(552, "5.3.4", "The message is too big");
static const struct reply too_many =
    REPLY_IS(452, "4.5.3", "Too many recipients, send the rest later");
static const struct reply bare_line_end = REPLY_IS(
    550, "5.5.2", "The message has a CR or LF that is not part of a CR LF");

/* ---- parameters of MAIL: NULL, or why not ---- */

static const struct reply *
take_size(struct smtp_server *server, struct str value)
{
	if (!str_to_u64(value, &server->declared_size))
		return &bad_argument;
	if (server->declared_size > server->options->max_size)
		return &too_big;
	return NULL;
}

/* What the bytes really are is in server->dot. */
static const struct reply *
take_body(struct smtp_server *server, struct str value)
{
	(void)server;
	bool known = str_eq_nocase(value, STR("7BIT")) ||
	    str_eq_nocase(value, STR("8BITMIME"));
	return known ? NULL : &bad_parameter;
}

/* RFC 4954 5: whom the message is said to be from; we know better */
static const struct reply *
take_auth(struct smtp_server *server, struct str value)
{
	(void)value;
	return server->options->submission ? NULL : &bad_parameter;
}

/* RFC 8689 4.1: only under TLS, without a value */
static const struct reply *
take_require_tls(struct smtp_server *server, struct str value)
{
	static const struct reply no_tls =
	    REPLY_IS(530, "5.7.0", "Say STARTTLS first");
	if (value.p)
		return &bad_argument;
	if (!(server->state & SMTP_SECURE))
		return &no_tls;
	server->require_tls = true;
	return NULL;
}

struct parameter {
	const char *name;
	const struct reply *(*take)(struct smtp_server *, struct str);
};

static const struct reply *
take_parameter(struct smtp_server *server, const struct parameter *known,
    const struct param *param)
{
	for (; known->name; known++)
		if (str_eq_nocase(param->name, str_of(known->name)))
			return known->take(server, param->value);
	return &bad_parameter;
}

/* ---- MAIL and RCPT ---- */

struct path_command {
	const char *keyword;
	bool (*parse)(
	    struct str *, struct arena *, struct address *, const char **);
	struct reply bad_path;
	struct parameter parameters[5]; /* {0} ends them */
};

static const struct path_command mail_from = {
	"FROM:",
	path_parse_reverse,
	REPLY_IS(501, "5.1.7", "Bad address of the sender"),
	{ { "SIZE", take_size }, { "BODY", take_body }, { "AUTH", take_auth },
	    { "REQUIRETLS", take_require_tls } },
};

static const struct path_command rcpt_to = {
	"TO:",
	path_parse_forward,
	REPLY_IS(501, "5.1.3", "Bad address of the recipient"),
	{ { 0 } },
};

/* NULL, or why not. */
static const struct reply *
parse(struct smtp_server *server, const struct path_command *command,
    struct str text, struct address *address, struct params *params)
{
	struct str keyword = str_of(command->keyword);
	const struct reply *refusal = NULL;
	const char *why;
	if (!str_starts_nocase(text, keyword))
		return &bad_argument;
	/* RFC 5321 3.3: no space behind the colon; much software sends one */
	text = str_trim(str_from(text, keyword.n));
	if (!command->parse(&text, &server->private->arena, address, &why))
		return &command->bad_path;
	if (text.n > 0 && text.p[0] != ' ')
		return &bad_argument;
	*params = (struct params){ 0 };
	if (text.n > 0 && !params_parse(str_trim(text), params))
		return &bad_argument;
	for (size_t i = 0; !refusal && i < params->count; i++)
		refusal = take_parameter(
		    server, command->parameters, &params->all[i]);
	return refusal;
}

static void
on_mail(struct smtp_server *server, int code)
{
	if (code / 100 == 2)
		server->state |= SMTP_MAIL;
	else
		server_forget(server);
}

void
server_mail(struct smtp_server *server, struct str argument)
{
	struct arena *arena = &server->private->arena;
	struct address *sender = arena_alloc(arena, sizeof *sender);
	struct params params;
	server->declared_size = 0;
	server->require_tls = false;
	const struct reply *refusal =
	    parse(server, &mail_from, argument, sender, &params);
	if (refusal) {
		arena_free(arena);
		server_say(server, *refusal);
		return;
	}
	server_ask(server, on_mail);
	server->options->service->mail(server, sender, &params);
}

static void
on_rcpt(struct smtp_server *server, int code)
{
	if (code / 100 != 2)
		return;
	server->state |= SMTP_RCPT;
	server->recipients++;
}

void
server_rcpt(struct smtp_server *server, struct str argument)
{
	struct params params;
	/* RFC 5321 4.5.3.1.10: no error of the peer, so none is counted */
	if (server->recipients >= server->options->max_recipients) {
		server_write_reply(server, too_many);
		return;
	}
	struct address *address =
	    arena_alloc(&server->private->arena, sizeof *address);
	const struct reply *refusal =
	    parse(server, &rcpt_to, argument, address, &params);
	if (refusal) {
		server_say(server, *refusal);
		return;
	}
	server_ask(server, on_rcpt);
	server->options->service->rcpt(server, address, &params);
}

/* ---- DATA ---- */

static void
on_data(struct smtp_server *server, int code)
{
	struct smtp_server_private *p = server->private;
	if (code != 354)
		return;
	server->dot = (struct dot_reader){ 0 };
	p->size = 0;
	p->step = DATA_STEP;
	p->refusal = NULL;
	p->read = server_read_body;
	server_pace(server);
}

void
server_data(struct smtp_server *server, struct str argument)
{
	(void)argument;
	server_ask(server, on_data);
	server->options->service->data(server);
}

static void
on_end(struct smtp_server *server, int code)
{
	if (code / 100 == 2)
		server->private->errors = 0;
	server_forget(server);
}

/* What the protocol itself has against the message.  The service forgets it
   at once; the rest is read to stay in step. */
static void
judge(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	if (server->dot.bare_line_end)
		p->refusal = &bare_line_end;
	else if (p->size > server->options->max_size)
		p->refusal = &too_big;
	if (!p->refusal)
		return;
	server->options->service->refused(server, *p->refusal);
	server_forget(server);
}

/* A pause ends with the message: nothing of it is left to be read. */
static void
finish(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	p->read = server_read_command;
	p->moved = true;
	timer_stop(&p->pace);
	buf_free(&p->piece); /* up to 64 KiB, and most sessions are idle */
	smtp_server_pause(server, false);
	if (p->refusal) {
		server_say(server, *p->refusal);
		return;
	}
	server_ask(server, on_end);
	server->options->service->end(server);
}

/* Each step of the message has the deadline to itself, so that nobody holds
   us with a byte now and then. */
static void
count(struct smtp_server_private *p)
{
	p->size += p->piece.n;
	if (p->size < p->step)
		return;
	p->step = p->size + DATA_STEP;
	p->moved = true;
}

bool
server_read_body(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	bool end = false;
	buf_clear(&p->piece);
	size_t taken = dot_read(
	    &server->dot, stream_input(server->stream), &p->piece, &end);
	stream_drain(server->stream, taken);
	count(p);
	if (!p->refusal)
		judge(server);
	if (!p->refusal && p->piece.n > 0)
		server->options->service->body(server, buf_str(&p->piece));
	if (end && p->last.n == 0)
		finish(server);
	return taken > 0;
}
