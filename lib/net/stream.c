#include "lib/net/stream.h"

#include "lib/base/arena.h"
#include "lib/net/stream_wire.h"

#include <stdlib.h>
#include <sys/socket.h>

enum {
	INPUT_BOUND = 65536,
	OUTPUT_BOUND = 262144, /* no input from a peer that takes no output */
	PIECES = 4, /* read in a row; then the others have their turn */
	DISCARD_BOUND = 1 << 20, /* of a peer that we are done with */
};

enum phase {
	PHASE_OPEN,
	PHASE_HANDSHAKE, /* or soon, when the plain output is out */
	PHASE_LINGER, /* no owner any more; the last output goes out */
	PHASE_GOODBYE, /* it is out: until the peer closes, too */
	PHASE_DEAD, /* failed: nothing more is read or written */
};

struct stream {
	struct stream_owner *owner;
	struct loop *loop;
	struct wire wire;
	enum phase phase;
	bool ended; /* the peer sends nothing more */
	bool paused;
	unsigned news; /* events that are still to be told, a bit each */
	struct watch watch;
	struct timer deadline;
	struct later work;
	struct buf in, out; /* without memory while they are empty */
	size_t in_at, out_at; /* octets of them that are done with */
	size_t plain; /* of the output, to be sent before the handshake */
	size_t discarded;
	struct list_node finishing;
};

/* Streams without an owner, the oldest first. */
static struct list finishing = { { &finishing.head, &finishing.head } };
static size_t finishing_count;

static size_t
unread(const struct stream *s)
{
	return s->in.n - s->in_at;
}

size_t
stream_pending(const struct stream *s)
{
	return s->out.n - s->out_at;
}

static void
add_news(struct stream *s, enum stream_event event)
{
	s->news |= 1U << event;
}

static void
drop_news(struct stream *s, enum stream_event event)
{
	s->news &= ~(1U << event);
}

/* ---- what goes on: nothing here calls the owner ---- */

/* Notes how a read, a write or a handshake ended, if it did. */
static void
take_end(struct stream *s, ssize_t result)
{
	if (result == WIRE_FAILED) {
		s->phase = PHASE_DEAD;
		add_news(s, STREAM_FAILED);
	} else if (result == WIRE_END) {
		s->ended = true;
		add_news(s, STREAM_CLOSED);
	}
}

/* What of the output may be sent as things are. */
static struct str
sendable(const struct stream *s)
{
	if (s->phase == PHASE_DEAD || s->wire.blocked)
		return str_of("");
	struct str all = str_from(buf_str(&s->out), s->out_at);
	return s->phase == PHASE_HANDSHAKE ? str_sub(all, 0, s->plain) : all;
}

/* Moves no more octets than have been sent before. */
static void
trim_output(struct stream *s)
{
	if (s->out_at < stream_pending(s))
		return;
	buf_drain(&s->out, s->out_at);
	s->out_at = 0;
}

static void
flush(struct stream *s)
{
	struct str bytes;
	bool wrote = false;
	while ((bytes = sendable(s)).n > 0) {
		ssize_t n = wire_write(&s->wire, bytes);
		if (n < 0) {
			take_end(s, n);
			trim_output(s);
			return;
		}
		wrote = true;
		s->out_at += (size_t)n;
		s->plain -= s->plain < (size_t)n ? s->plain : (size_t)n;
	}
	if (wrote && stream_pending(s) == 0) {
		buf_free(&s->out);
		s->out_at = 0;
		add_news(s, STREAM_DRAINED);
	}
}

static void
handshake(struct stream *s)
{
	if (s->plain > 0)
		return;
	ssize_t n = wire_handshake(&s->wire);
	if (n > 0) {
		s->phase = PHASE_OPEN;
		add_news(s, STREAM_SECURE);
		flush(s);
	} else if (n == WIRE_END) {
		s->wire.error = "closed during the handshake";
		n = WIRE_FAILED;
	}
	take_end(s, n);
}

static bool
wants_input(const struct stream *s)
{
	return !s->paused && unread(s) < INPUT_BOUND &&
	    stream_pending(s) < OUTPUT_BOUND;
}

static bool
wants_read(const struct stream *s)
{
	if (s->ended)
		return false;
	if (s->phase == PHASE_HANDSHAKE)
		return s->plain == 0;
	return s->phase == PHASE_GOODBYE ||
	    (s->phase == PHASE_OPEN && wants_input(s));
}

static void
trim_input(struct stream *s)
{
	if (unread(s) == 0)
		buf_free(&s->in);
	else
		buf_drain(&s->in, s->in_at);
	s->in_at = 0;
}

static void
fill(struct stream *s)
{
	trim_input(s);
	for (int i = 0; i < PIECES && wants_read(s); i++) {
		ssize_t n =
		    wire_read(&s->wire, buf_reserve(&s->in, WIRE_PIECE));
		if (n < 0) {
			take_end(s, n);
			break;
		}
		s->in.n += (size_t)n;
		add_news(s, STREAM_INPUT);
		if (n < WIRE_PIECE && !s->wire.secure)
			break; /* that was all there is */
	}
	trim_input(s);
}

static void
discard(struct stream *s)
{
	while (!s->ended) {
		ssize_t n = wire_discard(&s->wire);
		if (n == WIRE_WAIT)
			return;
		s->discarded += n > 0 ? (size_t)n : 0;
		s->ended = n < 0 || s->discarded > DISCARD_BOUND;
	}
}

static void
arm(struct stream *s)
{
	bool write = s->wire.blocked && s->phase != PHASE_DEAD;
	watch_change(&s->watch, wants_read(s), write);
}

/* ---- telling the owner ---- */

static void on_work(struct later *);

static unsigned
due_news(const struct stream *s)
{
	unsigned held = 1U << STREAM_INPUT | 1U << STREAM_CLOSED;
	return s->paused ? s->news & ~held : s->news;
}

/* Tells one thing, the last act of a turn: the owner may free the stream. */
static void
tell(struct stream *s)
{
	static const enum stream_event order[] = { STREAM_SECURE,
		STREAM_DRAINED, STREAM_INPUT, STREAM_CLOSED, STREAM_FAILED,
		STREAM_TIMEOUT };
	unsigned due = due_news(s);
	size_t i = 0;
	if (!due)
		return;
	while (!(due & 1U << order[i]))
		i++;
	drop_news(s, order[i]);
	if (due_news(s))
		loop_later(s->loop, &s->work, on_work);
	s->owner->on(s->owner, order[i]);
}

static void
destroy(struct stream *s)
{
	finishing_count -= list_linked(&s->finishing);
	list_remove(&s->finishing);
	watch_stop(&s->watch);
	timer_stop(&s->deadline);
	later_cancel(&s->work);
	wire_close(&s->wire);
	buf_free(&s->in);
	buf_free(&s->out);
	free(s);
}

/* A turn without an owner. */
static void
leave(struct stream *s)
{
	if (s->phase == PHASE_LINGER && stream_pending(s) == 0) {
		wire_goodbye(&s->wire);
		s->phase = PHASE_GOODBYE;
	}
	if (s->phase == PHASE_GOODBYE)
		discard(s);
	if (s->phase == PHASE_DEAD || (s->phase == PHASE_GOODBYE && s->ended))
		destroy(s);
	else
		arm(s);
}

static void
turn(struct stream *s, bool readable)
{
	flush(s);
	if (s->phase == PHASE_HANDSHAKE)
		handshake(s);
	else if (s->phase == PHASE_OPEN && readable)
		fill(s);
	if (!s->owner) {
		leave(s);
		return;
	}
	arm(s);
	tell(s);
}

static void
on_work(struct later *later)
{
	turn(container_of(later, struct stream, work), false);
}

/* A read may have waited for a writable socket: it is tried in any case. */
static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	(void)readable;
	struct stream *s = container_of(watch, struct stream, watch);
	if (writable)
		s->wire.blocked = false;
	turn(s, true);
}

static void
on_deadline(struct timer *timer)
{
	struct stream *s = container_of(timer, struct stream, deadline);
	if (!s->owner) {
		destroy(s);
		return;
	}
	add_news(s, STREAM_TIMEOUT);
	tell(s);
}

/* ---- for the owner ---- */

struct stream *
stream_new(struct loop *loop, int fd, struct stream_owner *owner)
{
	struct stream *s = mem_alloc(sizeof *s);
	s->owner = owner;
	s->loop = loop;
	wire_open(&s->wire, fd);
	watch_start(&s->watch, loop, fd, true, false, on_ready);
	return s;
}

void
stream_free(struct stream *s)
{
	if (!s)
		return;
	flush(s);
	if (s->phase == PHASE_OPEN && stream_pending(s) == 0)
		wire_goodbye(&s->wire);
	destroy(s);
}

void
stream_finish(struct stream *s, int64_t linger_ms)
{
	if (s->phase != PHASE_OPEN) {
		stream_free(s);
		return;
	}
	if (finishing_count == STREAM_FINISHING)
		destroy(container_of(
		    list_first(&finishing), struct stream, finishing));
	list_push(&finishing, &s->finishing);
	finishing_count++;
	s->owner = NULL;
	s->phase = PHASE_LINGER;
	timer_start(&s->deadline, s->loop, linger_ms, on_deadline);
	loop_later(s->loop, &s->work, on_work);
}

struct str
stream_input(const struct stream *s)
{
	return str_from(buf_str(&s->in), s->in_at);
}

void
stream_drain(struct stream *s, size_t n)
{
	s->in_at += n;
	if (unread(s) == 0) {
		trim_input(s);
		drop_news(s, STREAM_INPUT);
	}
	arm(s);
}

void
stream_pause(struct stream *s, bool paused)
{
	s->paused = paused;
	arm(s);
	if (paused)
		return;
	if (unread(s) > 0)
		add_news(s, STREAM_INPUT);
	if (s->news)
		loop_later(s->loop, &s->work, on_work);
}

void
stream_write(struct stream *s, struct str bytes)
{
	if (s->phase == PHASE_DEAD)
		return;
	buf_add(&s->out, bytes);
	loop_later(s->loop, &s->work, on_work);
}

void
stream_deadline(struct stream *s, int64_t ms)
{
	drop_news(s, STREAM_TIMEOUT);
	if (ms > 0)
		timer_start(&s->deadline, s->loop, ms, on_deadline);
	else
		timer_stop(&s->deadline);
}

/* ---- TLS ---- */

/* RFC 3207 4.2: what the peer sent in plain text is never used under TLS. */
static void
tls_start(struct stream *s)
{
	s->in_at = s->in.n;
	trim_input(s);
	drop_news(s, STREAM_INPUT);
	s->plain = stream_pending(s);
	s->phase = PHASE_HANDSHAKE;
	arm(s);
	loop_later(s->loop, &s->work, on_work);
}

void
stream_tls_accept(struct stream *s, const struct tls_context *tls)
{
	if (s->phase != PHASE_OPEN)
		return;
	wire_accept(&s->wire, tls);
	tls_start(s);
}

void
stream_tls_connect(struct stream *s, const struct tls_terms *terms)
{
	if (s->phase != PHASE_OPEN)
		return;
	wire_connect(&s->wire, terms);
	tls_start(s);
}

enum tls_verdict
stream_tls_verdict(const struct stream *s, const char **why)
{
	enum tls_verdict verdict = wire_verdict(&s->wire);
	*why = verdict == TLS_VERDICT_NO_HANDSHAKE ? stream_error(s)
						   : wire_reason(&s->wire);
	return verdict;
}

bool
stream_tls_info(const struct stream *s, struct tls_info *info)
{
	if (s->wire.secure)
		wire_tls_info(&s->wire, info);
	return s->wire.secure;
}

bool
stream_channel_binding(struct stream *s, const char **type, struct buf *data)
{
	return s->wire.secure && wire_binding(&s->wire, type, data);
}

/* ---- what is known ---- */

const char *
stream_error(const struct stream *s)
{
	return s->wire.error ? s->wire.error : "";
}

struct ip
stream_local(const struct stream *s, uint16_t *port)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof address;
	getsockname(s->wire.fd, (struct sockaddr *)&address, &length);
	return ip_from_sockaddr((struct sockaddr *)&address, port);
}
