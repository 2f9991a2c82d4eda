#include "smtpd/smtp/client_private.h"

/* From the greeting to AUTH.  The functions stand in the order of the
   replies read backwards, so that each knows what comes next. */

/* ---- STARTTLS ---- */

/* RFC 3207 6: bytes behind the 220 weren't said by whom the certificate names
 */
static void
on_starttls(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	if (reply.code == 220 && stream_input(p->stream).n > 0)
		client_end(client, CLIENT_LOST,
		    REPLY(451, "4.5.0", "The peer talked before TLS was up"));
	else if (reply.code == 220)
		client_handshake(client);
	else if (p->options.tls == CLIENT_TLS_MUST)
		client_end(client, CLIENT_TLS_REFUSED, reply);
	else
		client_authenticate(client);
}

static const struct client_step starttls = { "before the reply to STARTTLS", 5,
	on_starttls };

static void
secure(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	bool wanted = p->options.tls != CLIENT_TLS_NONE && !client->secure;
	if (wanted && p->offers & OFFER_STARTTLS) {
		buf_adds(&p->out, "STARTTLS\r\n");
		client_say(client, &starttls);
	} else if (wanted && p->options.tls == CLIENT_TLS_MUST) {
		client_end(client, CLIENT_TLS_REFUSED,
		    REPLY(451, "4.7.0", "STARTTLS isn't offered"));
	} else {
		client_authenticate(client);
	}
}

/* ---- EHLO, else HELO ---- */

struct offer {
	const char *word;
	unsigned bit;
};

static unsigned
find_offer(const struct offer *all, struct str word)
{
	while (all->word && !str_eq_nocase(word, str_of(all->word)))
		all++;
	return all->bit;
}

static unsigned
parse_offer(struct str line)
{
	static const struct offer keywords[] = {
		{ "PIPELINING", OFFER_PIPELINING },
		{ "SIZE", OFFER_SIZE },
		{ "8BITMIME", OFFER_8BITMIME },
		{ "STARTTLS", OFFER_STARTTLS },
		{ "REQUIRETLS", OFFER_REQUIRETLS },
		{ 0 },
	};
	static const struct offer mechanisms[] = {
		{ "SCRAM-SHA-256-PLUS", OFFER_SCRAM_PLUS },
		{ "SCRAM-SHA-256", OFFER_SCRAM },
		{ "PLAIN", OFFER_PLAIN },
		{ "LOGIN", OFFER_LOGIN },
		{ 0 },
	};
	struct str word = str_cut(&line, ' ');
	unsigned bits = find_offer(keywords, word);
	if (str_eq_nocase(word, STR("AUTH")))
		while (line.n > 0)
			bits |= find_offer(mechanisms, str_cut(&line, ' '));
	return bits;
}

unsigned
client_offers(struct str lines)
{
	unsigned bits = 0;
	str_cut(&lines, '\n'); /* the host's name */
	while (lines.n > 0)
		bits |= parse_offer(str_cut(&lines, '\n'));
	return bits;
}

static void
on_helo(struct smtp_client *client, struct reply reply)
{
	if (reply_class(reply) == 2)
		secure(client);
	else
		client_end(client, CLIENT_GREETING, reply);
}

static const struct client_step helo = { "before the reply to HELO", 5,
	on_helo };

static void
on_ehlo(struct smtp_client *client, struct reply reply)
{
	struct smtp_client_private *p = client->private;
	/* RFC 5321 3.2: who doesn't know EHLO may know HELO */
	if (reply_class(reply) == 5) {
		buf_addf(&p->out, "HELO %s\r\n", p->options.helo);
		client_say(client, &helo);
		return;
	}
	if (reply_class(reply) != 2) {
		client_end(client, CLIENT_GREETING, reply);
		return;
	}
	p->offers = client_offers(buf_str(&p->parser.raw_lines));
	/* RFC 8689 2: it means nothing without TLS */
	client->keeps_tls = client->secure && p->offers & OFFER_REQUIRETLS;
	secure(client);
}

static const struct client_step ehlo = { "before the reply to EHLO", 5,
	on_ehlo };

void
client_hello(struct smtp_client *client)
{
	struct smtp_client_private *p = client->private;
	p->offers = 0;
	buf_addf(&p->out, "EHLO %s\r\n", p->options.helo);
	client_say(client, &ehlo);
}

static void
on_greeting(struct smtp_client *client, struct reply reply)
{
	if (reply.code == 220)
		client_hello(client);
	else
		client_end(client, CLIENT_GREETING, reply);
}

const struct client_step client_greeting = { "before the greeting", 5,
	on_greeting };
