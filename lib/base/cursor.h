/*
 * cursor.h - reads binary fields with an error that sticks.
 *
 * Read ten fields, then ask once whether all were there.  After the first
 * read beyond the end every read gives 0 or an empty view.  Big-endian.
 */
#ifndef LIB_BASE_CURSOR_H
#define LIB_BASE_CURSOR_H

#include "lib/base/str.h"

struct cursor {
	struct str all;
	size_t at;
	bool failed;
};

struct cursor cursor_of(struct str);
uint8_t cursor_u8(struct cursor *);
uint16_t cursor_u16(struct cursor *);
uint32_t cursor_u32(struct cursor *);
uint64_t cursor_u64(struct cursor *);
struct str cursor_bytes(struct cursor *, size_t n); /* a view */
struct str cursor_str(struct cursor *); /* u32 length, then bytes */
struct str cursor_rest(const struct cursor *);
bool cursor_end(const struct cursor *); /* all read, and no error */

/* The writing half: appends to a buffer. */
struct buf;
void put_u8(struct buf *, uint8_t);
void put_u16(struct buf *, uint16_t);
void put_u32(struct buf *, uint32_t);
void put_u64(struct buf *, uint64_t);
void put_str(struct buf *, struct str); /* u32 length, then bytes */

#endif
