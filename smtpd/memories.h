/*
 * memories.h - what smtpd remembers and may forget: the soft store, what is
 * counted for reports, the history.
 *
 * None of it keeps the server from starting, or makes mail wait.
 */
#ifndef SMTPD_MEMORIES_H
#define SMTPD_MEMORIES_H

#include "smtpd/delivery/tls_counters.h"
#include "smtpd/queue/history.h"

struct memories { /* one per process */
	struct store *soft; /* to be started by whoever opened it */
	struct tally *dmarc, *tls; /* what reports are made of */
	struct tls_counters tls_counters;
	struct history *history;
	unsigned busy; /* private: of them, while stopping */
	void (*idle)(struct memories *);
};

/* Folders below data.  Blocks; the queue's store has been opened. */
void memories_open(
    struct memories *, struct loop *, struct lane *io, const char *data);
/* Once nobody notes anything any more: what was noted last is written, and
   idle() runs once and later. */
void memories_stop(struct memories *, void (*idle)(struct memories *));
/* Before the loop runs for the last time. */
void memories_free(struct memories *);

#endif
