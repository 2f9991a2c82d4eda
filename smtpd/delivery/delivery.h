/*
 * delivery.h - where mail goes: mailboxes of ours, other servers, and back.
 *
 * Takes items from the queue and settles them.  It never sees inbound.
 */
#ifndef SMTPD_DELIVERY_DELIVERY_H
#define SMTPD_DELIVERY_DELIVERY_H

#include "lib/base/settings.h"
#include "lib/mail/srs.h"
#include "lib/net/resolver.h"
#include "lib/net/tls.h"
#include "lib/trust/sign.h"
#include "smtpd/delivery/attempts.h"
#include "smtpd/local/directory.h"
#include "smtpd/queue/queue.h"

struct delivery;
struct identity;

struct delivery_parts { /* all outlive it */
	struct loop *loop;
	const struct settings *settings; /* hostname is set */
	struct queue *queue;
	struct history *history; /* or NULL */
	struct directory_keeper *directory; /* is a bounce's target ours? */
	struct resolver *resolver;
	const struct identity *identity; /* or NULL: IPv4 alone */
	struct policy_cache *policies; /* or NULL: no MTA-STS */
	struct tls_listener *listener; /* or NULL */
	struct sign_channel *sign; /* for reports that leave */
	const struct srs *srs;
	struct lane *place; /* workers for Maildirs alone */
	struct lane *io; /* reading large bodies */
	struct lane *cpu; /* hashing the smarthost's password */
	const struct tls_context *tls_opportunistic, *tls_verified;
};

struct delivery *delivery_new(const struct delivery_parts *);
/* Ends sessions; what is under way stays in the queue.  idle() comes once,
   when nothing is busy, at most max_ms later. */
void delivery_stop(
    struct delivery *, int64_t max_ms, void (*idle)(struct delivery *));
size_t delivery_sessions(const struct delivery *);
/* One sentence when all mail waits for something that a person can mend. */
bool delivery_trouble(const struct delivery *, struct buf *);
void delivery_free(struct delivery *);

#endif
