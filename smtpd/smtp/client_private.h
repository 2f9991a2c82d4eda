/*
 * client_private.h - what the files of the client share: client.c (replies,
 * events, the end), client_session.c (up to READY), client_auth.c (AUTH),
 * client_mail.c (a mail).
 */
#ifndef SMTPD_SMTP_CLIENT_PRIVATE_H
#define SMTPD_SMTP_CLIENT_PRIVATE_H

#include "lib/base/arena.h"
#include "smtpd/smtp/client.h"

enum {
	/* RFC 2920 3.1: commands under way; they and their replies fit the
	   buffers of both ends, so nobody waits for the other to read */
	CLIENT_WINDOW = 100,
	CLIENT_REPLY = 1000, /* octets of a reply's text that are kept */
};

enum client_offer { /* bits: what EHLO's reply offers */
	OFFER_PIPELINING = 1,
	OFFER_SIZE = 2,
	OFFER_8BITMIME = 4,
	OFFER_STARTTLS = 8,
	OFFER_PLAIN = 16,
	OFFER_LOGIN = 32,
	OFFER_REQUIRETLS = 64,
	OFFER_SCRAM = 128,
	OFFER_SCRAM_PLUS = 256,
};

/* A command that was said, and what becomes of its reply. */
struct client_step {
	const char *before; /* "before the reply to MAIL": where it was lost */
	/* RFC 5321 4.5.3.2: how long the reply may take */
	int64_t minutes;
	void (*got)(struct smtp_client *, struct reply);
};

struct smtp_client_private {
	struct stream_owner owner;
	struct smtp_client *client;
	struct loop *loop;
	struct stream *stream; /* NULL after the end */
	struct smtp_client_options options; /* its strings in arena */
	struct arena arena; /* lives as long as this */
	struct later tell; /* brings ready() or ended() */
	struct reply_parser parser;
	/* The queue, a ring. */
	const struct client_step *steps[CLIENT_WINDOW];
	uint64_t ends[CLIENT_WINDOW]; /* said, up to the end of their lines */
	size_t first, waiting;
	uint64_t said; /* octets, to the stream */
	struct buf out; /* lines and bytes on their way to the stream */
	unsigned offers;
	struct client_scram *scram; /* client_auth.c; or NULL */
	bool handshake;
	bool ready; /* no mail, nothing to wait for */

	/* The mail, client_mail.c alone. */
	struct smtp_mail *mail; /* until its done() */
	struct arena replies; /* of the mail; lives until the next one */
	struct later done, more;
	size_t next; /* line to be said: MAIL, each RCPT, DATA */
	size_t answered, accepted; /* recipients */
	bool feeding; /* between 354 and the final dot */
	bool full; /* no more is asked for until the output has drained */
	struct dot_writer dot;
};

/* client.c */
void client_flush(struct smtp_client *); /* what is in out leaves */
/* The same; the reply to its last line goes to step. */
void client_say(struct smtp_client *, const struct client_step *);
void client_ready(struct smtp_client *);
/* The reply's text is copied. */
void client_end(struct smtp_client *, enum smtp_failure, struct reply);
/* A reply that is none of those the command may have. */
void client_out_of_step(struct smtp_client *, struct reply);
/* A copy, of whose text the first CLIENT_REPLY octets are enough. */
struct reply client_keep(struct arena *, struct reply);
void client_handshake(struct smtp_client *);

/* client_session.c */
extern const struct client_step client_greeting;
/* Of the raw lines of EHLO's reply: enum client_offer, or'ed. */
unsigned client_offers(struct str lines);
void client_hello(struct smtp_client *);

/* client_auth.c */
void client_authenticate(struct smtp_client *);
void client_auth_stop(struct smtp_client *);

/* client_mail.c */
void client_mail_more(struct smtp_client *); /* output has drained */
void client_mail_fail(struct smtp_client *, struct reply);
void client_mail_free(struct smtp_client *);

#endif
