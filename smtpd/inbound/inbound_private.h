/*
 * inbound_private.h - what the files of inbound share.
 *
 *	inbound.c	ports, and who is connected
 *	limits.c	how much of us one address or account may have
 *	connection.c	one session: the service behind smtp_server
 *	auth.c		its AUTH
 *	recipients.c	what RCPT is answered
 *	transaction.c	one message while it arrives
 *	accept.c	from a stranger: the steps behind the final dot
 *	submit.c	from a user of ours: the same, and signed
 *	commit.c	their last steps, the same for both
 *	event.c		the log lines
 */
#ifndef SMTPD_INBOUND_INBOUND_PRIVATE_H
#define SMTPD_INBOUND_INBOUND_PRIVATE_H

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/mail/from.h"
#include "lib/net/flow.h"
#include "lib/net/listener.h"
#include "lib/trust/dkim_canon.h"
#include "smtpd/inbound/inbound.h"
#include "smtpd/smtp/server.h"

/* ---- limits.c ---- */

struct tallies { /* bounded: the one that was idle for longest goes */
	struct map map;
	struct list ages;
};

struct limits {
	const struct settings *settings;
	struct map networks; /* that are connected: a /32 or /64 */
	size_t connections;
	struct tallies addresses, accounts; /* failed logins */
	struct tallies users; /* recipients */
};

void limits_open(struct limits *, const struct settings *);
void limits_close(struct limits *);
/* False: too many, of all or of this one.  Else limits_disconnect() follows. */
bool limits_connect(struct limits *, struct ip);
void limits_disconnect(struct limits *, struct ip);
/* May it try (account ""), may it be let in?  An address is refused for an
   hour after too many failures; for an account that fails from everywhere,
   every address that has failed lately, and no other. */
bool limits_may_login(struct limits *, struct ip, struct str account);
/* Counts a failure; how long the answer is to be held back. */
int64_t limits_failed_login(struct limits *, struct ip, struct str account);
/* Counts a recipient, or false: the account has had its share. */
bool limits_recipient(struct limits *, struct str account);

/* ---- a session ---- */

struct inbound {
	struct inbound_parts parts;
	const char *hostname;
	struct limits limits;
	struct list ports, connections;
	struct list working; /* messages behind their final dot */
	size_t sessions;
	uint64_t last_session;
	bool stopping;
	void (*idle)(struct inbound *);
	struct timer sweep; /* of idle sessions while stopping */
};

struct port {
	struct inbound *inbound;
	enum port_name name;
	struct smtp_options options;
	struct listener listener;
	struct list_node node;
};

struct connection {
	struct smtp_server server;
	struct smtp_options options; /* the port's, but for the mechanisms */
	struct inbound *inbound;
	const struct port *port;
	struct ip peer;
	char sid[12];
	char mechanism[24]; /* of the AUTH under way */
	struct login login;
	struct timer penalty; /* holds a 535 back */
	struct buf user; /* who has logged in, or "" */
	struct transaction *transaction; /* from MAIL on, or NULL */
	struct list_node node;
};

extern const struct reply inbound_stopping;
extern const struct smtp_service connection_service;
/* Takes the descriptor over; it frees itself. */
void connection_start(const struct port *, int fd, struct ip peer);
void connection_free(struct connection *);

/* ---- auth.c ---- */

void auth_start(struct smtp_server *, struct str mechanism, struct str initial);
void auth_line(struct smtp_server *, struct str line);
/* The names for EHLO, once it is known whether there is a channel binding. */
const char *const *auth_mechanisms(const struct connection *);

/* ---- one message ---- */

enum transaction_part {
	PART_HEADER,
	PART_BODY
};

/* From MAIL to the final dot the session owns it.  Then it owns itself until
   its flow ends: in the queue, or in nothing. */
struct transaction {
	struct flow flow;
	struct inbound *inbound; /* NULL: it was freed meanwhile */
	struct connection *connection; /* who listens, or NULL */
	struct list_node node; /* in inbound->working */
	struct arena arena;
	int64_t began_ms; /* monotonic */

	/* who sent it, as it is logged and traced */
	enum port_name port;
	char sid[12];
	struct ip peer;
	struct str helo, user; /* user "" on port 25 */
	const char *with; /* RFC 3848 */
	struct tls_info tls;
	struct str sender; /* as text */
	struct str recipient; /* the first */
	size_t recipients; /* RCPTs */

	struct envelope *envelope; /* until the queue has them */
	struct message *message;
	uint64_t id, size;

	/* while it arrives */
	enum transaction_part part;
	size_t scanned; /* of the header section */
	struct header header; /* views of message->header */
	const char *malformed; /* NULL, or why the header section is none */
	const struct reply *refusal; /* known before its end */
	struct queue_body body; /* what doesn't fit in memory */
	bool spilled;
	struct buf piece; /* of the body, on its way there */
	int64_t held; /* octets told to queue_memory() */

	/* behind the final dot */
	struct dkim_body hash; /* of a user's message */
	struct address_list authors;
	struct sign_request sign;
	struct queue_add add;
};

struct transaction *transaction_new(
    struct connection *, const struct address *sender);
void transaction_free(struct transaction *); /* from any state but commit */
void transaction_data(struct transaction *);
void transaction_body(struct transaction *, struct str piece);
/* The final dot: from here on it can't be cancelled. */
void transaction_end(struct transaction *);
/* The session goes, or begins anew. */
void transaction_leave(struct transaction *);

/* recipients.c: the answer to RCPT; with a 250 they are in the envelope. */
struct reply recipients_add(struct transaction *, const struct address *);

extern const struct flow_step accept_steps[], submit_steps[];

/* ---- commit.c: steps of both, and what they share ---- */

/* What a failed write or a full queue (ENOSPC) is answered. */
const struct reply *commit_failure(int error);
enum step commit_checks(struct flow *);
enum step commit_body(struct flow *);
enum step commit_add(struct flow *);
enum step commit_answer(struct flow *);
/* Answers, logs and frees it: STEP_STOP. */
enum step commit_refuse(struct transaction *, struct reply);
void commit_add_received(struct transaction *, struct buf *);

/* ---- event.c ---- */

void event_received(const struct transaction *);
void event_reject(
    const struct connection *, struct str from, struct str to, struct reply);
void event_reject_message(const struct transaction *, struct reply);
void event_auth(const struct connection *, struct str user, const char *result);

#endif
