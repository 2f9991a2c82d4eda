/*
 * spool.h - waiting messages as files: spool/ID, and spool/ID.body for a
 * large body.
 *
 *	magic u32, kind u32, id u64, states (u32 length, one octet for each
 *	recipient), payload (u32 length), CRC-32C u32 of all before, "END\n"
 *
 * Everything here blocks: for workers and the start.  Nothing is synced here
 * unless it says so.  Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_SPOOL_H
#define SMTPD_QUEUE_SPOOL_H

#include "smtpd/queue/disk.h"
#include "smtpd/queue/payload.h"

enum {
	SPOOL_NAME = 24, /* octets of the longest name with its NUL */
	SPOOL_LIMIT = 16 << 20, /* of a spool file */
};

void spool_name(uint64_t id, char name[SPOOL_NAME]);
void spool_body_name(uint64_t id, char name[SPOOL_NAME]);
void spool_body_path(const char *spool_path, uint64_t id, struct buf *);
/* False: neither ID nor ID.body. */
bool spool_parse_name(const char *name, uint64_t *id, bool *body);

struct spool_entry { /* what is to be written; nothing is owned */
	const struct envelope *envelope;
	const struct message *message;
	struct str states;
};

/* Writes it, or writes it again; the scratch buffer saves allocations. */
bool spool_write(
    const struct disk *, const struct spool_entry *, struct buf *scratch);

enum spool_status {
	SPOOL_READ,
	SPOOL_DAMAGED,
	SPOOL_LATER, /* no descriptors or no memory now */
};

struct spool_file {
	struct payload payload;
	struct buf states;
};

enum spool_status spool_read(
    const struct disk *, uint64_t id, struct spool_file *);
void spool_file_free(struct spool_file *);
void spool_encode(const struct spool_entry *, struct buf *);
bool spool_decode(
    struct str bytes, uint64_t id, const char *spool_path, struct spool_file *);

/* The body's file against the length and CRC that were promised for it. */
enum spool_status spool_check_body(const struct message *);
/* Moves what there is of a damaged message to bad/, synced. */
void spool_set_aside(const struct disk *, uint64_t id, const char *why);
/* False: it is still there, and has been logged. */
bool spool_remove(const struct disk *, const char *name);

#endif
