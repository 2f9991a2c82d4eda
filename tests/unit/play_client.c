#include "smtpd/smtp/client.h"
#include "tests/unit/play.h"

#include <stdlib.h>

enum {
	MAX_RECIPIENTS = 300,
	PIECE = 7
};

struct sender {
	struct smtp_client client;
	struct loop *loop;
	struct player player;
	size_t mails; /* of the dialog that were begun */
	struct smtp_mail mail;
	struct str recipients[MAX_RECIPIENTS];
	struct str message;
	size_t fed;
	struct later later; /* the next piece of it */
	bool busy; /* a mail was sent and its done() hasn't come */
	bool over; /* the client is freed */
	int64_t answers;
};

static struct sender *
sender_of(struct smtp_client *client)
{
	return container_of(client, struct sender, client);
}

static void
note_reply(
    struct sender *s, const char *key, struct str who, struct reply reply)
{
	struct buf text = { 0 };
	buf_addf(&text, "%.*s %d %s %s", STR_ARG(who), reply.code,
	    reply.enhanced ? reply.enhanced : "-", reply.text);
	player_note(&s->player, key, buf_str(&text));
	buf_free(&text);
}

static void
count_answer(struct sender *s)
{
	if (++s->answers == s->player.play->cut_answers)
		player_cut(&s->player);
}

/* ---- the source of the message ---- */

static void
feed(struct sender *s)
{
	struct str piece = str_sub(s->message, s->fed, PIECE);
	bool large = s->message.n > 1000;
	if (large)
		piece = str_sub(s->message, s->fed, 10000);
	s->fed += piece.n;
	bool end = s->fed == s->message.n;
	if (str_eq(
		dialog_setting(s->player.dialog, "source", 0), STR("broken")))
		smtp_mail_abort(&s->mail);
	else
		smtp_mail_feed(&s->mail, piece, end);
	count_answer(s);
}

static void
on_later(struct later *later)
{
	feed(container_of(later, struct sender, later));
}

static void
on_more(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	if (s->player.play->later)
		loop_later(s->loop, &s->later, on_later);
	else
		feed(s);
}

/* ---- the owner ---- */

static void
on_done(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	s->busy = false;
	later_cancel(&s->later);
	for (size_t i = 0; i < mail->count; i++)
		note_reply(s, "result", mail->recipients[i], mail->replies[i]);
	count_answer(s);
}

static void
send_next(struct sender *s)
{
	const struct dialog *d = s->player.dialog;
	struct str words = dialog_setting(d, "mail", s->mails++);
	s->mail = (struct smtp_mail){
		.sender = str_cut(&words, ' '),
		.recipients = s->recipients,
		.size = dialog_number(d, "size", 0),
		.eight_bit = dialog_number(d, "eight_bit", 0) > 0,
		.require_tls = dialog_number(d, "require_tls", 0) > 0,
		.more = on_more,
	};
	while (words.n > 0 && s->mail.count < MAX_RECIPIENTS)
		s->recipients[s->mail.count++] = str_cut(&words, ' ');
	if (str_eq(s->mail.sender, STR("<>")))
		s->mail.sender = STR("");
	s->message = dialog_setting(d, "message", 0);
	s->fed = 0;
	s->busy = true;
	smtp_client_send(&s->client, &s->mail, on_done);
}

static void
on_ready(struct smtp_client *client)
{
	struct sender *s = sender_of(client);
	const struct dialog *d = s->player.dialog;
	bool idle = str_eq(dialog_setting(d, "then", 0), STR("wait"));
	player_note(
	    &s->player, "secure", client->secure ? STR("yes") : STR("no"));
	player_note(&s->player, "keeps_tls",
	    client->keeps_tls ? STR("yes") : STR("no"));
	if (dialog_setting(d, "mail", s->mails).n > 0) {
		send_next(s);
	} else if (!idle) {
		smtp_client_quit(client);
		s->over = true;
	}
}

static void
on_ended(struct smtp_client *client)
{
	static const char *const names[] = {
		[CLIENT_OK] = "OK",
		[CLIENT_GREETING] = "GREETING",
		[CLIENT_TLS_REFUSED] = "TLS_REFUSED",
		[CLIENT_TLS_HANDSHAKE] = "TLS_HANDSHAKE",
		[CLIENT_AUTH] = "AUTH",
		[CLIENT_LOST] = "LOST",
	};
	struct sender *s = sender_of(client);
	note_reply(s, "ended", str_of(names[client->failure]), client->reply);
	smtp_client_free(client);
	s->over = true;
}

/* ---- playing ---- */

static enum smtp_client_tls
tls_mode(const struct dialog *d, const struct play *play)
{
	struct str mode = dialog_setting(d, "tls", 0);
	if (play->tls)
		return CLIENT_TLS_IMPLICIT;
	if (str_eq(mode, STR("may")))
		return CLIENT_TLS_MAY;
	if (str_eq(mode, STR("must")))
		return CLIENT_TLS_MUST;
	return CLIENT_TLS_NONE;
}

bool
play_client(const struct dialog *dialog, const struct play *play,
    struct buf *trouble, int64_t *answers)
{
	struct sender s = { .loop = loop_new() };
	int fd = player_start(&s.player, s.loop, dialog, play, true);
	struct smtp_client_options options = {
		.helo = "client.example.test",
		.tls = tls_mode(dialog, play),
		.terms = { .context = player_client_tls,
		    .name = "mx.example.test" },
		.user = dialog_setting(dialog, "user", 0),
		.password = dialog_setting(dialog, "password", 0),
	};
	smtp_client_start(&s.client, s.loop, fd, &options, on_ready, on_ended);
	player_run(&s.player);
	if (play->cut == NO_CUT && play->cut_answers == NO_CUT)
		player_check(&s.player);
	if (!s.over && s.player.trouble.n == 0)
		buf_adds(&s.player.trouble, "ended() hasn't come");
	if (s.busy && s.player.trouble.n == 0)
		buf_adds(&s.player.trouble, "done() hasn't come");
	buf_add(trouble, buf_str(&s.player.trouble));
	bool good = s.player.trouble.n == 0;
	*answers = s.answers;
	player_free(&s.player);
	loop_free(s.loop);
	return good;
}
