#include "tests/unit/player.h"

#include "tests/fakes/loop.h"
#include "tests/unit/tls_pair.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LONG_MS = 3600000
}; /* longer than all deadlines */

struct tls_context *player_server_tls, *player_client_tls;

void
player_setup(void)
{
	char folder[] = "/tmp/postern-player.XXXXXX";
	char cert[64], key[64];
	const char *why;
	signal(SIGPIPE, SIG_IGN); /* as the real loop does */
	if (!mkdtemp(folder))
		abort();
	tls_pair_make(folder, "mx.example.test");
	snprintf(cert, sizeof cert, "%s/mx.example.test.cert.pem", folder);
	snprintf(key, sizeof key, "%s/mx.example.test.key.pem", folder);
	player_server_tls = tls_server(cert, key, false, &why);
	player_client_tls = tls_client(TLS_OPPORTUNISTIC, "", &why);
	unlink(cert);
	unlink(key);
	rmdir(folder);
	if (!player_server_tls || !player_client_tls)
		abort();
}

void
player_teardown(void)
{
	tls_free(player_server_tls);
	tls_free(player_client_tls);
}

/* ---- the end ---- */

void
player_cut(struct player *p)
{
	if (!p->stream)
		return;
	stream_free(p->stream);
	p->stream = NULL;
	timer_stop(&p->turn);
}

static void
fail(struct player *p, const char *what, struct str got)
{
	unsigned line = p->step < p->dialog->step_count
	    ? p->dialog->steps[p->step].line
	    : 0;
	if (p->trouble.n == 0)
		buf_addf(&p->trouble, "line %u: %s: \"%.*s\"", line, what,
		    STR_ARG(got));
	player_cut(p);
}

/* ---- the steps: true when it is done ---- */

static void play(struct player *);

static void
on_turn(struct timer *timer)
{
	play(container_of(timer, struct player, turn));
}

/* All else happens first: time moves only when nothing else does. */
static void
give_turn(struct player *p)
{
	timer_start(&p->turn, p->loop, 1, on_turn);
}

static bool
say(struct player *p, struct str text)
{
	int64_t left = p->play->cut - (int64_t)p->said;
	struct str piece = str_from(text, p->offset);
	if (p->server && p->offset == 0 && stream_input(p->stream).n > 0 &&
	    !dialog_number(p->dialog, "ahead", 0)) {
		fail(p, "said too early", stream_input(p->stream));
		return false;
	}
	if (p->play->bytewise)
		piece = str_sub(piece, 0, 1);
	if (p->play->cut != NO_CUT && left <= (int64_t)piece.n)
		piece = str_sub(piece, 0, (size_t)left);
	stream_write(p->stream, piece);
	p->offset += piece.n;
	p->said += piece.n;
	if (p->play->cut == (int64_t)p->said)
		player_cut(p);
	else if (p->play->bytewise)
		give_turn(p);
	return p->offset == text.n;
}

static bool
expect(struct player *p, struct str pattern)
{
	struct str input = stream_input(p->stream);
	size_t n = str_search(input, STR("\r\n"));
	struct str line = str_sub(input, 0, n);
	if (n == input.n) {
		if (p->closed)
			fail(p, "closed instead of a line", input);
		return false;
	}
	if (!dialog_match(pattern, line)) {
		fail(p, "another line than expected", line);
		return false;
	}
	stream_drain(p->stream, n + 2);
	return true;
}

static bool
skip(struct player *p, struct str bytes)
{
	struct str input = stream_input(p->stream);
	struct str wanted = str_sub(bytes, p->offset, input.n);
	if (!str_starts(input, wanted)) {
		fail(p, "other bytes than expected", str_sub(input, 0, 60));
		return false;
	}
	stream_drain(p->stream, wanted.n);
	p->offset += wanted.n;
	return p->offset == bytes.n;
}

static bool
shake_hands(struct player *p)
{
	p->handshake = true;
	if (p->server)
		stream_tls_accept(p->stream, player_server_tls);
	else
		stream_tls_connect(p->stream,
		    &(struct tls_terms){ .context = player_client_tls,
			.name = "mx.example.test" });
	return true;
}

static bool
want_closed(struct player *p)
{
	struct str input = stream_input(p->stream);
	if (input.n > 0)
		fail(p, "a line instead of the end", input);
	return input.n == 0 && p->closed;
}

static bool
run_step(struct player *p, const struct dialog_step *step)
{
	switch (step->kind) {
	case STEP_SAY:
		return say(p, buf_str(&step->text));
	case STEP_EXPECT:
		return expect(p, buf_str(&step->text));
	case STEP_SKIP:
		return skip(p, buf_str(&step->text));
	case STEP_TLS:
		return shake_hands(p);
	case STEP_TURN:
		give_turn(p);
		return true;
	case STEP_CLOSE:
		player_cut(p);
		return true;
	case STEP_CLOSED:
		return want_closed(p);
	}
	return true;
}

static bool
left_out(const struct player *p, const struct dialog_step *step)
{
	return step->only == (p->play->tls ? ONLY_PLAIN : ONLY_TLS);
}

static void
finish(struct player *p)
{
	struct str input = stream_input(p->stream);
	if (input.n > 0)
		fail(p, "a line behind the end", input);
	player_cut(p);
}

/* As far as it goes now. */
static void
play(struct player *p)
{
	while (p->stream && !timer_pending(&p->turn) && !p->handshake) {
		if (p->step == p->dialog->step_count) {
			finish(p);
			return;
		}
		const struct dialog_step *step = &p->dialog->steps[p->step];
		if (!left_out(p, step) && !run_step(p, step))
			return;
		p->offset = 0;
		p->step++;
	}
}

static void
on_event(struct stream_owner *owner, enum stream_event event)
{
	struct player *p = container_of(owner, struct player, owner);
	if (event == STREAM_SECURE)
		p->handshake = false;
	p->closed |= event == STREAM_CLOSED || event == STREAM_FAILED;
	if (p->closed && p->handshake)
		fail(p, "handshake", str_of(stream_error(p->stream)));
	play(p);
}

int
player_start(struct player *p, struct loop *loop, const struct dialog *dialog,
    const struct play *how, bool server)
{
	int fds[2];
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		abort();
	*p = (struct player){
		.owner.on = on_event,
		.loop = loop,
		.dialog = dialog,
		.play = how,
		.server = server,
	};
	p->stream = stream_new(loop, fds[0], &p->owner);
	if (p->play->tls)
		shake_hands(p);
	play(p); /* the first bytes are there before the other end looks */
	return fds[1];
}

void
player_run(struct player *p)
{
	fake_loop_advance(p->loop, LONG_MS);
	if (p->stream)
		fail(p, "nothing happens any more", STR(""));
}

/* ---- notes and checks ---- */

void
player_note(struct player *p, const char *key, struct str value)
{
	buf_addf(&p->notes, "%s ", key);
	buf_add(&p->notes, value);
	buf_addc(&p->notes, '\0');
}

/* The next note of that key at or behind *rest. */
static bool
next_note(struct str *rest, struct str key, struct str *value)
{
	while (rest->n > 0) {
		*value = str_cut(rest, '\0');
		if (str_eq(str_cut(value, ' '), key))
			return true;
	}
	return false;
}

static bool
same_key(const struct dialog_pair *a, const struct dialog_pair *b)
{
	return str_eq(buf_str(&a->key), buf_str(&b->key));
}

/* The checks of one key against the notes of that key, in order. */
static void
check_key(struct player *p, size_t from)
{
	const struct dialog *d = p->dialog;
	struct str notes = buf_str(&p->notes);
	struct str key = buf_str(&d->checks[from].key);
	struct str value = STR("");
	for (size_t i = from; i < d->check_count; i++) {
		if (!same_key(&d->checks[i], &d->checks[from]))
			continue;
		bool there = next_note(&notes, key, &value);
		if (p->trouble.n == 0 &&
		    !(there &&
			dialog_match(buf_str(&d->checks[i].value), value)))
			buf_addf(&p->trouble, "%.*s is \"%.*s\", not \"%.*s\"",
			    STR_ARG(key), STR_ARG(value),
			    STR_ARG(buf_str(&d->checks[i].value)));
	}
	if (next_note(&notes, key, &value) && p->trouble.n == 0)
		buf_addf(&p->trouble, "one more %.*s: \"%.*s\"", STR_ARG(key),
		    STR_ARG(value));
}

void
player_check(struct player *p)
{
	const struct dialog *d = p->dialog;
	for (size_t i = 0; i < d->check_count; i++) {
		size_t first = 0;
		while (!same_key(&d->checks[first], &d->checks[i]))
			first++;
		if (first == i)
			check_key(p, i);
	}
}

void
player_free(struct player *p)
{
	stream_free(p->stream);
	timer_stop(&p->turn);
	buf_free(&p->trouble);
	buf_free(&p->notes);
}
