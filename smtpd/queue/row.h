/*
 * row.h - what the store keeps of an item: attempts, times, and the state and
 * last reply of each recipient, as bytes.
 *
 * Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_ROW_H
#define SMTPD_QUEUE_ROW_H

#include "lib/base/buf.h"
#include "smtpd/queue/queue.h"

enum {
	ROW_KEY = 8
}; /* octets: the id, big-endian, so in its order */

/* The states are one octet per recipient: what may be claimed on disk, which
   isn't always what the item says. */
void row_encode(
    const struct queue_item *, struct str states, bool dropped, struct buf *);

struct row {
	int64_t received_ms, next_ms;
	unsigned attempts;
	bool warned;
	bool held;
	bool dropped; /* by a person, before anybody counted the recipients */
	size_t count;
	struct recipient_status *status; /* owned by whoever read it */
};

bool row_decode(struct str, struct row *); /* false: nothing to free */
void row_free(struct row *);
void row_key(uint64_t id, struct buf *);
bool row_read_key(struct str, uint64_t *id);

#endif
