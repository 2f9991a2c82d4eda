#include "smtpd/smtp/server_private.h"

#include <stdlib.h>

static const struct reply talked_early =
    REPLY_IS(554, "5.5.0", "You talked before the greeting");
static const struct reply timed_out =
    REPLY_IS(421, "4.4.2", "Idle for too long");
static const struct reply too_slow = REPLY_IS(421, "4.4.2", "Too slow");
static const struct reply too_many_errors =
    REPLY_IS(421, "4.7.0", "Too many errors");

/* ---- saying ---- */

void
server_write(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	stream_write(server->stream, buf_str(&p->out));
	buf_clear(&p->out);
}

void
server_write_reply(struct smtp_server *server, struct reply reply)
{
	reply_write(&server->private->out, reply);
	server_write(server);
}

void
server_say(struct smtp_server *server, struct reply reply)
{
	if (reply_class(reply) >= 4)
		server->private->errors++;
	server_write_reply(server, reply);
}

/* ---- the end ---- */

static void
on_over(struct later *later)
{
	struct smtp_server_private *p =
	    container_of(later, struct smtp_server_private, over);
	p->server->options->service->gone(p->server);
}

/* The stream has gone, or writes its rest by itself. */
static void
leave(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	server->stream = NULL;
	p->read = NULL;
	p->answered = NULL;
	timer_stop(&p->banner);
	timer_stop(&p->pace);
	later_cancel(&p->go_on);
	loop_later(p->loop, &p->over, on_over);
}

static void
say_goodbye(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	if (p->handshake) {
		stream_free(server->stream); /* nothing can be said now */
	} else {
		stream_write(server->stream, buf_str(&p->last));
		stream_finish(server->stream, LINGER_MS);
	}
	leave(server);
}

void
server_end(struct smtp_server *server, struct reply last)
{
	struct smtp_server_private *p = server->private;
	p->answered = NULL;
	if (p->last.n == 0)
		reply_write(&p->last, last);
	if (!p->running)
		say_goodbye(server);
}

void
server_forget(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	server->state &= ~(unsigned)(SMTP_MAIL | SMTP_RCPT);
	server->recipients = 0;
	server->declared_size = 0;
	server->require_tls = false;
	server->options->service->reset(server);
	arena_free(&p->arena);
}

/* ---- going on ---- */

/* Answers are acted on here and nowhere else, so that the service may answer
   from wherever it is and never hears from us within. */
static bool
take_answer(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	void (*answered)(struct smtp_server *, int) = p->answered;
	int code = p->code;
	if (code == 0)
		return false;
	p->answered = NULL;
	p->moved = true;
	answered(server, code);
	return true;
}

static bool
step(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	if (p->answered)
		return take_answer(server);
	if (p->errors >= server->options->max_errors)
		server_end(server, too_many_errors);
	if (p->last.n > 0) {
		say_goodbye(server);
		return false;
	}
	return p->read && !p->paused &&
	    stream_pending(server->stream) <= OUTPUT_MAX && p->read(server);
}

/* Only what was understood moves the deadline; single bytes don't. */
static void
set_deadline(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	const struct smtp_options *options = server->options;
	int64_t ms = options->command_ms;
	if (!server->stream || !p->moved)
		return;
	p->moved = false;
	if (p->read == server_read_body)
		ms = options->data_ms;
	else if (p->handshake && ms > HANDSHAKE_MS)
		ms = HANDSHAKE_MS;
	stream_deadline(server->stream, ms);
}

static void
run(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	if (p->running)
		return;
	p->running = true;
	while (server->stream && step(server))
		continue;
	p->running = false;
	set_deadline(server);
}

static void
on_go_on(struct later *later)
{
	run(container_of(later, struct smtp_server_private, go_on)->server);
}

/* ---- events ---- */

/* A peer that talks first has a script, not a server's patience. */
static void
on_banner(struct timer *timer)
{
	struct smtp_server_private *p =
	    container_of(timer, struct smtp_server_private, banner);
	struct smtp_server *server = p->server;
	if (stream_input(server->stream).n > 0) {
		server_end(server, talked_early);
		return;
	}
	/* RFC 2034 4: no enhanced code here, nor for EHLO and HELO */
	buf_addf(
	    &p->out, "220 %s ESMTP Postern\r\n", server->options->hostname);
	server_write(server);
	p->read = server_read_command;
	p->moved = true;
	run(server);
}

/* RFC 3207 4.2: nothing that was said before the handshake counts */
static void
on_secure(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	bool greeted = server->state & SMTP_GREETED;
	server->state &= SMTP_SUBMISSION;
	server->state |= SMTP_SECURE;
	buf_clear(&server->helo);
	p->handshake = false;
	p->moved = true;
	if (greeted)
		p->read = server_read_command;
	else
		timer_start(&p->banner, p->loop, 0, on_banner);
	run(server);
}

static void
on_timeout(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	if (!p->answered && !p->paused) /* else it isn't the peer who waits */
		server_end(server, timed_out);
}

/* A pause is none of the peer's business. */
static void
on_pace(struct timer *timer)
{
	struct smtp_server_private *p =
	    container_of(timer, struct smtp_server_private, pace);
	if (p->paused || p->size - p->paced >= PACE_OCTETS)
		server_pace(p->server);
	else
		server_end(p->server, too_slow);
}

void
server_pace(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	p->paced = p->size;
	timer_start(&p->pace, p->loop, PACE_MS, on_pace);
}

static void
on_lost(struct smtp_server *server)
{
	stream_free(server->stream);
	leave(server);
}

static void
on_event(struct stream_owner *owner, enum stream_event event)
{
	static void (*const actions[])(struct smtp_server *) = {
		[STREAM_INPUT] = run,
		[STREAM_DRAINED] = run,
		[STREAM_SECURE] = on_secure,
		[STREAM_CLOSED] = on_lost,
		[STREAM_FAILED] = on_lost,
		[STREAM_TIMEOUT] = on_timeout,
	};
	actions[event](container_of(owner, struct smtp_server, owner));
}

/* ---- for the owner ---- */

void
server_handshake(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	p->handshake = true;
	p->read = NULL;
	p->moved = true;
	stream_tls_accept(server->stream, *server->options->tls);
}

void
smtp_server_start(struct smtp_server *server, struct loop *loop,
    struct stream *stream, const struct smtp_options *options,
    bool implicit_tls)
{
	struct smtp_server_private *p = mem_alloc(sizeof *p);
	p->server = server;
	p->loop = loop;
	*server = (struct smtp_server){
		.owner.on = on_event,
		.options = options,
		.stream = stream,
		.state = options->submission ? SMTP_SUBMISSION : 0,
		.private = p,
	};
	if (!implicit_tls) {
		timer_start(&p->banner, loop, 0, on_banner);
	} else if (*options->tls) {
		server_handshake(server);
		set_deadline(server);
	} else {
		on_lost(server); /* no certificate for now */
	}
}

void
server_ask(struct smtp_server *server,
    void (*answered)(struct smtp_server *, int code))
{
	server->private->answered = answered;
	server->private->code = 0;
}

static void
answer(struct smtp_server *server, int code)
{
	struct smtp_server_private *p = server->private;
	p->code = code;
	if (!p->running)
		loop_later(p->loop, &p->go_on, on_go_on);
}

void
smtp_server_reply(struct smtp_server *server, struct reply reply)
{
	struct smtp_server_private *p = server->private;
	if (!p->answered || p->code)
		return; /* the session has ended meanwhile */
	/* RFC 5321 3.8: 421 says that the channel closes */
	if (reply.code == 421) {
		server_end(server, reply);
		return;
	}
	server_say(server, reply);
	answer(server, reply.code);
}

void
smtp_server_challenge(struct smtp_server *server, struct str base64)
{
	struct smtp_server_private *p = server->private;
	if (!p->answered || p->code)
		return;
	buf_adds(&p->out, "334 ");
	buf_add(&p->out, base64);
	buf_adds(&p->out, "\r\n");
	server_write(server);
	answer(server, 334);
}

void
smtp_server_known(struct smtp_server *server)
{
	server->state |= SMTP_KNOWN;
}

void
smtp_server_pause(struct smtp_server *server, bool paused)
{
	struct smtp_server_private *p = server->private;
	if (!server->stream || p->paused == paused)
		return;
	p->paused = paused;
	stream_pause(server->stream, paused);
	if (!paused && !p->running) {
		p->moved = true;
		loop_later(p->loop, &p->go_on, on_go_on);
	}
}

void
smtp_server_close(struct smtp_server *server, struct reply last)
{
	if (server->stream)
		server_end(server, last);
}

bool
smtp_server_idle(const struct smtp_server *server)
{
	return !(server->state & SMTP_MAIL) && !server->private->answered &&
	    server->private->read != server_read_body;
}

void
smtp_server_free(struct smtp_server *server)
{
	struct smtp_server_private *p = server->private;
	if (!p)
		return;
	stream_free(server->stream);
	timer_stop(&p->banner);
	timer_stop(&p->pace);
	later_cancel(&p->go_on);
	later_cancel(&p->over);
	arena_free(&p->arena);
	buf_free(&p->out);
	buf_free(&p->last);
	buf_free(&p->line);
	buf_free(&p->piece);
	buf_free(&server->helo);
	free(p);
	*server = (struct smtp_server){ 0 };
}
