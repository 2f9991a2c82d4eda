#include "smtpd/smtp/client_private.h"

#include "lib/net/dns_message.h"

#include <stdlib.h>

enum {
	LINGER_MS = 10000,
	HANDSHAKE_MS = 30000,
	MINUTE_MS = 60000,
};

/* ---- telling the owner: always later, so that it may free us ---- */

static void
on_tell_ready(struct later *later)
{
	struct smtp_client *client =
	    container_of(later, struct smtp_client_private, tell)->client;
	client->ready(client);
}

static void
on_tell_ended(struct later *later)
{
	struct smtp_client *client =
	    container_of(later, struct smtp_client_private, tell)->client;
	client->ended(client);
}

void
client_ready(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	p->ready = true;
	stream_deadline(p->stream, 0);
	loop_later(p->loop, &p->tell, on_tell_ready);
}

struct reply
client_keep(struct arena *arena, struct reply reply)
{
	struct str text = str_sub(str_of(reply.text), 0, CLIENT_REPLY);
	reply.text = arena_str(arena, text).p;
	if (reply.enhanced)
		reply.enhanced = arena_str(arena, str_of(reply.enhanced)).p;
	return reply;
}

/* ---- the queue ---- */

/* The reply that is due next has the time of its command. */
static void
set_deadline(struct smtp_client_private *p)
{
	stream_deadline(p->stream, p->steps[p->first]->minutes * MINUTE_MS);
}

void
client_flush(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	stream_write(p->stream, buf_str(&p->out));
	p->said += p->out.n;
	buf_clear(&p->out);
}

void
client_say(struct smtp_client *client, const struct client_step *step)
{
	struct smtp_client_private *p = client->private;
	size_t at = (p->first + p->waiting) % CLIENT_WINDOW;
	client_flush(client);
	p->steps[at] = step;
	p->ends[at] = p->said;
	if (p->waiting++ == 0)
		set_deadline(p);
}

/* Where we are, in words. */
static const char *
place(const struct smtp_client_private *p)
{
	if (p->handshake)
		return "in the TLS handshake";
	if (p->waiting > 0)
		return p->steps[p->first]->before;
	return p->feeding ? "in the message" : "between two mails";
}

static enum smtp_failure
failure_now(const struct smtp_client_private *p)
{
	if (p->handshake)
		return CLIENT_TLS_HANDSHAKE;
	if (p->waiting > 0 && p->steps[p->first] == &client_greeting)
		return CLIENT_GREETING;
	return CLIENT_LOST;
}

/* ---- the end ---- */

/* Whoever reads it must not take it for a success. */
static struct reply
unexpected(struct smtp_client_private *p, struct reply reply)
{
	const char *text = arena_printf(&p->arena, "Unexpected reply %s: %d %s",
	    place(p), reply.code, reply.text)
			       .p;
	return REPLY(451, "4.5.0", text);
}

void
client_end(
    struct smtp_client *client, enum smtp_failure failure, struct reply why)
{
	struct smtp_client_private *p = client->private;
	if (reply_class(why) != 4 && reply_class(why) != 5)
		why = unexpected(p, why);
	client->failure = failure;
	client->reply = client_keep(&p->arena, why);
	client_auth_stop(client);
	stream_free(p->stream);
	p->stream = NULL;
	p->ready = false;
	client_mail_fail(client, client->reply);
	later_cancel(&p->tell);
	loop_later(p->loop, &p->tell, on_tell_ended);
}

void
client_out_of_step(struct smtp_client *client, struct reply reply)
{
	client_end(client, CLIENT_LOST, unexpected(client->private, reply));
}

static void
lose(struct smtp_client *client, const char *what)
{
	struct smtp_client_private *p = client->private;
	const char *text = arena_printf(&p->arena, "%s %s", what, place(p)).p;
	if (p->handshake)
		client->verdict =
		    stream_tls_verdict(p->stream, &client->reason);
	client_end(client, failure_now(p), REPLY(451, "4.4.2", text));
}

/* ---- replies ---- */

/* Can the peer have heard the command that is answered?  What still waits
   here it can't. */
static bool
is_heard(const struct smtp_client_private *p)
{
	return p->ends[p->first] + stream_pending(p->stream) <= p->said;
}

/* RFC 5321 3.8: 421 may come instead of any reply, and uncalled for */
static void
take_reply(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	if (reply.code == 421) {
		client_end(client, failure_now(p), reply);
		return;
	}
	if (p->waiting == 0 || !is_heard(p)) {
		client_out_of_step(client, reply);
		return;
	}
	const struct client_step *step = p->steps[p->first];
	p->first = (p->first + 1) % CLIENT_WINDOW;
	p->waiting--;
	/* What stands behind the last reply was said before our next command,
	   so it is no reply to that. */
	bool stray = p->waiting == 0 && stream_input(p->stream).n > 0;
	if (p->waiting > 0)
		set_deadline(p);
	step->got(client, reply);
	if (stray && p->stream)
		lose(client, "Got a reply too many");
}

/* ---- events ---- */

/* The line ends in LF; a CR before it is not insisted on, for a reply can
   smuggle nothing. */
static void
take_line(struct smtp_client *client, struct str line)
{
	struct smtp_client_private *p = client->private;
	size_t taken = line.n + 1;
	if (str_ends(line, STR("\r")))
		line.n--;
	enum reply_state state = reply_parse_line(&p->parser, line);
	if (state == REPLY_BAD) {
		lose(client, "Got what is no reply");
		return;
	}
	stream_drain(p->stream, taken);
	if (state == REPLY_MORE)
		return;
	take_reply(client, reply_parsed(&p->parser));
	reply_parser_reset(&p->parser);
}

static void
on_input(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	while (p->stream && !p->handshake) {
		struct str input =
		    str_sub(stream_input(p->stream), 0, REPLY_MAX_LINE);
		size_t n = str_find(input, '\n');
		if (n == REPLY_MAX_LINE)
			lose(client, "Got a reply without end");
		else if (n == input.n)
			return;
		else
			take_line(client, str_sub(input, 0, n));
	}
}

/* RFC 3207 4.2: what was learned before the handshake counts no more */
static void
on_secure(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	p->handshake = false;
	client->secure = true;
	stream_tls_info(p->stream, &client->tls_info);
	client->verdict = stream_tls_verdict(p->stream, &client->reason);
	if (p->options.tls == CLIENT_TLS_IMPLICIT)
		client_say(client, &client_greeting);
	else
		client_hello(client);
	on_input(client);
}

static void
on_closed(struct smtp_client *client)
{
	lose(client, "Connection closed");
}

static void
on_failed(struct smtp_client *client)
{
	lose(client, stream_error(client->private->stream));
}

static void
on_timeout(struct smtp_client *client)
{
	lose(client, "Timed out");
}

static void
on_event(struct stream_owner *owner, enum stream_event event)
{
	static void (*const actions[])(struct smtp_client *) = {
		[STREAM_INPUT] = on_input,
		[STREAM_DRAINED] = client_mail_more,
		[STREAM_SECURE] = on_secure,
		[STREAM_CLOSED] = on_closed,
		[STREAM_FAILED] = on_failed,
		[STREAM_TIMEOUT] = on_timeout,
	};
	actions[event](
	    container_of(owner, struct smtp_client_private, owner)->client);
}

/* ---- for the owner ---- */

void
client_handshake(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	p->handshake = true;
	stream_deadline(p->stream, HANDSHAKE_MS);
	stream_tls_connect(p->stream, &p->options.terms);
}

static struct tls_terms
keep_terms(struct arena *arena, struct tls_terms terms)
{
	struct dns_record *records =
	    arena_alloc(arena, terms.count * sizeof *records);
	for (size_t i = 0; i < terms.count; i++) {
		records[i] = terms.records[i];
		records[i].tlsa.data = arena_str(arena, records[i].tlsa.data);
	}
	terms.records = records;
	terms.name = arena_str(arena, str_of(terms.name)).p;
	for (size_t i = 0; i < TLS_OTHER_NAMES; i++)
		if (terms.others[i])
			terms.others[i] =
			    arena_str(arena, str_of(terms.others[i])).p;
	return terms;
}

static void
keep_options(
    struct smtp_client_private *p, const struct smtp_client_options *options)
{
	p->options = *options;
	p->options.helo = arena_str(&p->arena, str_of(options->helo)).p;
	p->options.terms = keep_terms(&p->arena, options->terms);
	p->options.user = arena_str(&p->arena, options->user);
	p->options.password = arena_str(&p->arena, options->password);
}

void
smtp_client_start(struct smtp_client *client, struct loop *loop, int fd,
    const struct smtp_client_options *options,
    void (*ready)(struct smtp_client *), void (*ended)(struct smtp_client *))
{
	struct smtp_client_private *p = mem_alloc(sizeof *p);
	*client = (struct smtp_client){
		.ready = ready,
		.ended = ended,
		.reply = REPLY(0, NULL, ""),
		.reason = "",
		.private = p,
	};
	p->client = client;
	p->loop = loop;
	p->owner.on = on_event;
	p->stream = stream_new(loop, fd, &p->owner);
	client->local = stream_local(p->stream, &(uint16_t){ 0 });
	keep_options(p, options);
	if (options->tls == CLIENT_TLS_IMPLICIT)
		client_handshake(client);
	else
		client_say(client, &client_greeting);
}

void
smtp_client_free(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	if (!p)
		return;
	client_mail_free(client);
	client_auth_stop(client);
	later_cancel(&p->tell);
	stream_free(p->stream);
	reply_parser_free(&p->parser);
	buf_free(&p->out);
	arena_free(&p->arena);
	free(p);
	*client = (struct smtp_client){ 0 };
}

/* RFC 5321 4.1.1.10: the peer answers 221 and closes; we don't wait for it.
   While a reply is due there is no QUIT: before the one to the final dot it
   would leave open whose the message is. */
void
smtp_client_quit(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	if (p && p->ready) {
		stream_write(p->stream, STR("QUIT\r\n"));
		stream_finish(p->stream, LINGER_MS);
		p->stream = NULL;
	}
	smtp_client_free(client);
}
