/*
 * inbound_private.h - what the files of inbound share.
 *
 *	inbound.c	ports, and who is connected
 *	limits.c	how much of us one address or account may have
 *	connection.c	one session: the service behind smtp_server
 *	auth.c		its AUTH
 *	recipients.c	what RCPT is answered
 *	client.c	a client's address, for as long as somebody asks
 *	transaction.c	one message while it arrives
 *	accept.c	from a stranger: judged, and the steps behind the dot
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
#include "smtpd/inbound/guard.h"
#include "smtpd/inbound/inbound.h"
#include "smtpd/inbound/peer.h"
#include "smtpd/inbound/verdict.h"
#include "smtpd/smtp/server.h"

/* ---- limits.c ---- */

struct buckets { /* of one rate; bounded: the longest idle one goes */
	struct map map;
	struct list ages;
};

struct limits {
	const struct settings *settings;
	const struct guard *guard; /* at a gateway nobody is locked out */
	struct map networks; /* that are connected: a /32 or /64 */
	size_t connections, strangers; /* all, and those on port 25 */
	struct buckets addresses, accounts; /* failed logins */
	struct buckets wasters; /* addresses: MAILs that led to no message */
	struct buckets users; /* recipients of an account */
	struct buckets domains; /* of ours: addresses elsewhere */
};

void limits_open(
    struct limits *, const struct settings *, const struct guard *);
void limits_close(struct limits *);
/* False: too many, of all, of strangers or of this one.  Else
   limits_disconnect() follows. */
bool limits_connect(struct limits *, enum port_name, struct ip);
void limits_disconnect(struct limits *, enum port_name, struct ip);
/* May it try (account ""), may it be let in?  An address is refused for an
   hour after too many failures; for an account that fails from everywhere,
   every address that has failed lately, and no other. */
bool limits_may_login(struct limits *, struct ip, struct str account);
/* Counts a failure; how long the answer is to be held back. */
int64_t limits_failed_login(struct limits *, struct ip, struct str account);
/* A MAIL costs questions of DNS, also when no message follows.  Has the address
   had its share of those?  They are counted when a session ends. */
bool limits_may_mail(const struct limits *, struct ip);
void limits_wasted(struct limits *, struct ip, size_t mails);
/* Counts what one RCPT leads to, or false: the account has had its share.  It
   may be exceeded by that one's addresses, so that an alias of any size can be
   written to. */
bool limits_recipient(struct limits *, struct str account, size_t addresses);
/* May mail from outside be sent on by an alias of this domain?  What is, is
   counted when it is accepted. */
bool limits_may_forward(const struct limits *, struct str domain);
void limits_forward(struct limits *, struct str domain);

/* ---- client.c ---- */

struct transaction;

/* A client's place among the connections, and what is asked about its address.
   The session owns it, or the message that it left behind: who vanishes behind
   the final dot, and comes again, has no more under way than who stays. */
struct client {
	struct inbound *inbound;
	enum port_name port;
	struct ip ip;
	struct peer_check check;
	struct transaction *waiting; /* for the check, or NULL */
};

/* limits_connect() has let it in. */
struct client *client_new(struct inbound *, enum port_name, struct ip);
void client_free(struct client *); /* NULL is fine */
/* Holds the flow until the address is known as far as it will be. */
void client_hold(struct client *, struct transaction *);
void client_unhold(struct client *, const struct transaction *);

/* ---- a session ---- */

struct inbound {
	struct inbound_parts parts;
	const char *hostname;
	struct limits limits;
	struct guard *guard;
	struct dnsbl *dnsbl;
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
	struct client *client;
	unsigned mails; /* that led to no message, one after the other */
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
	size_t recipients, roles; /* RCPTs; those of postmaster@ and the like */
	/* Recipients, an author who isn't the sender: for the history, or "" */
	struct str all, message_id, author;

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

	/* a stranger's: how it is judged */
	struct checks_question question;
	struct checks checks; /* idle for a user's */
	const char *ambiguous; /* NULL, or why From is */
	struct buf section; /* the header section as it came: the checks
			       have views of it */
	struct client *client; /* when the session has gone */
	bool source_unknown; /* it came through a gateway */
	bool judged; /* and this is the verdict, with the checks' facts: */
	struct verdict verdict;

	/* behind the final dot */
	struct dkim_body hash; /* of a user's message */
	struct address_list authors;
	struct sign_request sign;
	struct queue_add add;
};

struct transaction *transaction_new(
    struct connection *, const struct address *sender);
void transaction_free(struct transaction *); /* from any state but commit */
/* Tells the queue what is held in memory; true when that is too much. */
bool transaction_account(struct transaction *);
void transaction_data(struct transaction *);
void transaction_body(struct transaction *, struct str piece);
/* The final dot: from here on it can't be cancelled. */
void transaction_end(struct transaction *);
/* The session goes, or begins anew. */
void transaction_leave(struct transaction *);

extern const struct flow_step accept_steps[], submit_steps[];

/* ---- recipients.c ---- */

/* The answer to RCPT; with a 250 they are in the envelope. */
struct reply recipients_add(struct transaction *, const struct address *);
/* Counts what a stranger's message is sent on to. */
void recipients_count_forwards(struct transaction *);

/* ---- accept.c ---- */

void accept_start(struct transaction *); /* at MAIL, once it is accepted */
/* For the reports on DMARC, when its fate is known. */
void accept_count(const struct transaction *);
bool accept_judges(const struct transaction *); /* has it been started? */
/* The session's or the message's own; NULL for a user's. */
struct client *accept_client(const struct transaction *);

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
/* The fields that came, without those that drop() names and without forged
   results of ours. */
void commit_add_fields(const struct transaction *,
    bool (*drop)(const struct header_field *), struct buf *);

/* ---- event.c ---- */

/* Keeps what the history wants to know and the queue will own: while there are
   envelope and header. */
void event_note(struct transaction *);
void event_received(const struct transaction *);
void event_reject(
    const struct connection *, struct str from, struct str to, struct reply);
void event_reject_message(const struct transaction *, struct reply);
void event_auth(const struct connection *, struct str user, const char *result);

#endif
