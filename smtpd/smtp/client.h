/*
 * client.h - the client's side of an SMTP session: RFC 5321, 2920, 3207, 4954,
 * 8689.
 *
 * It knows the protocol and one peer: no DNS, no policy, no queue.  A queue of
 * expected replies: with PIPELINING lines leave at once, without it each waits
 * for the reply before it.  A reply belongs to exactly one command; whatever
 * doesn't fit is a failure of this session alone.
 */
#ifndef SMTPD_SMTP_CLIENT_H
#define SMTPD_SMTP_CLIENT_H

#include "lib/mail/dot.h"
#include "lib/mail/reply.h"
#include "lib/net/jobs.h"
#include "lib/net/stream.h"

struct smtp_client;

enum smtp_client_tls {
	CLIENT_TLS_NONE,
	CLIENT_TLS_MAY, /* STARTTLS when it is offered */
	CLIENT_TLS_MUST, /* STARTTLS, else failure before MAIL */
	CLIENT_TLS_IMPLICIT, /* handshake first: 465 */
};

struct smtp_client_options {
	const char *helo; /* our host name */
	enum smtp_client_tls tls;
	struct tls_terms terms; /* names and records are copied */
	struct str user, password; /* "" without AUTH; only used under TLS */
	struct lane *lane; /* workers that hash it; with a user */
};

enum smtp_failure { /* where a session failed; the reply says how */
	CLIENT_OK,
	CLIENT_GREETING, /* no banner, or a refusal */
	CLIENT_TLS_REFUSED, /* wanted, and not offered or refused */
	CLIENT_TLS_HANDSHAKE, /* failed, and verdict says how: another try in
				 plain may be allowed */
	CLIENT_AUTH,
	CLIENT_LOST, /* connection lost or timed out, or peer out of step */
};

/* One mail.  Each recipient gets a reply; what arrives is only what the reply
   to the final dot says. */
struct smtp_mail { /* {0} is idle */
	/* the question, kept by the asker until done() */
	struct str sender; /* without angle brackets */
	size_t count;
	const struct str *recipients;
	uint64_t size; /* octets, for SIZE= */
	bool eight_bit; /* BODY=8BITMIME is needed */
	bool require_tls; /* REQUIRETLS is passed on, which the peer offers */
	/* Called when more of the message is wanted; answered, now or later, by
	   one smtp_mail_feed().  May come again from the first octet on only
	   in another session. */
	void (*more)(struct smtp_mail *);
	/* the answer: one reply per recipient, text valid until done() returns
	 */
	struct reply *replies;
	void (*done)(struct smtp_mail *);
	struct smtp_client *client; /* private */
};

struct smtp_client { /* a member of its owner */
	/* READY for a mail, or ended: then failure and reply (4xx or 5xx, its
	   text valid until the owner frees this) say why, and the owner frees
	   it (from within, too). */
	void (*ready)(struct smtp_client *);
	void (*ended)(struct smtp_client *);
	enum smtp_failure failure;
	struct reply reply;
	bool secure;
	struct tls_info tls_info;
	enum tls_verdict verdict; /* of a handshake that was begun */
	const char *reason; /* for it (constant), or "" */
	bool keeps_tls; /* it offers REQUIRETLS, under TLS */
	struct ip local; /* our address */
	unsigned mails; /* that were sent over this session */
	struct smtp_client_private *private;
};

/* Takes the connected descriptor over. */
void smtp_client_start(struct smtp_client *, struct loop *, int fd,
    const struct smtp_client_options *, void (*ready)(struct smtp_client *),
    void (*ended)(struct smtp_client *));
/* When ready.  done() once and later; then ready() again or ended(). */
void smtp_client_send(
    struct smtp_client *, struct smtp_mail *, void (*done)(struct smtp_mail *));
/* Bytes with CR LF line ends, dots not stuffed; end: that was the last.  On a
   failure of the source: smtp_mail_abort(), which drops the connection. */
void smtp_mail_feed(struct smtp_mail *, struct str piece, bool end);
void smtp_mail_abort(struct smtp_mail *);
/* Says QUIT and goes; neither callback comes.  Idle on {0}. */
void smtp_client_quit(struct smtp_client *);
/* Drops it at once; no callback comes, not a mail's done() either. */
void smtp_client_free(struct smtp_client *);

#endif
