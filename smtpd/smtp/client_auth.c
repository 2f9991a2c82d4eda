/* AUTH, RFC 4954: the strongest mechanism that is offered, and no weaker one
   when it fails.  The functions stand in the order of the replies read
   backwards, so that each knows what comes next. */
#include "smtpd/smtp/client_private.h"

#include "lib/base/codec.h"
#include "lib/net/scram.h"

#include <stdlib.h>
#include <string.h>

struct client_scram { /* lives until the job has come back */
	struct job job;
	struct smtp_client *client; /* NULL: gone */
	struct scram scram;
	struct buf password; /* a copy */
	bool running; /* the job */
	bool hashed;
	uint8_t hash[SCRAM_HASH];
};

/* ---- the end ---- */

static void
on_auth(struct smtp_client *client, struct reply reply)
{
	if (reply.code == 235)
		client_ready(client);
	else
		client_end(client, CLIENT_AUTH, reply);
}

static const struct client_step auth = { "before the reply to AUTH", 5,
	on_auth };

static void
fail(struct smtp_client *client, const char *why)
{
	client_end(client, CLIENT_AUTH, REPLY(451, "4.7.0", why));
}

/* The text in base64, on a line of its own. */
static void
say_base64(
    struct smtp_client *client, struct str text, const struct client_step *next)
{
	base64_add(&client->private->out, text);
	buf_adds(&client->private->out, "\r\n");
	client_say(client, next);
}

/* ---- LOGIN and PLAIN ---- */

static void
say_secret(struct smtp_client *client, struct reply reply, struct str text,
    const struct client_step *next)
{
	if (reply.code == 334)
		say_base64(client, text, next);
	else
		client_end(client, CLIENT_AUTH, reply);
}

static void
on_login_user(struct smtp_client *client, struct reply reply)
{
	say_secret(client, reply, client->private->options.password, &auth);
}

static const struct client_step login_user = { "before the reply to AUTH", 5,
	on_login_user };

static void
on_login(struct smtp_client *client, struct reply reply)
{
	say_secret(client, reply, client->private->options.user, &login_user);
}

static const struct client_step login = { "before the reply to AUTH", 5,
	on_login };

static void
start_login(struct smtp_client *client)
{
	buf_adds(&client->private->out, "AUTH LOGIN\r\n");
	client_say(client, &login);
}

/* RFC 4616 2: no authorization identity, so that it is the user's own */
static void
start_plain(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	struct buf secret = { 0 };
	buf_addc(&secret, '\0');
	buf_add(&secret, p->options.user);
	buf_addc(&secret, '\0');
	buf_add(&secret, p->options.password);
	buf_adds(&p->out, "AUTH PLAIN ");
	say_base64(client, buf_str(&secret), &auth);
	buf_free(&secret);
}

/* ---- SCRAM ---- */

/* A challenge of the server's; false: the session has ended. */
static bool
read_challenge(struct smtp_client *client, struct reply reply, struct buf *text)
{
	if (reply.code != 334)
		client_end(client, CLIENT_AUTH, reply);
	else if (!base64_read(text, str_of(reply.text)))
		fail(client, "The challenge isn't base64");
	else
		return true;
	return false;
}

/* RFC 5802 5: a server that can't prove that it knows the password, too, gets
   nothing: 235 without the proof is a failure. */
static void
on_scram_proof(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	struct buf text = { 0 };
	const char *why;
	if (reply_class(reply) == 2)
		fail(client, "The server hasn't proven who it is");
	else if (!read_challenge(client, reply, &text))
		;
	else if (!scram_verify(&p->scram->scram, buf_str(&text), &why))
		fail(client, why);
	else
		say_base64(client, STR(""), &auth);
	buf_free(&text);
}

static const struct client_step scram_proven = { "before the reply to AUTH", 5,
	on_scram_proof };

static void
scram_drop(struct client_scram *s)
{
	scram_free(&s->scram);
	explicit_bzero(s->hash, sizeof s->hash);
	explicit_bzero(s->password.p, s->password.n);
	buf_free(&s->password);
	free(s);
}

void
client_auth_stop(struct smtp_client *client)
{
	struct client_scram *s = client->private->scram;
	client->private->scram = NULL;
	if (s && s->running && !job_cancel(&s->job))
		s->client = NULL;
	else if (s)
		scram_drop(s);
}

static void
on_hash(struct job *job)
{
	struct client_scram *s = container_of(job, struct client_scram, job);
	s->hashed = scram_hash(buf_str(&s->password), buf_str(&s->scram.salt),
	    s->scram.iterations, s->hash);
}

static void
on_hashed(struct job *job)
{
	struct client_scram *s = container_of(job, struct client_scram, job);
	struct smtp_client *client = s->client;
	struct buf text = { 0 };
	s->running = false;
	if (!client) {
		scram_drop(s);
		return;
	}
	if (s->hashed) {
		scram_proof(&s->scram, s->hash, &text);
		say_base64(client, buf_str(&text), &scram_proven);
		buf_free(&text);
	} else {
		fail(client, "The password can't be hashed");
	}
}

/* The number of iterations is the server's wish: a worker's work. */
static void
on_scram(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	struct client_scram *s = p->scram;
	struct buf text = { 0 };
	const char *why;
	bool good = read_challenge(client, reply, &text);
	if (good && !scram_challenge(&s->scram, buf_str(&text), &why)) {
		fail(client, why);
	} else if (good) {
		s->running =
		    job_start(p->options.lane, &s->job, on_hash, on_hashed);
		if (!s->running)
			fail(client, "Too busy to hash the password");
	}
	buf_free(&text);
}

static const struct client_step scram = { "before the reply to AUTH", 5,
	on_scram };

static struct client_scram *
scram_new(struct smtp_client *client)
{
	struct client_scram *s = mem_alloc(sizeof *s);
	s->client = client;
	buf_add(&s->password, client->private->options.password);
	return s;
}

static void
scram_begin(struct smtp_client *client, const char *mechanism, bool plus)
{
	struct smtp_client_private *p = client->private;
	struct buf nonce = { 0 }, binding = { 0 }, text = { 0 };
	const char *type = "";
	bool bound = stream_channel_binding(p->stream, &type, &binding);
	scram_nonce(&nonce);
	p->scram = scram_new(client);
	scram_first(&p->scram->scram,
	    &(struct scram_names){ .user = p->options.user,
		.nonce = buf_str(&nonce),
		.binding_type = plus ? str_of(type) : STR(""),
		.binding = plus ? buf_str(&binding) : STR(""),
		.binding_possible = bound },
	    &text);
	buf_addf(&p->out, "AUTH %s ", mechanism);
	say_base64(client, buf_str(&text), &scram);
	buf_free(&nonce);
	buf_free(&binding);
	buf_free(&text);
}

static void
start_scram(struct smtp_client *client)
{
	scram_begin(client, "SCRAM-SHA-256", false);
}

static void
start_scram_plus(struct smtp_client *client)
{
	scram_begin(client, "SCRAM-SHA-256-PLUS", true);
}

/* ---- which one ---- */

static bool
can_bind(const struct smtp_client_private *p)
{
	const char *type;
	struct buf binding = { 0 };
	bool bound = stream_channel_binding(p->stream, &type, &binding);
	buf_free(&binding);
	return bound;
}

void
client_authenticate(struct smtp_client *client)
{
	static const struct {
		unsigned offer;
		bool binds;
		void (*start)(struct smtp_client *);
	} mechanisms[] = {
		/* the strongest first */
		{ OFFER_SCRAM_PLUS, true, start_scram_plus },
		{ OFFER_SCRAM, false, start_scram },
		{ OFFER_PLAIN, false, start_plain },
		{ OFFER_LOGIN, false, start_login },
	};
	const struct smtp_client_private *p = client->private;
	if (str_empty(p->options.user)) {
		client_ready(client);
		return;
	}
	if (!client->secure) {
		fail(client, "No TLS, so no password is sent");
		return;
	}
	for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
		if (!(p->offers & mechanisms[i].offer) ||
		    (mechanisms[i].binds && !can_bind(p)))
			continue;
		mechanisms[i].start(client);
		return;
	}
	fail(client, "AUTH SCRAM-SHA-256, PLAIN or LOGIN isn't offered");
}
