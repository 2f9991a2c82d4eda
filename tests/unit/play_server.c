#include "smtpd/smtp/server.h"
#include "tests/unit/play.h"

struct host {
	struct smtp_server server;
	struct smtp_options options;
	struct loop *loop;
	struct player player;
	struct tls_context *tls;
	struct buf calls; /* of the service, by name */
	struct buf message;
	struct address sender;
	/* The answer that is due, given at once or later. */
	struct reply answer;
	struct buf challenge; /* instead of the answer */
	struct later later;
	struct later resume; /* after a pause */
	bool login; /* AUTH LOGIN: the user's name was asked for */
	bool receiving; /* between data() and end() or reset() */
	bool ending; /* the answer is to end() */
	bool gone;
	int64_t answers;
};

static struct host *
host_of(struct smtp_server *server)
{
	return container_of(server, struct host, server);
}

static void
note_call(struct host *host, const char *name)
{
	if (host->calls.n > 0)
		buf_addc(&host->calls, ' ');
	buf_adds(&host->calls, name);
}

/* ---- answering ---- */

static void
give_answer(struct host *host)
{
	struct reply answer = host->answer;
	if (answer.code == 235)
		smtp_server_known(&host->server);
	if (answer.code == 334)
		smtp_server_challenge(&host->server, buf_str(&host->challenge));
	else if (answer.code == 0)
		smtp_server_close(
		    &host->server, REPLY(421, "4.7.0", "Go away"));
	else
		smtp_server_reply(&host->server, answer);
	if (++host->answers == host->player.play->cut_answers)
		player_cut(&host->player);
}

/* DESIGN.md 4.4: the message is accepted whether or not anybody listens. */
static void
on_answer(struct later *later)
{
	struct host *host = container_of(later, struct host, later);
	if (!host->gone)
		give_answer(host);
	else if (host->ending)
		note_call(host, "alone");
}

static void
answer(struct smtp_server *server, struct reply reply)
{
	struct host *host = host_of(server);
	host->answer = reply;
	if (host->player.play->later)
		loop_later(host->loop, &host->later, on_answer);
	else
		give_answer(host);
}

struct verdict {
	const char *local;
	struct reply reply;
};

/* By the local part of the address. */
static struct reply
judge(const struct verdict *all, struct str local, struct reply otherwise)
{
	for (; all->local; all++)
		if (str_eq(local, str_of(all->local)))
			return all->reply;
	return otherwise;
}

/* ---- the service ---- */

static void
on_auth(struct smtp_server *server, struct str mechanism, struct str initial)
{
	struct host *host = host_of(server);
	note_call(host, initial.p && initial.n == 0 ? "auth=" : "auth");
	host->login = str_eq(mechanism, STR("LOGIN"));
	buf_clear(&host->challenge);
	if (host->login)
		buf_adds(&host->challenge, "VXNlcm5hbWU6");
	if (!initial.p)
		answer(server, REPLY(334, NULL, ""));
	else if (str_eq(initial, STR("AGFubgBzZWNyZXQ=")))
		answer(server, REPLY(235, "2.7.0", "Welcome"));
	else
		answer(server, REPLY(535, "5.7.8", "Not right"));
}

static void
on_auth_line(struct smtp_server *server, struct str line)
{
	struct host *host = host_of(server);
	note_call(host, "line");
	bool right = str_eq(line, STR("AGFubgBzZWNyZXQ=")) ||
	    str_eq(line, STR("c2VjcmV0"));
	if (host->login && str_eq(line, STR("YW5u"))) {
		host->login = false;
		buf_clear(&host->challenge);
		buf_adds(&host->challenge, "UGFzc3dvcmQ6");
		answer(server, REPLY(334, NULL, ""));
	} else if (right) {
		answer(server, REPLY(235, "2.7.0", "Welcome"));
	} else {
		answer(server, REPLY(535, "5.7.8", "Not right"));
	}
}

static void
on_mail(struct smtp_server *server, const struct address *sender,
    const struct params *params)
{
	static const struct verdict verdicts[] = {
		{ "defer", REPLY_IS(451, "4.3.0", "Later") },
		{ "refuse", REPLY_IS(550, "5.7.1", "Not you") },
		{ 0 },
	};
	struct host *host = host_of(server);
	(void)params;
	note_call(host, "mail");
	host->sender = *sender;
	answer(
	    server, judge(verdicts, sender->local, REPLY(250, "2.1.0", "OK")));
}

static void
on_rcpt(struct smtp_server *server, const struct address *recipient,
    const struct params *params)
{
	static const struct verdict verdicts[] = {
		{ "defer", REPLY_IS(450, "4.2.1", "Later") },
		{ "unknown", REPLY_IS(550, "5.1.1", "No such user") },
		{ "relay", REPLY_IS(550, "5.7.1", "No relaying") },
		{ "hangup", REPLY_IS(421, "4.7.0", "Enough") },
		{ "close", REPLY_IS(0, NULL, "") },
		{ 0 },
	};
	(void)params;
	note_call(host_of(server), "rcpt");
	answer(server,
	    judge(verdicts, recipient->local, REPLY(250, "2.1.5", "OK")));
}

static void
on_data(struct smtp_server *server)
{
	static const struct verdict verdicts[] = {
		{ "nodata", REPLY_IS(451, "4.3.0", "Not now") },
		{ 0 },
	};
	struct host *host = host_of(server);
	note_call(host, "data");
	buf_clear(&host->message);
	host->receiving = true;
	answer(server,
	    judge(verdicts, host->sender.local, REPLY(354, NULL, "Go ahead")));
}

static void
on_resume(struct later *later)
{
	smtp_server_pause(
	    &container_of(later, struct host, resume)->server, false);
}

static void
on_body(struct smtp_server *server, struct str piece)
{
	struct host *host = host_of(server);
	buf_add(&host->message, piece);
	if (!host->receiving)
		note_call(host, "body");
	if (!str_eq(host->sender.local, STR("slow")))
		return;
	smtp_server_pause(server, true);
	loop_later(host->loop, &host->resume, on_resume);
}

static void
on_end(struct smtp_server *server)
{
	static const struct verdict verdicts[] = {
		{ "full", REPLY_IS(452, "4.3.1", "No space") },
		{ "spam", REPLY_IS(550, "5.7.1", "No, thanks") },
		{ 0 },
	};
	struct host *host = host_of(server);
	note_call(host, "end");
	player_note(&host->player, "message", buf_str(&host->message));
	host->receiving = false;
	host->ending = true;
	answer(server,
	    judge(verdicts, host->sender.local, REPLY(250, "2.0.0", "Queued")));
}

static void
on_refused(struct smtp_server *server, struct reply reply)
{
	(void)reply;
	note_call(host_of(server), "refused");
}

static void
on_reset(struct smtp_server *server)
{
	struct host *host = host_of(server);
	note_call(host, "reset");
	for (int i = 0; i < 2 && str_eq(host->sender.local, STR("last")); i++)
		smtp_server_close(
		    &host->server, REPLY(421, "4.3.2", "Stopping"));
	host->receiving = false;
	host->ending = false;
	host->sender = (struct address){ 0 };
}

static void
on_gone(struct smtp_server *server)
{
	struct host *host = host_of(server);
	note_call(host, "gone");
	later_cancel(&host->resume);
	if (!host->ending)
		later_cancel(&host->later);
	smtp_server_free(server);
	host->gone = true;
}

static const struct smtp_service service = {
	.auth = on_auth,
	.auth_line = on_auth_line,
	.mail = on_mail,
	.rcpt = on_rcpt,
	.data = on_data,
	.body = on_body,
	.end = on_end,
	.refused = on_refused,
	.reset = on_reset,
	.gone = on_gone,
};

/* ---- playing ---- */

static void
set_options(struct host *host, const struct dialog *d)
{
	static const char *const mechanisms[] = { "PLAIN", "LOGIN", NULL };
	bool no_tls = str_eq(dialog_setting(d, "tls", 0), STR("off"));
	host->tls = no_tls ? NULL : player_server_tls;
	host->options = (struct smtp_options){
		.service = &service,
		.hostname = "mx.example.test",
		.tls = &host->tls,
		.submission =
		    str_eq(dialog_setting(d, "port", 0), STR("submission")),
		.mechanisms = mechanisms,
		.max_size = dialog_number(d, "max_size", 1000000),
		.max_recipients =
		    (unsigned)dialog_number(d, "max_recipients", 100),
		.max_errors = (unsigned)dialog_number(d, "max_errors", 10),
		.command_ms = (int64_t)dialog_number(d, "command_ms", 300000),
		.data_ms = (int64_t)dialog_number(d, "data_ms", 180000),
	};
}

bool
play_server(const struct dialog *dialog, const struct play *play,
    struct buf *trouble, int64_t *answers)
{
	struct host host = { .loop = loop_new() };
	set_options(&host, dialog);
	int fd = player_start(&host.player, host.loop, dialog, play, false);
	struct stream *stream = stream_new(host.loop, fd, &host.server.owner);
	smtp_server_start(
	    &host.server, host.loop, stream, &host.options, play->tls);
	player_run(&host.player);
	player_note(&host.player, "calls", buf_str(&host.calls));
	if (play->cut == NO_CUT && play->cut_answers == NO_CUT)
		player_check(&host.player);
	if (!host.gone && host.player.trouble.n == 0)
		buf_adds(&host.player.trouble, "gone() hasn't come");
	bool good = host.player.trouble.n == 0;
	buf_add(trouble, buf_str(&host.player.trouble));
	*answers = host.answers;
	player_free(&host.player);
	buf_free(&host.calls);
	buf_free(&host.message);
	buf_free(&host.challenge);
	loop_free(host.loop);
	return good;
}
