/*
 * ids.h - ids that never repeat, whatever the clock does.
 *
 * An id is the clock's microseconds, or one more than the last.  A ceiling
 * that no id has reached is kept in a file, raised and synced long before it
 * is reached; the next start begins there.  Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_IDS_H
#define SMTPD_QUEUE_IDS_H

#include "smtpd/queue/disk.h"
#include "smtpd/queue/errand.h"

struct ids {
	struct errands *errands;
	uint64_t last, ceiling;
	struct errand raising;
	uint64_t wanted; /* the ceiling that is being written */
	unsigned slot; /* of the file, where it goes */
	int fd;
	bool busy;
};

/* Blocks.  The highest id that was found anywhere counts too. */
bool ids_open(struct ids *, const struct disk *, uint64_t found,
    struct errands *, const char **why);
uint64_t ids_next(struct ids *);
void ids_close(struct ids *);

#endif
