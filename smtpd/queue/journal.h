/*
 * journal.h - the commit point: segments of records, and the thread that
 * writes them.
 *
 * It takes all that waits, writes it once, syncs once, and then answers all.
 * What a record means and when a segment may be freed is decided by others.
 * Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_JOURNAL_H
#define SMTPD_QUEUE_JOURNAL_H

#include "smtpd/queue/disk.h"
#include "smtpd/queue/item.h"
#include "smtpd/queue/record.h"
#include "smtpd/queue/segment.h"

enum {
	JOURNAL_SEGMENTS = 4,
	JOURNAL_SIZE = 16 << 20, /* octets of a new segment */
	JOURNAL_PATIENCE_MS = 30000, /* for a free segment, then 452 */
};

struct journal;

struct journal_user { /* both are called on the loop */
	/* Committed or refused: see result, and private->segment. */
	void (*committed)(struct journal_user *, struct queue_add *);
	void (*turned)(struct journal_user *); /* behind a row of those */
};

struct journal_options {
	const struct disk *disk;
	struct loop *loop;
	int64_t space_reserve;
	int64_t patience_ms;
	uint64_t size; /* of segments that must be made */
	struct journal_user *user;
};

/* What replay finds in live segments. */
struct journal_reader {
	void (*record)(
	    struct journal_reader *, unsigned segment, const struct record *);
};

/* Opens or makes the segments, makes sure that what it reads is on the disk,
   and hands the records of live segments over.  Those segments are closed
   ones.  Blocks. */
struct journal *journal_open(
    const struct journal_options *, struct journal_reader *, const char **why);
void journal_start(struct journal *);
/* Refuses what can't be committed and joins the thread. */
void journal_stop(struct journal *);
void journal_free(struct journal *);

void journal_add(struct journal *, struct queue_add *);
bool journal_has_space(const struct journal *);
void journal_look_for_space(struct journal *); /* soon */

/* Closes the segment that takes records, when it holds any and another one is
   free. */
void journal_cut(struct journal *);
/* Does it take no more records?  Then *records is how many were committed. */
bool journal_closed(struct journal *, unsigned segment, uint64_t *records);
/* For workers: marks a closed segment free, not synced; then syncs it. */
bool journal_mark(struct journal *, unsigned segment);
void journal_sync_mark(struct journal *, unsigned segment);
void journal_freed(struct journal *, unsigned segment);

#endif
