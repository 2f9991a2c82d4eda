#include "smtpd/smtp/client_private.h"

#include <inttypes.h>
#include <string.h>

enum {
	/* RFC 5321 4.5.3.2.5: until the peer has taken what we feed */
	DATA_BLOCK_MS = 180000,
	PENDING_MAX = 65536, /* output, above which no more is asked for */
};

/* ---- outcomes ---- */

/* For every recipient that has no reply of its own. */
static void
fill(struct smtp_client_private *p, struct reply reply)
{
	struct smtp_mail *mail = p->mail;
	reply = client_keep(&p->replies, reply);
	for (size_t i = 0; i < mail->count; i++)
		if (!mail->replies[i].code)
			mail->replies[i] = reply;
}

static void
on_done(struct later *later)
{
	struct smtp_client_private *p =
	    container_of(later, struct smtp_client_private, done);
	struct smtp_mail *mail = p->mail;
	p->mail = NULL;
	mail->client = NULL;
	mail->done(mail);
}

static void
finish(struct smtp_client_private *p)
{
	p->feeding = false;
	later_cancel(&p->more);
	loop_later(p->loop, &p->done, on_done);
}

void
client_mail_fail(struct smtp_client *client, struct reply why)
{
	struct smtp_client_private *p = client->private;
	if (!p->mail)
		return;
	fill(p, why);
	finish(p);
}

void
client_mail_free(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	if (p->mail)
		p->mail->client = NULL;
	later_cancel(&p->done);
	later_cancel(&p->more);
	arena_free(&p->replies);
}

/* 2, 4 or 5 fits the command; else the session is over. */
static bool
fits(struct smtp_client *client, struct reply reply)
{
	int class = reply_class(reply);
	if (class == 2 || class == 4 || class == 5)
		return true;
	client_out_of_step(client, reply);
	return false;
}

/* ---- the end of a transaction ---- */

static void
on_rset(struct smtp_client *client, struct reply reply)
{
	if (reply_class(reply) == 2)
		client_ready(client);
	else
		client_end(client, CLIENT_LOST, reply);
}

static const struct client_step rset = { "before the reply to RSET", 5,
	on_rset };

static void
on_final_dot(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	if (!fits(client, reply))
		return;
	fill(p, reply);
	client->mails++;
	finish(p);
	client_ready(client);
}

static const struct client_step final_dot = { "before the reply to the message",
	10, on_final_dot };

/* Nobody takes the mail, and no DATA is under way. */
static void
give_up(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	finish(p);
	buf_adds(&p->out, "RSET\r\n");
	client_say(client, &rset);
}

/* ---- the message ---- */

static void
on_more(struct later *later)
{
	struct smtp_client_private *p =
	    container_of(later, struct smtp_client_private, more);
	stream_deadline(p->stream, 0); /* for the source to go on */
	p->mail->more(p->mail);
}

/* Output has drained: the source may go on. */
void
client_mail_more(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	if (!p->full)
		return;
	p->full = false;
	loop_later(p->loop, &p->more, on_more);
}

void
smtp_mail_feed(struct smtp_mail *mail, struct str piece, bool end)
{
	struct smtp_client *client = mail->client;
	if (!client || !client->private->feeding)
		return; /* the session has ended meanwhile */
	struct smtp_client_private *p = client->private;
	dot_write(&p->dot, piece, &p->out);
	if (end) {
		dot_finish(&p->dot, &p->out);
		p->feeding = false;
		client_say(client, &final_dot);
		return;
	}
	client_flush(client);
	stream_deadline(p->stream, DATA_BLOCK_MS);
	p->full = stream_pending(p->stream) > PENDING_MAX;
	if (!p->full)
		loop_later(p->loop, &p->more, on_more);
}

void
smtp_mail_abort(struct smtp_mail *mail)
{
	if (mail->client && mail->client->private->stream)
		client_end(mail->client, CLIENT_LOST,
		    REPLY(451, "4.3.0", "The message can't be read"));
}

/* ---- MAIL, RCPT, DATA ---- */

static void say_lines(struct smtp_client *);

/* RFC 2920 3.1: DATA may be accepted though no recipient was; then a dot
   alone, and what is said to it doesn't matter. */
static void
on_data(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	int class = reply_class(reply);
	if (reply.code == 354 && p->accepted == 0) {
		buf_adds(&p->out, ".\r\n");
		client_say(client, &final_dot);
	} else if (reply.code == 354) {
		p->dot = (struct dot_writer){ 0 };
		p->feeding = true;
		loop_later(p->loop, &p->more, on_more);
	} else if (class == 4 || class == 5) {
		fill(p, reply);
		say_lines(client);
	} else {
		client_out_of_step(client, reply);
	}
}

/* RFC 5321 4.5.3.1.10: 552 was once the code for too many recipients, who
   are only to come in another mail.  5.2.2 beside it is a full mailbox. */
static struct reply
read_rcpt(const struct smtp_client_private *p, struct reply reply)
{
	bool other = reply.enhanced && strcmp(reply.enhanced, "5.5.3") != 0;
	if (reply.code == 552 && p->accepted > 0 && !other) {
		reply.code = 452;
		reply.enhanced = "4.5.3";
	}
	return reply;
}

static void
on_rcpt(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	if (!fits(client, reply))
		return;
	reply = read_rcpt(p, reply);
	struct reply *mine = &p->mail->replies[p->answered++];
	bool open = !mine->code; /* else MAIL was refused, and that counts */
	if (open && reply_class(reply) == 2)
		p->accepted++;
	else if (open)
		*mine = client_keep(&p->replies, reply);
	say_lines(client);
}

static void
on_mail(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	if (!fits(client, reply))
		return;
	if (reply_class(reply) != 2) {
		fill(p, reply);
		p->next = p->mail->count + 2;
	}
	say_lines(client);
}

static const struct client_step mail_from = { "before the reply to MAIL", 5,
	on_mail };
static const struct client_step rcpt_to = { "before the reply to RCPT", 5,
	on_rcpt };
static const struct client_step data = { "before the reply to DATA", 2,
	on_data };

/* An 8-bit message goes as it is to a server without 8BITMIME, too: they all
   take it, and converting would break its signatures. */
static void
say_mail(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	struct smtp_mail *mail = p->mail;
	buf_addf(&p->out, "MAIL FROM:<%.*s>", STR_ARG(mail->sender));
	if (p->offers & OFFER_SIZE && mail->size > 0)
		buf_addf(&p->out, " SIZE=%" PRIu64, mail->size);
	if (p->offers & OFFER_8BITMIME && mail->eight_bit)
		buf_adds(&p->out, " BODY=8BITMIME");
	if (mail->require_tls) /* RFC 8689 4.2.1 */
		buf_adds(&p->out, " REQUIRETLS");
	buf_adds(&p->out, "\r\n");
	client_say(client, &mail_from);
}

static void
say_line(struct smtp_client *client, size_t line)
{
	struct smtp_client_private *p = client->private;
	if (line == 0) {
		say_mail(client);
	} else if (line <= p->mail->count) {
		buf_addf(&p->out, "RCPT TO:<%.*s>\r\n",
		    STR_ARG(p->mail->recipients[line - 1]));
		client_say(client, &rcpt_to);
	} else {
		buf_adds(&p->out, "DATA\r\n");
		client_say(client, &data);
	}
}

/* As many as may be under way; behind the last reply, the end of a mail that
   nobody takes. */
static void
say_lines(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	size_t count = p->mail->count;
	size_t window = p->offers & OFFER_PIPELINING ? CLIENT_WINDOW : 1;
	while (p->next < count + 2 && p->waiting < window) {
		if (p->answered == count && p->accepted == 0)
			p->next = count + 2;
		else
			say_line(client, p->next++);
	}
	if (p->waiting == 0)
		give_up(client);
}

void
smtp_client_send(struct smtp_client *client, struct smtp_mail *mail,
    void (*done)(struct smtp_mail *))
{
	struct smtp_client_private *p = client->private;
	mail->done = done;
	mail->client = client;
	arena_free(&p->replies);
	mail->replies =
	    arena_alloc(&p->replies, mail->count * sizeof *mail->replies);
	p->mail = mail;
	p->next = 0;
	p->answered = 0;
	p->accepted = 0;
	if (p->ready) {
		p->ready = false;
		say_lines(client);
	} else {
		client_end(client, client->failure, client->reply);
	}
}
