/*
 * server_private.h - what the files of the server share: server.c (the
 * session), lines.c, commands.c, auth.c, transaction.c.
 */
#ifndef SMTPD_SMTP_SERVER_PRIVATE_H
#define SMTPD_SMTP_SERVER_PRIVATE_H

#include "smtpd/smtp/server.h"

enum {
	/* RFC 5321 4.5.3.1.4: 512 octets; extensions add to them */
	COMMAND_MAX = 2048,
	/* RFC 4954 4: what base64 of a mechanism may need */
	AUTH_MAX = 12288,
	/* Replies the peer hasn't taken; its commands wait beyond. */
	OUTPUT_MAX = 65536,
	/* Bytes of a message that must arrive within data_ms. */
	DATA_STEP = 4096,
	/* What must come of a message within each quarter of an hour, 1 KiB
	   a second: else a step now and then would hold us for ever. */
	PACE_MS = 900000,
	PACE_OCTETS = 900 << 10,
	HANDSHAKE_MS = 30000,
	LINGER_MS = 10000,
	/* One more bit of the state, from the port's options. */
	SMTP_SUBMISSION = 128,
};

struct smtp_server_private {
	struct smtp_server *server;
	struct loop *loop;
	struct timer banner;
	struct later go_on; /* an answer came while nothing ran */
	struct later over; /* brings gone() */
	/* Reads what comes next; true: there may be more.  NULL before the
	   banner, in a handshake and after the end. */
	bool (*read)(struct smtp_server *);
	/* Takes the code of the service's answer; NULL: none is due. */
	void (*answered)(struct smtp_server *, int code);
	int code; /* of the answer, 0 until it is there */
	bool running;
	bool paused;
	bool handshake;
	bool skipping; /* the rest of a line that was refused */
	bool moved; /* since the deadline was set */
	unsigned errors;
	struct buf out; /* one reply, on its way to the stream */
	struct buf last; /* the one to end with, when it is decided */
	struct buf line; /* the one that is looked at */
	struct arena arena; /* of the transaction's addresses */
	struct buf piece; /* of the message, dots taken off */
	uint64_t size; /* of the message so far */
	uint64_t step; /* size at which the deadline is set again */
	struct timer pace;
	uint64_t paced; /* size when it was started */
	const struct reply *refusal; /* of the message, known before its end */
};

/* server.c */
void server_write(struct smtp_server *); /* what is in out */
void server_write_reply(struct smtp_server *, struct reply);
void server_say(struct smtp_server *, struct reply); /* and counts errors */
/* Before each call of the service that has an answer. */
void server_ask(
    struct smtp_server *, void (*answered)(struct smtp_server *, int code));
void server_forget(struct smtp_server *); /* the transaction */
void server_handshake(struct smtp_server *);
void server_pace(struct smtp_server *); /* from here on, in a message */
/* As soon as the command that runs has run. */
void server_end(struct smtp_server *, struct reply last);

/* lines.c: the readers of lines */
bool server_read_command(struct smtp_server *);
bool server_read_auth(struct smtp_server *);

/* commands.c */
void server_command(struct smtp_server *, struct str line);

/* auth.c */
void server_auth(struct smtp_server *, struct str argument);
void server_auth_line(struct smtp_server *, struct str line);
void server_auth_cancel(struct smtp_server *, struct reply why);

/* transaction.c */
void server_mail(struct smtp_server *, struct str argument);
void server_rcpt(struct smtp_server *, struct str argument);
void server_data(struct smtp_server *, struct str argument);
bool server_read_body(struct smtp_server *);

#endif
