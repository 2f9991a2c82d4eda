/*
 * history.h - what happened to each message, step by step: for `postern why`.
 *
 * It keeps the log's lines about mail, and some keys more, as lines of JSON in
 * two rolls, each a bounded set of files whose oldest goes: what was accepted
 * in data/history, what was refused in data/history/refused.  Anybody can have
 * us refuse as much as they like, and it costs the other roll nothing.
 * A worker writes them in batches, and nothing is synced: a kill costs the last
 * moments, a power cut the last seconds.  Nobody waits for it, and no mail is
 * refused because of it: on a full disk it pauses, and says so.  Of a line it
 * knows no more than where its id stands.
 */
#ifndef SMTPD_QUEUE_HISTORY_H
#define SMTPD_QUEUE_HISTORY_H

#include "lib/base/log.h"
#include "lib/net/jobs.h"

struct history;

enum history_roll {
	HISTORY_MAIL,
	HISTORY_REFUSED,
	HISTORY_ROLLS
};

enum {
	HISTORY_SEGMENTS = 12, /* files of what was accepted */
	HISTORY_REFUSED_SEGMENTS = 4,
	HISTORY_SEGMENT = 4 << 20, /* octets of each */
	HISTORY_PENDING = 1 << 20, /* not yet written; more is lost */
	HISTORY_REFUSED_PENDING = 256 << 10, /* the same */
	HISTORY_FINDS = 100, /* messages of a roll that a search tells: the
				newest */
	HISTORY_PIECE = 256 << 10, /* octets told at once, and one segment's
				      line more */
};

/* Makes the folders when they aren't there; blocks: for the start.  Never NULL:
   a folder that can't be used is a trouble, and nothing is kept. */
struct history *history_open(
    struct loop *, struct lane *io, const char *folder);
/* Instead of log_end(): writes the line to the log and keeps its record, if it
   was begun with log_begin_kept().  NULL as history: log_end() alone. */
void history_end(struct history *, enum history_roll, struct log_line *);
/* "" or a sentence for status; of NULL "". */
const char *history_trouble(const struct history *);
/* Writes what waits; idle() runs once and later. */
void history_stop(struct history *, void (*idle)(struct history *));
void history_free(struct history *); /* NULL is fine */

/* ---- searching ---- */

enum history_key {
	HISTORY_ID, /* of the queue */
	HISTORY_PATH, /* an address or a Message-ID, without < and >; any case
		       */
};

struct history_search { /* {0} is idle */
	/* the answer, a piece of it at a time */
	struct buf lines; /* whole ones, the oldest first; owned */
	bool last; /* nothing comes behind them */
	bool more; /* there were older messages, which were left out */
	void (*done)(struct history_search *);
	struct history_run *run; /* private */
};

/* All lines of the messages that one line of names.  done() runs once and
   later, and once more for each history_search_next(). */
void history_search_start(struct history *, struct history_search *,
    enum history_key, struct str text, void (*done)(struct history_search *));
/* Empties the lines; not after the last. */
void history_search_next(struct history *, struct history_search *);
void history_search_cancel(struct history_search *); /* frees the lines */

#endif
