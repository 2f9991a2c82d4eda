/* Mail over a session that is ready, and when a session ends in it. */
#include "lib/base/clock.h"
#include "smtpd/delivery/delivery_private.h"
#include "smtpd/delivery/remote_private.h"

#include <string.h>

enum {
	IDLE_MS = 5000,
	MAILS = 100, /* over one connection: more is against many a policy */
	LOSSES = 3, /* of sessions, then the transaction waits */
	ROUTE_MS = 300000, /* that further connections follow a route: policies
			      change */
};

void
remote_leave(struct remote *remote)
{
	destination_left(remote->destination, remote);
	remote_free(remote);
}

void
remote_close(struct remote *remote)
{
	smtp_client_quit(&remote->client);
	remote_leave(remote);
}

/* ---- one after the other ---- */

static void on_done(struct transfer *, bool replied);

static void
on_idle(struct timer *timer)
{
	remote_close(container_of(timer, struct remote, timer));
}

static void
become_idle(struct remote *remote)
{
	struct delivery *delivery = remote->destination->delivery;
	remote->phase = REMOTE_IDLE;
	slots_idle(remote_slots(remote), &remote->slot);
	timer_start(&remote->timer, delivery->parts.loop, IDLE_MS, on_idle);
}

void
remote_send_next(struct remote *remote)
{
	if (remote->mails == MAILS || remote->destination->delivery->stopping) {
		remote_close(remote);
		return;
	}
	struct transfer *t = destination_take(remote->destination);
	if (!t) {
		become_idle(remote);
		return;
	}
	remote->phase = REMOTE_BUSY;
	remote->transfer = t;
	remote->mails++;
	transfer_start(t, &remote->client, on_done);
}

void
remote_resume(struct remote *remote)
{
	timer_stop(&remote->timer);
	slots_opened(remote_slots(remote), &remote->slot);
	remote_send_next(remote);
}

/* RFC 5321 3.8, 5.1: it may go elsewhere as long as it can't have arrived */
static bool
may_go_again(const struct remote *remote, const struct transfer *t)
{
	bool elsewhere =
	    remote->mails > 1 || remote->hop + 1 < remote->route.count;
	return elsewhere && !transfer_is_sent(t) && t->losses + 1 < LOSSES;
}

/* The session has broken off in a transaction. */
static void
lose(struct remote *remote, struct transfer *t, bool replied)
{
	struct destination *destination = remote->destination;
	struct reply reply = remote_name(remote, remote->client.reply);
	struct peer peer = remote_peer(remote);
	for (size_t i = 0; replied && i < t->mail.count; i++)
		if (!t->mail.replies[i].received)
			t->mail.replies[i] = reply;
	remote->transfer = NULL;
	if (may_go_again(remote, t)) {
		t->losses++;
		transfer_stop(t);
		destination_return(destination, t);
	} else if (replied) {
		transfer_settle(t, &peer);
	} else {
		transfer_answer(t, reply, &peer);
	}
	destination_lost(destination, reply, &peer);
	/* An old connection says nothing of its host: the same one again. */
	if (remote->mails > 1)
		return;
	remote->hop++;
	remote->plain = false;
	remote->mails = 0;
}

/* In the mail, or behind it?  Who got no reply of their own have that of the
   session's end. */
static bool
broke_off_in(const struct smtp_client *client, const struct smtp_mail *mail)
{
	if (client->failure == CLIENT_OK)
		return false;
	for (size_t i = 0; i < mail->count; i++)
		if (mail->replies[i].code == client->reply.code &&
		    strcmp(mail->replies[i].text, client->reply.text) == 0)
			return true;
	return false;
}

static bool
says(struct reply reply, const char *part)
{
	struct str text = str_of(reply.text), words = str_of(part);
	for (size_t i = 0; i + words.n <= text.n; i++)
		if (str_eq_nocase(str_sub(text, i, words.n), words))
			return true;
	return false;
}

/* RFC 4954 6, RFC 3207 4: it wants a login, another one, or TLS.  Many have no
   code of its own for that: Postfix, Sendmail and Exim say it in words. */
static bool
wants_login(struct reply reply)
{
	static const char *const words[] = { "relay access denied",
		"relaying denied", "relay not permitted" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (reply_class(reply) == 5 && says(reply, words[i]))
			return true;
	return reply.code == 530 || reply.code == 534 || reply.code == 535 ||
	    reply.code == 538;
}

/* What the smarthost asks of us, no mail can give; code 0: it asks nothing. */
static struct reply
soften(struct remote *remote, struct smtp_mail *mail)
{
	struct reply refusal = REPLY(0, NULL, "");
	for (size_t i = 0; remote_is_relay(remote) && i < mail->count; i++) {
		if (!wants_login(mail->replies[i]))
			continue;
		if (!refusal.code)
			refusal = remote_soften(
			    remote, mail->replies[i], "mail of ours");
		mail->replies[i] = refusal;
	}
	return refusal;
}

static void
settle(struct remote *remote, struct transfer *t)
{
	struct peer peer = remote_peer(remote);
	struct reply refusal = soften(remote, &t->mail);
	slots_proven(remote_slots(remote), &remote->slot);
	destination_answered(remote->destination);
	transfer_settle(t, &peer);
	if (refusal.code)
		destination_refused(remote->destination, refusal, &peer);
}

/* Then the session says whether it is ready for more, or has ended. */
static void
on_done(struct transfer *t, bool replied)
{
	struct remote *remote = container_of(t->client, struct remote, client);
	if (replied && broke_off_in(&remote->client, &t->mail)) {
		lose(remote, t, true);
		return;
	}
	remote->transfer = NULL;
	if (replied) {
		settle(remote, t);
	} else {
		transfer_drop(t);
		remote_send_next(remote);
	}
}

/* The same host again, and long after it was found?  Where a host has failed,
   the rest of the route comes first. */
static bool
is_route_old(const struct remote *remote)
{
	return remote->mails > 0 &&
	    clock_mono_ms() - remote->found_ms >= ROUTE_MS;
}

void
remote_broken(struct remote *remote)
{
	if (remote->transfer)
		lose(remote, remote->transfer, false);
	smtp_client_free(&remote->client);
	if (backlog_is_empty(&remote->destination->backlog) ||
	    is_route_old(remote))
		remote_leave(remote);
	else
		remote_try_hop(remote);
}
