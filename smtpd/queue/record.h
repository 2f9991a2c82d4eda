/*
 * record.h - the records of a segment, as bytes.
 *
 *	magic u32, kind u32, lap u64, id u64, length u32,
 *	CRC of the payload u32, CRC of these fields u32, 0 u32
 *
 * and the payload, padded to 8 octets.  Both CRCs start from the segment's
 * random seed: a record that somebody sends us inside a message isn't
 * believed.  Private to smtpd/queue; knows no files.
 */
#ifndef SMTPD_QUEUE_RECORD_H
#define SMTPD_QUEUE_RECORD_H

#include "smtpd/queue/payload.h"

enum {
	RECORD_HEAD = 40, /* octets */
	RECORD_ALIGN = 8,
};

void record_write(struct buf *, uint32_t seed, uint64_t lap,
    const struct envelope *, const struct message *);

struct record {
	enum payload_kind kind;
	uint64_t lap, id;
	struct str payload;
	size_t at, end; /* offsets of the whole record */
	bool whole; /* false: its head is right, its payload damaged */
};

struct record_scan {
	struct str bytes;
	uint32_t seed;
	size_t at; /* where the search goes on; aligned */
};

/* The next record of whatever lap, also behind a damaged stretch. */
bool record_next(struct record_scan *, struct record *);

#endif
