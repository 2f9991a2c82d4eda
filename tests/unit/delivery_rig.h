/*
 * delivery_rig.h - the delivery room with fakes all around it: queue,
 * mailboxes, directory, DNS and other servers.
 */
#ifndef TESTS_UNIT_DELIVERY_RIG_H
#define TESTS_UNIT_DELIVERY_RIG_H

#include "smtpd/delivery/delivery_private.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/jobs.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/peers.h"
#include "tests/fakes/policies.h"
#include "tests/fakes/queue.h"
#include "tests/fakes/resolver.h"
#include "tests/fakes/sign.h"
#include "tests/fakes/story.h"

struct delivery_rig {
	struct loop *loop;
	struct resolver *resolver;
	struct sign_channel *sign;
	struct settings settings; /* RETRY_MIN 2 s, a warning after 100 s, given
				     up after 1000 s */
	struct delivery *delivery; /* NULL: freed by the test */
	struct tls_context *tls_opportunistic, *tls_verified; /* addresses */
	struct lane *lane; /* of no use but not NULL */
	struct policy_cache *policies;
	struct tls_listener listener;
	struct buf attempts; /* what it was told, line by line: policy type,
				policy domain, host, result, strings */
};

void delivery_rig_make(struct delivery_rig *, const struct fake_record *,
    const struct fake_peer *);
/* Everything must have come back: nothing of the queue is open any more. */
void delivery_rig_remove(struct delivery_rig *);
/* Runs what can run; the story so far. */
const char *delivery_rig_run(struct delivery_rig *);
/* The time passes, clock and timers. */
const char *delivery_rig_wait(struct delivery_rig *, int64_t ms);

#endif
