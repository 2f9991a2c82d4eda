#include "smtpd/smtp/server_private.h"

static const struct reply bad_line =
    REPLY_IS(500, "5.5.2", "Lines end in CR LF and have a limit");

enum line_state {
	LINE_MORE,
	LINE_WHOLE,
	LINE_BAD
};

/* RFC 5321 2.3.8: CR and LF only as the end of a line, and together.  A CR or
   LF alone never splits one: it spoils it. */
static enum line_state
find_line(struct str input, size_t limit, size_t *n)
{
	struct str head = str_sub(input, 0, limit);
	size_t cr = str_find(head, '\r');
	if (str_find(head, '\n') < cr)
		return LINE_BAD;
	*n = cr;
	if (cr + 1 < head.n)
		return head.p[cr + 1] == '\n' ? LINE_WHOLE : LINE_BAD;
	return head.n == limit ? LINE_BAD : LINE_MORE;
}

/* The reply was given already; a line without end costs its reading alone. */
static bool
skip_line(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	struct str input = stream_input(server->stream);
	size_t end = str_search(input, STR("\r\n"));
	p->skipping = end == input.n;
	p->moved |= !p->skipping;
	if (!p->skipping)
		end += 2;
	else if (str_ends(input, STR("\r")))
		end--;
	stream_drain(server->stream, end);
	return !p->skipping;
}

/* The line is copied and drained first: STARTTLS asks what stands behind it. */
static bool
read_line(struct smtp_server *server, size_t limit,
    void (*take)(struct smtp_server *, struct str),
    void (*refuse)(struct smtp_server *))
{
	struct smtp_server_private *p = server->private;
	struct str input = stream_input(server->stream);
	size_t n = 0;
	if (p->skipping)
		return skip_line(server);
	enum line_state state = find_line(input, limit, &n);
	if (state == LINE_MORE)
		return false;
	p->moved = true;
	if (state == LINE_BAD) {
		p->skipping = true;
		refuse(server);
		return true;
	}
	buf_clear(&p->line);
	buf_add(&p->line, str_sub(input, 0, n));
	stream_drain(server->stream, n + 2);
	take(server, buf_str(&p->line));
	return true;
}

static void
refuse_command(struct smtp_server *server)
{
	server_say(server, bad_line);
}

static void
refuse_auth_line(struct smtp_server *server)
{
	server_auth_cancel(server, bad_line);
}

bool
server_read_command(struct smtp_server *server)
{
	struct str input = stream_input(server->stream);
	bool auth = str_starts_nocase(input, STR("AUTH "));
	return read_line(server, auth ? AUTH_MAX : COMMAND_MAX, server_command,
	    refuse_command);
}

bool
server_read_auth(struct smtp_server *server)
{
	return read_line(server, AUTH_MAX, server_auth_line, refuse_auth_line);
}
