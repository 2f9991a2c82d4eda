/*
 * disk.h - the folders of the queue, opened once, before the sandbox.
 *
 * Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_DISK_H
#define SMTPD_QUEUE_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct disk {
	int data, journal, spool, bad; /* folders */
	int mail; /* a mount of its own below data, or -1 */
	char *spool_path; /* "<data>/spool" */
};

bool disk_open(struct disk *, const char *data, const char **why);
void disk_close(struct disk *);
/* syncfs of every mount. */
void disk_sync(const struct disk *);
/* Octets that are free for us. */
int64_t disk_free_space(const struct disk *);
/* The first failed sync is fatal: nobody knows what the disk holds, and the
   next start finds out.  Says why (errno) and ends the process. */
_Noreturn void disk_failed(const char *what);
/* ENOSPC or EDQUOT. */
bool disk_is_full(int error);

#endif
