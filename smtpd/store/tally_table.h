/*
 * tally_table.h - topics and their rows in memory, by the octets that are
 * their keys in the store.
 *
 * Private to smtpd/store.  It knows no store and no clock.
 */
#ifndef SMTPD_STORE_TALLY_TABLE_H
#define SMTPD_STORE_TALLY_TABLE_H

#include "lib/base/map.h"
#include "smtpd/store/tally.h"

struct tally_entry { /* a pair of the store */
	struct map_node node;
	struct list_node changed; /* the owner's: not yet in the store */
	struct buf key, value;
};

struct tally_node { /* a topic */
	struct tally_entry entry; /* its value is "" without a note */
	struct tally_topic topic; /* views of the entry's octets */
	struct list rows;
	size_t count;
	struct list_node node;
};

struct tally_line { /* a row */
	struct tally_entry entry;
	uint64_t count;
	struct list_node node;
};

struct tally_table {
	const struct tally_kind *kind;
	struct map entries; /* topics and rows */
	struct list topics;
	size_t bytes; /* of all keys */
};

void tally_table_open(struct tally_table *, const struct tally_kind *);
void tally_table_close(struct tally_table *);
struct tally_node *tally_table_topic(/* or NULL */
    const struct tally_table *, uint32_t day, struct str domain);
/* The same, made when there is none, without a note; NULL: no room. */
struct tally_node *tally_table_need_topic(
    struct tally_table *, uint32_t day, struct str domain);
/* True when it is another one than before. */
bool tally_table_set_note(struct tally_node *, struct str note);
/* The note of a pair of the store, and its topic; false: it is none. */
bool tally_table_read_note(const struct tally_table *, struct str key,
    struct str value, struct tally_topic *);
void tally_table_remove(
    struct tally_table *, struct tally_node *); /* and its rows */
struct tally_line *tally_table_line(const struct tally_table *, struct str key);
/* A new row of the topic, counted 0 times.  NULL: no room. */
struct tally_line *tally_table_add_line(
    struct tally_table *, struct tally_node *, struct str key);
void tally_table_set_count(struct tally_line *, uint64_t count);
void tally_table_remove_line(
    struct tally_table *, struct tally_node *, struct tally_line *);

#endif
