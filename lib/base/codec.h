/*
 * codec.h - bytes written as text: base64 (RFC 4648 4), hexadecimal, base 62.
 */
#ifndef LIB_BASE_CODEC_H
#define LIB_BASE_CODEC_H

#include "lib/base/buf.h"

void base64_add(struct buf *, struct str bytes); /* padded, one line */
/* Strict: canonical padding, no white space.  False leaves out as it was. */
bool base64_read(struct buf *out, struct str text);
void hex_add(struct buf *, struct str bytes); /* lower case */
bool hex_read(struct buf *out, struct str text);
void base62_add(struct buf *, uint64_t); /* shortest form, 0-9A-Za-z */
bool base62_read(struct str text, uint64_t *); /* false: none, or too large */

#endif
