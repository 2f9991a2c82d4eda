/*
 * tally.h - what is counted for reports: rows, by day and domain, in memory
 * and in the soft store.
 *
 * A row is a key of octets that only its owner reads; how it begins, and how
 * counts are kept, is lib/report/row_key.h.  All rows of one day and domain
 * are a topic, which may carry a note (where the report goes).  Bounded in
 * number and octets, for each topic and in all, so that nobody's mail can fill
 * it: what finds no room is dropped and counted.  Changes reach the store
 * after some seconds.
 */
#ifndef SMTPD_STORE_TALLY_H
#define SMTPD_STORE_TALLY_H

#include "lib/report/row_key.h"
#include "smtpd/store/store.h"

struct tally;

struct tally_kind { /* outlives the tally */
	const char *row_tag;
	const char *topic_tag; /* of notes; NULL: there are none */
	size_t rows; /* in all, and the topics */
	size_t topic_rows; /* of one topic */
	size_t bytes; /* octets of all keys */
	unsigned days; /* that are kept besides today */
};

struct tally_topic {
	uint32_t day; /* since 1970-01-01, UTC */
	struct str domain;
	struct str note; /* "": none, or the row came without it */
};

/* Reads what was kept; before store_start().  The store outlives it. */
struct tally *tally_open(
    struct loop *, struct store *, const struct tally_kind *);
/* Once more; the newest note counts.  False: there is no room. */
bool tally_count(struct tally *, const struct tally_topic *, struct str key);
/* What found no room, since the start. */
uint64_t tally_dropped(const struct tally *);
/* Forgets the topics whose days are over. */
void tally_expire(struct tally *, uint32_t today);
/* Writes what has changed; idle() runs once and later. */
void tally_stop(struct tally *, void (*idle)(struct tally *));
void tally_free(struct tally *); /* NULL is fine */

/* ---- for a report ---- */

/* NULL to begin, NULL at the end; any order.  Valid until the next change. */
const struct tally_topic *tally_next(
    struct tally *, const struct tally_topic *after);
/* Or NULL. */
const struct tally_topic *tally_find(
    const struct tally *, uint32_t day, struct str domain);
/* Sorted by key. */
void tally_copy(
    const struct tally *, const struct tally_topic *, struct row_sheet *);
/* The report is out: counts less by what the sheet holds, and what was counted
   since stays.  A topic without rows is gone. */
void tally_deduct(
    struct tally *, uint32_t day, struct str domain, const struct row_sheet *);

#endif
