/*
 * payload.h - a message with its envelope, as bytes: what a record of the
 * journal and a file of the spool have in common.
 *
 * A large body stays in its own file, whose name follows from the id; the
 * bytes hold its length and CRC.  Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_PAYLOAD_H
#define SMTPD_QUEUE_PAYLOAD_H

#include "lib/mail/envelope.h"
#include "lib/mail/message.h"

enum payload_kind {
	PAYLOAD_INLINE = 1, /* the body is there */
	PAYLOAD_FILE = 2, /* it is in spool/ID.body */
};

enum payload_kind payload_kind(const struct message *);
void payload_write(
    const struct envelope *, const struct message *, struct buf *);

struct payload { /* both owned by whoever read it */
	struct envelope *envelope;
	struct message *message;
};

/* False, and nothing to free, when the bytes are damaged or unknown, or the
   envelope isn't that of the id. */
bool payload_read(struct payload *, struct str bytes, enum payload_kind,
    uint64_t id, const char *spool_path);
void payload_free(struct payload *);

#endif
