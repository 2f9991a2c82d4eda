/*
 * segment.h - one file of the journal.
 *
 * Block 0: {magic, version, size, seed, CRC}, written once.  Block 1: the
 * free mark {magic, lap, CRC}: records up to that lap are dead.  Records from
 * block 2 on.  Its octets are written with zeros once, so that no later write
 * needs space or changes the file's extents.  Everything here blocks.
 * Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_SEGMENT_H
#define SMTPD_QUEUE_SEGMENT_H

#include "lib/base/buf.h"

enum {
	SEGMENT_BLOCK = 4096,
	SEGMENT_RECORDS = 2 * SEGMENT_BLOCK, /* where they begin */
};

struct segment {
	int fd;
	uint64_t size;
	uint32_t seed;
};

enum segment_status {
	SEGMENT_OPEN,
	SEGMENT_MISSING,
	SEGMENT_DAMAGED, /* block 0 */
	SEGMENT_OTHER_VERSION,
	SEGMENT_ERROR, /* errno */
};

/* Whole or not at all, synced with its folder. */
bool segment_make(int folder, const char *name, uint64_t size);
enum segment_status segment_open(
    struct segment *, int folder, const char *name);
void segment_close(struct segment *);
/* All its octets; blocks that can't be read become zeros. */
void segment_read(const struct segment *, struct buf *);
/* The lap of the mark in these octets, 0 when there is none or it is torn. */
uint64_t segment_marked(const struct segment *, struct str bytes);
bool segment_mark(const struct segment *, uint64_t lap); /* not synced */
bool segment_write(const struct segment *, struct str bytes, uint64_t at);
void segment_sync(const struct segment *);

#endif
