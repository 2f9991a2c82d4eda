/*
 * report.h - reports on DMARC and TLS, sent to the domains that ask for them:
 * RFC 9990, RFC 8460.
 *
 * Once a day, behind midnight UTC and at a random minute, what the tallies hold
 * of the days that are over becomes one report for each policy domain.  It is
 * deducted from the tally when it is queued; after a crash between the two it
 * is sent once more, under the same id.  It sees neither inbound nor delivery:
 * what they have counted comes through the tallies.
 */
#ifndef SMTPD_REPORT_REPORT_H
#define SMTPD_REPORT_REPORT_H

#include "lib/net/fetch.h"
#include "lib/net/jobs.h"
#include "lib/net/resolver.h"
#include "lib/trust/sign.h"
#include "smtpd/local/directory.h"
#include "smtpd/queue/queue.h"
#include "smtpd/store/tally.h"

struct reports;

struct report_parts { /* all outlive it */
	struct loop *loop;
	const struct settings *settings; /* hostname is set */
	struct directory_keeper *directory; /* who we are; rua of our own */
	struct resolver *resolver;
	struct queue *queue;
	struct sign_channel *sign;
	struct fetch_channel *fetch; /* NULL: no HTTPS */
	struct lane *lane; /* where reports are written and compressed */
	struct tally *dmarc, *tls;
};

struct reports *reports_new(const struct report_parts *);
/* What is being queued goes on without it. */
void reports_free(struct reports *); /* NULL is fine */
/* Messages and sessions that found no room in the tallies, since the start;
   NULL: none. */
uint64_t reports_dropped(const struct reports *);

/* All that was counted so far, today's as well. */
struct report_request { /* {0} is idle */
	uint64_t sent, kept; /* reports; those kept are tried later */
	void (*done)(struct report_request *); /* later */
	struct list_node node; /* private */
	bool begun; /* private */
};

void reports_send(struct reports *, struct report_request *,
    void (*done)(struct report_request *));
void reports_cancel(struct report_request *);

#endif
