/*
 * journal_private.h - what journal.c (committing) and journal_open.c (the
 * start) share.
 */
#ifndef SMTPD_QUEUE_JOURNAL_PRIVATE_H
#define SMTPD_QUEUE_JOURNAL_PRIVATE_H

#include "smtpd/queue/journal.h"

#include <pthread.h>
#include <stdatomic.h>

enum part_state {
	PART_FREE,
	PART_OPEN, /* takes records */
	PART_CLOSED,
};

struct part { /* a segment and what happens to it */
	struct segment file;
	enum part_state state;
	uint64_t lap; /* of its records */
	uint64_t end; /* behind its last record */
	uint64_t records; /* committed in this process */
};

struct journal {
	struct journal_options options;
	pthread_t thread;
	bool started;
	struct later later; /* posted when the first answer is there */
	atomic_bool has_space;

	struct list taken; /* the thread's: not yet written */
	struct buf bytes; /* the thread's: of one batch */

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t work;
	struct part parts[JOURNAL_SEGMENTS];
	struct part *open; /* or NULL */
	uint64_t lap; /* the highest of all records and marks */
	struct list waiting, finished;
	int64_t stuck_since; /* no segment is free; 0: there is one */
	bool refusing; /* it has lasted too long */
	bool writing, cut, look, closing;
};

#endif
