#include "tests/fakes/peers.h"

#include "lib/base/arena.h"
#include "tests/fakes/said.h"
#include "tests/fakes/story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_FD = 1000000,
	WAITING = 256
};

struct smtp_client_private {
	struct smtp_client *client;
	const struct fake_peer *peer;
	struct later later; /* ready or ended */
	struct later more, done;
	struct smtp_mail *mail;
	struct arena arena;
};

static struct loop *loop;
static const struct fake_peer *table;
static struct later *waiting[WAITING];
static size_t waiting_count;
static unsigned sessions;
static struct smtp_client *last; /* the session opened last, or NULL */
static struct buf text;
static const struct tls_context *context;

/* ---- the test's side ---- */

void
fake_peers_use(struct loop *the_loop, const struct fake_peer *peers)
{
	loop = the_loop;
	table = peers;
	waiting_count = 0;
	sessions = 0;
	buf_clear(&text);
}

void
fake_peers_let_go(void)
{
	for (size_t i = 0; i < waiting_count; i++)
		if (waiting[i])
			loop_later(loop, waiting[i], waiting[i]->run);
	waiting_count = 0;
}

unsigned
fake_peers_sessions(void)
{
	return sessions;
}

const struct tls_context *
fake_peers_tls(void)
{
	return context;
}

struct str
fake_peers_text(void)
{
	return buf_str(&text);
}

void
fake_peers_end(void)
{
	buf_free(&text);
}

static void
wait_for_test(struct later *later, void (*run)(struct later *))
{
	later->run = run;
	waiting[waiting_count++] = later;
}

static void
forget(struct later *later)
{
	later_cancel(later);
	for (size_t i = 0; i < waiting_count; i++)
		if (waiting[i] == later)
			waiting[i] = NULL;
}

/* ---- dial.h ---- */

static int
find_peer(struct ip ip)
{
	struct ip other;
	for (int i = 0; table[i].ip; i++)
		if (ip_parse(str_of(table[i].ip), &other) && ip_eq(ip, other))
			return i;
	return -1;
}

static void
on_dialed(struct later *later)
{
	struct dial *d = container_of(later, struct dial, later);
	int i = find_peer(d->to);
	d->error = i < 0 ? ECONNREFUSED : table[i].error;
	d->fd = d->error ? -1 : FIRST_FD + i;
	d->done(d);
}

void
dial_start(struct dial *d, struct loop *the_loop, void (*done)(struct dial *))
{
	char to[IP_TEXT], from[IP_TEXT] = "";
	(void)the_loop;
	ip_print(d->to, to);
	if (d->from.family)
		ip_print(d->from, from);
	story_add("dial %s:%u%s%s", to, (unsigned)d->port,
	    d->from.family ? " from " : "", from);
	d->fd = -1;
	d->done = done;
	loop_later(loop, &d->later, on_dialed);
}

void
dial_cancel(struct dial *d)
{
	later_cancel(&d->later);
}

/* ---- client.h ---- */

static void
on_ready(struct later *later)
{
	struct smtp_client_private *p =
	    container_of(later, struct smtp_client_private, later);
	p->client->ready(p->client);
}

static void
on_ended(struct later *later)
{
	struct smtp_client_private *p =
	    container_of(later, struct smtp_client_private, later);
	p->client->ended(p->client);
}

static void on_done(struct later *);

static void
end(struct smtp_client *client, enum smtp_failure failure, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	client->failure = failure;
	client->reply = reply;
	if (p->mail) {
		for (size_t i = 0; i < p->mail->count; i++)
			if (p->mail->replies[i].code == 0)
				p->mail->replies[i] = reply;
		loop_later(loop, &p->done, on_done);
	}
	forget(&p->later);
	loop_later(loop, &p->later, on_ended);
}

/* As the real ones do; false: it ends there. */
static bool
secure(struct smtp_client *client, const struct smtp_client_options *options)
{
	const struct fake_peer *peer = client->private->peer;
	enum tls_check check = options->terms.check;
	bool enforced = check == TLS_CHECK_PKIX || check == TLS_CHECK_DANE;
	if (options->tls == CLIENT_TLS_NONE)
		return true;
	if (peer->plain && options->tls == CLIENT_TLS_MUST)
		end(client, CLIENT_TLS_REFUSED,
		    REPLY(451, "4.7.0", "STARTTLS isn't offered"));
	if (peer->plain)
		return options->tls != CLIENT_TLS_MUST;
	client->verdict = peer->tls_breaks ? TLS_VERDICT_NO_HANDSHAKE
	    : check == TLS_CHECK_NOTHING   ? TLS_VERDICT_GOOD
					   : peer->verdict;
	client->reason = client->verdict == TLS_VERDICT_GOOD ? "" : "not right";
	bool bad = client->verdict != TLS_VERDICT_GOOD && enforced;
	if (peer->tls_breaks || bad) {
		end(client, CLIENT_TLS_HANDSHAKE,
		    REPLY(451, "4.4.2", "unknown protocol"));
		return false;
	}
	client->secure = true;
	client->keeps_tls = peer->keeps_tls;
	memcpy(client->tls_info.version, "TLSv1.3", sizeof "TLSv1.3");
	return true;
}

static void
greet(struct smtp_client *client, const struct smtp_client_options *options)
{
	struct smtp_client_private *p = client->private;
	const struct fake_peer *peer = p->peer;
	if (!secure(client, options))
		return;
	if (peer->most && sessions > peer->most)
		end(client, CLIENT_GREETING,
		    said(REPLY(421, "4.7.0", "too many connections")));
	else if (peer->failure != CLIENT_OK)
		end(client, peer->failure, said(peer->reply));
	else if (peer->trouble == PEER_STUCK)
		wait_for_test(&p->later, on_ready);
	else
		loop_later(loop, &p->later, on_ready);
}

void
smtp_client_start(struct smtp_client *client, struct loop *the_loop, int fd,
    const struct smtp_client_options *options,
    void (*ready)(struct smtp_client *), void (*ended)(struct smtp_client *))
{
	static const char *const tls[] = { "none", "may", "must", "implicit" };
	struct smtp_client_private *p = mem_alloc(sizeof *p);
	(void)the_loop;
	static const char *const checks[] = { "", ", watched", ", pkix",
		", dane" };
	const struct tls_terms *terms = &options->terms;
	const char *const *other = terms->others;
	story_add("hello %s, tls %s%s%s%s%s%s%s%.*s", terms->name,
	    tls[options->tls], checks[terms->check], other[0] ? " or " : "",
	    other[0] ? other[0] : "", other[1] ? " or " : "",
	    other[1] ? other[1] : "", str_empty(options->user) ? "" : ", user ",
	    STR_ARG(options->user));
	*client = (struct smtp_client){ .ready = ready,
		.ended = ended,
		.reply = REPLY(0, NULL, ""),
		.reason = "",
		.private = p };
	p->client = client;
	p->peer = &table[fd - FIRST_FD];
	sessions++;
	last = client;
	context = options->terms.context;
	greet(client, options);
}

static struct reply
answer(struct str recipient)
{
	if (str_starts(recipient, STR("bad")))
		return said(REPLY(550, "5.1.1", "no such user"));
	if (str_starts(recipient, STR("stranger")))
		return said(REPLY(530, "5.7.0", "log in first"));
	if (str_starts(recipient, STR("relayed")))
		return said(REPLY(554, "5.7.1", "<x>: Relay access denied"));
	if (str_starts(recipient, STR("later")))
		return said(REPLY(451, "4.7.1", "greylisted"));
	return REPLY(0, NULL, "");
}

static void
on_done(struct later *later)
{
	struct smtp_client_private *p =
	    container_of(later, struct smtp_client_private, done);
	struct smtp_client *client = p->client;
	struct smtp_mail *mail = p->mail;
	p->mail = NULL;
	mail->client = NULL;
	if (client->failure != CLIENT_OK)
		; /* its end has been promised */
	else if (p->peer->trouble == PEER_ONE_EACH)
		end(client, CLIENT_LOST, said(REPLY(421, "4.7.0", "enough")));
	else
		loop_later(loop, &p->later, on_ready);
	mail->done(mail);
}

static void
on_more(struct later *later)
{
	struct smtp_client_private *p =
	    container_of(later, struct smtp_client_private, more);
	p->mail->more(p->mail);
}

static bool
breaks(const struct smtp_client *client)
{
	enum fake_trouble trouble = client->private->peer->trouble;
	return trouble == PEER_LOST_EARLY ||
	    (trouble == PEER_LOST_REUSED && client->mails > 0);
}

static void
tell_mail(const struct smtp_mail *mail)
{
	struct buf to = { 0 };
	for (size_t i = 0; i < mail->count; i++) {
		buf_addc(&to, ' ');
		buf_add(&to, mail->recipients[i]);
	}
	story_add("mail <%.*s> to%s%s", STR_ARG(mail->sender), buf_cstr(&to),
	    mail->require_tls ? ", REQUIRETLS" : "");
	buf_free(&to);
}

void
smtp_client_send(struct smtp_client *client, struct smtp_mail *mail,
    void (*done)(struct smtp_mail *))
{
	struct smtp_client_private *p = client->private;
	size_t refused = 0;
	tell_mail(mail);
	mail->done = done;
	mail->client = client;
	mail->replies =
	    arena_alloc(&p->arena, mail->count * sizeof *mail->replies);
	p->mail = mail;
	buf_clear(&text);
	if (breaks(client)) {
		end(client, CLIENT_LOST, said(REPLY(421, "4.3.0", "bye")));
		return;
	}
	for (size_t i = 0; i < mail->count; i++) {
		mail->replies[i] = answer(mail->recipients[i]);
		refused += mail->replies[i].code != 0;
	}
	if (refused == mail->count)
		loop_later(loop, &p->done, on_done);
	else
		loop_later(loop, &p->more, on_more);
}

void
smtp_mail_feed(struct smtp_mail *mail, struct str piece, bool whole)
{
	struct smtp_client_private *p = mail->client->private;
	buf_add(&text, piece);
	if (!whole) {
		loop_later(loop, &p->more, on_more);
		return;
	}
	p->client->mails++;
	if (p->peer->trouble == PEER_LOST_LATE) {
		end(p->client, CLIENT_LOST, REPLY(451, "4.4.2", "lost"));
		return;
	}
	for (size_t i = 0; i < mail->count; i++)
		if (mail->replies[i].code == 0)
			mail->replies[i] = said(REPLY(250, "2.0.0", "kept"));
	if (p->peer->trouble == PEER_SILENT)
		wait_for_test(&p->done, on_done);
	else
		loop_later(loop, &p->done, on_done);
}

void
smtp_mail_abort(struct smtp_mail *mail)
{
	story_add("abort");
	if (mail->client && mail->client->failure == CLIENT_OK)
		end(mail->client, CLIENT_LOST,
		    REPLY(451, "4.3.0", "The message can't be read"));
}

void
smtp_client_free(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	if (!p)
		return;
	forget(&p->later);
	forget(&p->done);
	forget(&p->more);
	arena_free(&p->arena);
	sessions--;
	if (last == client)
		last = NULL;
	free(p);
	*client = (struct smtp_client){ 0 };
}

void
smtp_client_quit(struct smtp_client *client)
{
	if (client->private)
		story_add("quit");
	smtp_client_free(client);
}

void
fake_peers_close(void)
{
	if (last)
		end(last, CLIENT_LOST,
		    said(REPLY(421, "4.4.2", "idle too long")));
}
