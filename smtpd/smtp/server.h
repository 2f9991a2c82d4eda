/*
 * server.h - the server's side of an SMTP session: RFC 5321, 2920, 3207, 4954.
 *
 * The protocol and nothing else: verbs, order, line ends, limits, deadlines,
 * STARTTLS, the frame of AUTH.  What a MAIL or RCPT means is the service's
 * business.  One command at a time: while one waits for its answer, input
 * stays buffered (bounded), so pipelining costs nothing and replies keep
 * their order.
 */
#ifndef SMTPD_SMTP_SERVER_H
#define SMTPD_SMTP_SERVER_H

#include "lib/mail/dot.h"
#include "lib/mail/params.h"
#include "lib/mail/path.h"
#include "lib/mail/reply.h"
#include "lib/net/stream.h"

struct smtp_server;

/* What the protocol asks of its owner.  auth, auth_line, mail, rcpt, data and
   end are each answered, now or later, by one smtp_server_reply(); until then
   no further line is read, and no call of these comes from within an answer.
   Arguments are valid during the call alone, but addresses: those live until
   reset(). */
struct smtp_service {
	/* The mechanism in upper case; initial.p is NULL without an initial
	   response; both still in base64.  Answer 334, 235 or a refusal. */
	void (*auth)(
	    struct smtp_server *, struct str mechanism, struct str initial);
	/* The client's answer to a 334, in base64 ("*" never comes here). */
	void (*auth_line)(struct smtp_server *, struct str line);
	void (*mail)(struct smtp_server *, const struct address *,
	    const struct params *);
	void (*rcpt)(struct smtp_server *, const struct address *,
	    const struct params *);
	void (*data)(struct smtp_server *); /* answer 354, or a refusal */
	/* Bytes of the message, dots taken off. */
	void (*body)(struct smtp_server *, struct str piece);
	/* The final dot: what was noted on the way is in server->dot. */
	void (*end)(struct smtp_server *);
	/* The protocol refuses the message that arrives; reset() follows. */
	void (*refused)(struct smtp_server *, struct reply);
	/* RSET, EHLO, STARTTLS, a refused MAIL, a cancelled AUTH, the end of
	   a transaction, a message that the protocol refuses: forget it.  The
	   owner's answer to end() stays wanted when the peer goes away only
	   as far as the owner keeps the message itself. */
	void (*reset)(struct smtp_server *);
	/* The last call: the owner frees all, this server too. */
	void (*gone)(struct smtp_server *);
};

struct smtp_options { /* shared by all sessions of a port; outlives them */
	const struct smtp_service *service;
	const char *hostname;
	/* The current context; NULL inside: no STARTTLS for now. */
	struct tls_context *const *tls;
	bool submission; /* AUTH is offered (under TLS), and needed for MAIL */
	const char *const *mechanisms; /* NULL-ended: those that AUTH offers */
	uint64_t max_size; /* octets, for SIZE */
	unsigned max_recipients; /* of a transaction: 452 4.5.3 beyond */
	unsigned max_errors; /* of a session: 421 4.7.0 */
	int64_t command_ms; /* RFC 5321 4.5.3.2.7 */
	int64_t data_ms; /* for the next 4 KiB of a message */
};

enum smtp_session_state { /* bits: what a verb needs and forbids */
	SMTP_GREETED = 1, /* EHLO or HELO was said */
	SMTP_EXTENDED = 2, /* EHLO */
	SMTP_SECURE = 4,
	SMTP_KNOWN = 8, /* AUTH has succeeded */
	SMTP_MAIL = 16,
	SMTP_RCPT = 32, /* at least one was accepted */
	SMTP_STARTTLS = 64, /* could be offered */
};

struct smtp_server { /* a member of the owner's connection */
	struct stream_owner owner; /* give this one to stream_new() */
	const struct smtp_options *options;
	struct stream *stream; /* NULL once the session has ended */
	unsigned state; /* bits above */
	struct buf helo; /* name from EHLO or HELO */
	struct dot_reader dot; /* of the message that arrives */
	unsigned recipients; /* accepted in this transaction */
	uint64_t declared_size; /* from SIZE=, or 0 */
	bool require_tls; /* REQUIRETLS was said to MAIL, RFC 8689 */
	struct smtp_server_private *private;
};

/* Takes the stream over, which was made with &server->owner as its owner.
   implicit_tls: a handshake comes first (465). */
void smtp_server_start(struct smtp_server *, struct loop *, struct stream *,
    const struct smtp_options *, bool implicit_tls);
/* The one answer to the call that waits.  421 ends the session. */
void smtp_server_reply(struct smtp_server *, struct reply);
/* 334 with a challenge in base64. */
void smtp_server_challenge(struct smtp_server *, struct str base64);
void smtp_server_known(struct smtp_server *); /* with the 235 to follow */
/* While a body is slower than its source: stop reading, read on.  A pause
   ends with the message. */
void smtp_server_pause(struct smtp_server *, bool);
/* Says a last reply (421 ...) and ends the session; gone() comes, later. */
void smtp_server_close(struct smtp_server *, struct reply);
bool smtp_server_idle(
    const struct smtp_server *); /* no transaction, no answer due */
/* From gone() alone. */
void smtp_server_free(struct smtp_server *);

#endif
