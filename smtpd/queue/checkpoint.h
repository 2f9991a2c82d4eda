/*
 * checkpoint.h - a round: what waits becomes spool/ID, all is synced, segments
 * are marked free, and what is settled is removed.
 *
 * checkpoint.c decides on the loop; round.c does it on the checkpoint's own
 * worker.  Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_CHECKPOINT_H
#define SMTPD_QUEUE_CHECKPOINT_H

#include "smtpd/queue/queue_private.h"

struct round_entry {
	struct queue_item *item; /* its envelope and message stay */
	struct spool_entry spool;
	struct buf states;
};

struct round {
	struct errand errand;
	struct queue *queue;
	const struct disk *disk;
	struct journal *journal;
	bool segments[JOURNAL_SEGMENTS]; /* to be freed */
	struct round_entry *entries; /* to be written to the spool */
	size_t count, size;
	struct list unlinks, bodies; /* struct removal */
	struct list late; /* struct queue_row: wait for the sync */
	bool freeing; /* any segment */
	bool full; /* the answer: no space, and nothing was freed */
};

void round_run(struct errand *); /* on a worker */

#endif
