/*
 * inbound.h - what we accept: ports 25, 465 and 587.
 *
 * Sessions, recipients, limits, and the two flows that end in the queue:
 * accept (from strangers) and submit (from our users, signed).  It never sees
 * delivery.
 */
#ifndef SMTPD_INBOUND_INBOUND_H
#define SMTPD_INBOUND_INBOUND_H

#include "lib/base/settings.h"
#include "lib/mail/srs.h"
#include "lib/net/resolver.h"
#include "lib/net/tls.h"
#include "lib/trust/sign.h"
#include "smtpd/local/directory.h"
#include "smtpd/local/login.h"
#include "smtpd/queue/queue.h"

struct tally;
struct history;
struct inbound;

struct inbound_parts { /* all outlive it */
	struct loop *loop;
	const struct settings *settings; /* hostname is set */
	struct queue *queue;
	struct history *history; /* or NULL */
	struct tally *counters; /* or NULL */
	struct directory_keeper *directory;
	struct logins *logins;
	struct sign_channel *sign;
	struct resolver *resolver;
	const struct srs *srs;
	struct tls_context **tls; /* the current one; may change, may be NULL */
};

struct inbound *inbound_new(const struct inbound_parts *);
/* Takes a listening socket over: PORT_SMTP, PORT_SUBMISSIONS or
   PORT_SUBMISSION; several of one kind are fine. */
void inbound_listen(struct inbound *, enum port_name, int fd);
/* No new connections, 421 4.3.2 to whoever is idle and to the rest after
   their transaction; idle() comes once, when none is left. */
void inbound_stop(struct inbound *, void (*idle)(struct inbound *));
size_t inbound_sessions(const struct inbound *);
/* What makes it judge less than it should, as sentences for status; one after
   the other, from *at 0; false behind the last. */
bool inbound_trouble(const struct inbound *, size_t *at, struct buf *);
void inbound_free(struct inbound *); /* cuts what is still there */

#endif
