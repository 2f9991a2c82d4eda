/*
 * message.h - the bytes of a message: header section in memory, body in
 * memory or in a file.
 *
 * CR LF line ends throughout, as on the wire.  The header section ends with
 * its last field's CR LF; the empty line belongs to the body, which is then
 * either empty (a message without body) or begins with CR LF.  So fields can
 * be put in front, or taken out, without touching a large body.
 */
#ifndef LIB_MAIL_MESSAGE_H
#define LIB_MAIL_MESSAGE_H

#include "lib/base/buf.h"

struct message {
	struct buf header;
	struct buf body; /* used when file is "" */
	struct buf file; /* path of the body's file, or "" */
	uint64_t file_size; /* bytes */
	uint32_t file_crc; /* CRC-32C of them */
};

struct message *message_new(void);
void message_free(struct message *); /* not the file itself; NULL is fine */
uint64_t message_size(const struct message *); /* header and body */

/* Reads the bytes in order, from whichever place.  Blocks when they are in a
   file: for worker threads, or for a body in memory. */
struct message_reader {
	const struct message *message;
	uint64_t at;
	int fd; /* private: -1 before the file is open */
};

void message_read_start(struct message_reader *, const struct message *);
/* Up to cap bytes into to; 0 at the end, -1 with errno on failure. */
long message_read(struct message_reader *, char *to, size_t cap);
void message_read_end(struct message_reader *);

#endif
