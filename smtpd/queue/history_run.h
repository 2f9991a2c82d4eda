/*
 * history_run.h - one search through the segments: first which messages are
 * meant, then their lines.
 *
 * Private to smtpd/queue.  Each step, a worker's, looks at one segment at
 * most, so that what happens meanwhile is written between two of them.  The
 * refusals are told in between the mail, by their time.
 */
#ifndef SMTPD_QUEUE_HISTORY_RUN_H
#define SMTPD_QUEUE_HISTORY_RUN_H

#include "lib/base/map.h"
#include "smtpd/queue/history_files.h"

enum {
	HISTORY_NAME = 48, /* octets of an id, or of a place */
};

struct history_find { /* a message, or a line that belongs to none */
	struct map_node node; /* by the name */
	char name[HISTORY_NAME]; /* its id; or "@<segment>:<octet>" */
};

struct history_finds { /* in one roll */
	struct history_find ring[HISTORY_FINDS];
	size_t count; /* of all times */
	struct map names;
};

enum history_pass { /* through a roll, one behind the other */
	HISTORY_FIND_MAIL,
	HISTORY_FIND_REFUSED,
	HISTORY_TELL_REFUSED, /* they are few, and wait for their time */
	HISTORY_TELL_MAIL,
	HISTORY_TELL_REST, /* refusals that came after all mail */
};

struct history_run { /* on the heap, so that it may be cut off */
	struct history_search *search; /* NULL: cancelled */
	bool stepping; /* a worker has it */
	struct list_node node; /* of those that wait for the worker */

	/* the worker's, while it has it */
	bool any_case;
	struct buf wanted; /* what a line must hold */
	enum history_pass pass;
	uint64_t segment; /* the next to look at is this or a later one */
	size_t at; /* octets of it that were told */
	struct history_finds finds[HISTORY_ROLLS];
	struct buf refused; /* lines of refusals */
	size_t refused_at; /* octets of them that were told */
	struct buf lines; /* told, not yet handed over */
	bool last;
	bool more; /* found than are told */
};

struct history_run *history_run_new(enum history_key, struct str text);
/* One segment, or what of it makes a piece; files: of all rolls. */
void history_run_step(
    struct history_run *, const struct history_files files[HISTORY_ROLLS]);
/* Has it something to say? */
bool history_run_ready(const struct history_run *);
void history_run_free(struct history_run *);

#endif
