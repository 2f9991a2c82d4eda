/*
 * queue_rig.h - a real queue in a temporary folder, with a consumer that the
 * test plays.
 *
 * Nothing here uses cmocka: a rig may live in a child process whose sudden
 * end stands for kill -9.
 */
#ifndef TESTS_UNIT_QUEUE_RIG_H
#define TESTS_UNIT_QUEUE_RIG_H

#include "smtpd/queue/queue_private.h"

enum {
	RIG_HANDED = 64
};

struct rig {
	char folder[64];
	struct loop *loop;
	struct lane *io;
	struct store *store;
	struct queue *queue;
	struct queue_consumer consumer;
	struct queue_item *handed[RIG_HANDED]; /* and not yet given back */
	size_t handed_count;
	size_t handed_ever;
	int64_t space_reserve;
	bool timed_out;
};

void rig_make(struct rig *); /* the folder */
void rig_remove(struct rig *);
void rig_open(struct rig *); /* without consumer, not started */
void rig_begin(struct rig *); /* starts, and consumes */
void rig_close(struct rig *); /* a clean stop */
/* The life in a child process that ends without a word; true: as it liked. */
bool rig_killed(struct rig *, void (*life)(struct rig *));

/* Runs the loop until it is so; ends the process after ten seconds. */
void rig_until(struct rig *, bool (*so)(struct rig *));
void rig_checkpoint(struct rig *); /* one round, to its end */

/* Adds a message: "LR" has a local and a remote recipient; a body of so many
   octets.  0: QUEUE_FULL. */
uint64_t rig_add(struct rig *, const char *recipients, size_t size);
uint64_t rig_add_bounce(
    struct rig *, const char *recipients, const char *envid);
struct queue_item *rig_handed(struct rig *, uint64_t id); /* waits for it */
bool rig_is_handed(struct rig *, uint64_t id);
/* "DWFX.": delivered, deferred, failed, dropped, not mentioned. */
void rig_settle(struct rig *, uint64_t id, const char *states, bool give_back,
    int64_t next_ms);
/* "DWFX" of what the item says now; "" when it is gone. */
const char *rig_states(struct rig *, uint64_t id);
/* Octets of the message, or -1; opened, checked and released. */
int64_t rig_read(struct rig *, uint64_t id);

bool rig_exists(struct rig *, const char *below); /* in the folder */
bool rig_has_spool(struct rig *, uint64_t id);
bool rig_has_body(struct rig *, uint64_t id);
size_t rig_rows(struct rig *); /* in the store, which must be closed */
size_t rig_files(struct rig *, const char *below);

#endif
