#include "smtpd/smtp/server_private.h"

/* RFC 4954 4: the frame of AUTH; what is exchanged in it is the service's */

static const struct reply no_such_mechanism =
    REPLY_IS(504, "5.5.4", "No such mechanism here");
static const struct reply cancelled =
    REPLY_IS(501, "5.7.0", "AUTH was cancelled");

static const char *
find_mechanism(const struct smtp_options *options, struct str name)
{
	const char *const *mechanism = options->mechanisms;
	while (*mechanism && !str_eq_nocase(str_of(*mechanism), name))
		mechanism++;
	return *mechanism;
}

static void
on_auth(struct smtp_server *server, int code)
{
	struct smtp_server_private *p = server->private;
	p->read = code == 334 ? server_read_auth : server_read_command;
	if (code != 334)
		buf_free(&p->line); /* it was long, and secret */
}

void
server_auth(struct smtp_server *server, struct str argument)
{
	struct str name = str_cut(&argument, ' ');
	struct str initial = argument;
	const char *mechanism = find_mechanism(server->options, name);
	if (!mechanism) {
		server_say(server, no_such_mechanism);
		return;
	}
	/* RFC 4954 4: "=" is an initial response that is there and empty */
	if (str_eq(initial, STR("=")))
		initial = STR("");
	server_ask(server, on_auth);
	server->options->service->auth(server, str_of(mechanism), initial);
}

/* The service forgets its half of the exchange, too. */
void
server_auth_cancel(struct smtp_server *server, struct reply why)
{
	server->private->read = server_read_command;
	server_forget(server);
	server_say(server, why);
}

void
server_auth_line(struct smtp_server *server, struct str line)
{
	if (str_eq(line, STR("*"))) {
		server_auth_cancel(server, cancelled);
		return;
	}
	server_ask(server, on_auth);
	server->options->service->auth_line(server, line);
}
