/*
 * queue_private.h - what the files of the queue share: the queue itself, and
 * what they ask of each other.
 *
 * Everything here runs on the loop's thread.
 */
#ifndef SMTPD_QUEUE_QUEUE_PRIVATE_H
#define SMTPD_QUEUE_QUEUE_PRIVATE_H

#include "smtpd/queue/disk.h"
#include "smtpd/queue/errand.h"
#include "smtpd/queue/ids.h"
#include "smtpd/queue/item.h"
#include "smtpd/queue/journal.h"
#include "smtpd/queue/schedule.h"
#include "smtpd/queue/spool.h"
#include "smtpd/store/store.h"

struct round;

struct home { /* a segment with records that aren't dead yet */
	struct list items;
	uint64_t arrived; /* records whose commit we have heard of */
	unsigned placing; /* items that keep it from being freed */
	unsigned rows; /* that must be durable first */
	bool syncing; /* a round is under way for it */
};

struct queue {
	struct queue_options options;
	struct disk disk;
	struct store *store;
	struct journal *journal;
	struct journal_user user;
	struct ids ids;
	struct errands errands; /* on the io lane */
	struct errands rounds; /* on the checkpoint's own lane */

	struct index index;
	struct schedule schedule;
	struct queue_consumer *consumer;
	struct list ready; /* items to be handed out */
	struct later hand;
	size_t held; /* items of the index, by a person */
	size_t busy; /* items with the consumer, or being loaded for it */
	bool held_back; /* more were due than may be busy */

	struct home homes[JOURNAL_SEGMENTS];
	struct round *round; /* under way, or NULL */
	struct timer tick;
	bool cramped; /* the last round had no space */
	struct list late; /* struct queue_row: placed, not yet synced */
	struct list full; /* struct row_write: the store had no space */
	struct list unlinks, bodies; /* struct removal: for the next round */

	struct list loads; /* not yet begun */
	unsigned loading; /* under way */
	unsigned adds, rows, removals; /* under way */
	int64_t memory;
	bool closing;
};

/* ---- queue.c ---- */

void queue_take_due(struct queue *);
void queue_make_ready(struct queue *, struct queue_item *);
/* Into the list of its segment. */
void queue_settle_in(struct queue *, struct queue_item *, unsigned segment);
/* Local recipients that no longer keep the segment. */
void queue_placed(struct queue *, struct queue_item *, size_t count);
/* The item takes a message over, or NULL: frees the one it has. */
void queue_keep_message(struct queue *, struct queue_item *, struct message *);
/* Frees what can be had from the spool again and nobody holds. */
void queue_lighten(struct queue *, struct queue_item *);
/* After a change: ends it, or schedules it, when nobody is busy with it. */
void queue_consider(struct queue *, struct queue_item *);

/* ---- row_write.c ---- */

struct row_write { /* of a row, or of its deletion; tried until it is durable */
	struct store_write write;
	struct list_node node;
	struct queue *queue;
	void (*fill)(struct row_write *); /* the value, each time it is tried */
	void (*done)(struct row_write *);
	uint64_t id;
};

void row_write_start(struct row_write *);
void row_write_retry(
    struct queue *); /* those that the store had no space for */

/* ---- settle.c ---- */

/* The outcomes of those that waited for a sync, which has been. */
void settle_synced(struct queue *, struct list *late);
/* Is it a bounce that says which message it reports? */
bool settle_reports(const struct envelope *, uint64_t *id);
/* What the envelope of a bounce says about another message is settled.  The
   bounce's own segment stays until that is durable. */
void settle_reported(
    struct queue *, const struct envelope *bounce, struct home *);

/* ---- removal.c ---- */

struct removal {
	struct list_node node;
	struct row_write row;
	uint64_t id;
	bool spooled, has_row, large; /* still to be removed */
	bool failed; /* set by the worker: try again */
};

/* Takes an ended item, whose record is dead, off the disk and frees it. */
void removal_start(struct queue *, struct queue_item *);
void removal_start_row(struct queue *, uint64_t id); /* a row without item */
/* A round has been through these; the unlinks of spool/ID are synced. */
void removal_unlinked(struct list *unlinks, struct list *bodies);

/* ---- load.c ---- */

/* Reads what a due item's consumer needs, then makes it ready. */
void load_due(struct queue *, struct queue_item *);
/* What a spool file says about the recipients, where nothing newer is known. */
void load_merge(struct queue_item *, const struct spool_file *);

/* ---- checkpoint.c ---- */

void checkpoint_start(struct queue *);
void checkpoint_stop(struct queue *);
void checkpoint_want(struct queue *); /* within a second */
/* Now, when a segment waits to be freed; tick: whatever there is. */
void checkpoint_try(struct queue *, bool tick);
bool checkpoint_is_quiet(const struct queue *); /* no record is live */

/* ---- replay.c ---- */

bool replay(struct queue *, const char **why);

#endif
