/*
 * item.h - what the queue knows of a message beyond what all may read, and
 * the index of all items in the order of their ids.
 *
 * Private to smtpd/queue; for the loop's thread alone.
 */
#ifndef SMTPD_QUEUE_ITEM_H
#define SMTPD_QUEUE_ITEM_H

#include "smtpd/queue/queue.h"

struct home; /* queue_private.h: the segment of a live record */

struct queue_private {
	struct list_node node; /* in the list of its home */
	struct list_node ready; /* waits to be handed out */
	struct home *home; /* NULL: its record is gone */
	struct message *message; /* NULL: to be read from the spool */
	struct recipient_status one; /* status of a single recipient */
	uint32_t heap_at; /* in the schedule; 0: isn't there */
	uint32_t holders; /* of the message: queue_message() not released */
	uint32_t rows; /* writes under way */
	uint32_t placing; /* local recipients that keep the segment */
	uint8_t segment; /* of its record, set by the committer */
	bool counted; /* count is known: a file or record was read */
	bool has_row;
	bool spooled; /* spool/ID may be there */
	bool large; /* spool/ID.body is there */
	bool checked; /* that body, in this life or received in it */
	bool in_round; /* a checkpoint's: envelope and message stay */
	bool loading; /* for the consumer */
	bool damaged;
	bool dropped;
	bool ended; /* no longer in the index */
};

struct queue_item *item_new(uint64_t id);
void item_free(struct queue_item *);
struct queue_item *item_of(struct queue_private *);
/* Makes room for the states of so many; those that are there stay. */
void item_count(struct queue_item *, size_t count);
void item_set(struct queue_item *, size_t recipient, enum recipient_state,
    int16_t code, struct str text);
bool item_is_settled(const struct queue_item *);
/* One octet per recipient. */
struct buf item_states(const struct queue_item *);
/* The index of a recipient that waits and is local. */
bool item_waits_locally(const struct queue_item *, size_t recipient);
size_t item_local_waiting(const struct queue_item *);

struct index { /* {0} is an empty index */
	struct index_slot *slots; /* ids rise; a removed one keeps its slot */
	size_t used, dead, size;
};

void index_add(struct index *, struct queue_item *);
void index_remove(struct index *, uint64_t id);
struct queue_item *index_find(const struct index *, uint64_t id);
struct queue_item *index_next(const struct index *, uint64_t after);
size_t index_count(const struct index *);
void index_free(struct index *); /* the table, not the items */

#endif
