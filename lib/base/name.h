/*
 * name.h - domain names: ASCII, labels, wire form.
 *
 * Text is without the last dot; the root is "".  Names compare without case.
 * IDN is lib/mail/idn.h.
 */
#ifndef LIB_BASE_NAME_H
#define LIB_BASE_NAME_H

#include "lib/base/buf.h"

#define NAME_MAX_TEXT 253 /* RFC 1035 2.3.4: 255 octets on the wire */

/* Letters, digits, hyphens (not at either end of a label) and dots, 1-63
   octets a label, at most 253 in all: RFC 5321 Domain, RFC 1123 2.1. */
bool name_is_host(struct str);
/* The same with underscores anywhere: what the DNS is asked for. */
bool name_is_dns(struct str);
bool name_eq(struct str, struct str); /* a last dot doesn't count */
bool name_is_below(struct str name, struct str parent); /* or equal */
struct str name_parent(struct str); /* without the first label; "" at the end */
size_t name_labels(struct str);
struct str name_strip_dot(struct str); /* without one last dot */
/* Uncompressed.  Octets may be written as in RFC 1035 5.1: "\." and "\032". */
bool name_to_wire(struct str, struct buf *);
/* The other way round: octets that no host name has as "\032", dots between
   labels as they are. */
void name_escape(struct buf *, struct str octets);

#endif
