/*
 * buf.h - bytes that are owned and grow.
 *
 * {0} is an empty buffer.  What is added may not point into the same buffer.
 * Out of memory aborts the process.
 */
#ifndef LIB_BASE_BUF_H
#define LIB_BASE_BUF_H

#include "lib/base/str.h"

struct buf {
	char *p;
	size_t n;
	size_t cap; /* private */
};

void buf_free(struct buf *); /* and leaves {0} */
void buf_clear(struct buf *); /* keeps the memory */
/* Makes room for n more bytes and returns where they go (count with n). */
char *buf_reserve(struct buf *, size_t n);
void buf_add(struct buf *, struct str);
void buf_addc(struct buf *, char);
void buf_adds(struct buf *, const char *);
void buf_addf(struct buf *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buf_drain(struct buf *, size_t n); /* drops the first n bytes */
void buf_cut(struct buf *, size_t n); /* keeps the first n bytes */

struct str buf_str(const struct buf *); /* valid until the next change */
const char *buf_cstr(struct buf *); /* the same, ended by a NUL */
struct buf buf_take(struct buf *); /* moves it out and leaves {0} */
struct buf buf_of(struct str); /* a copy */

#endif
