/*
 * header.h - a message's header section as a list of fields: RFC 5322 2.2.
 *
 * Views into the bytes that were read; nothing is copied or changed.  Field
 * names compare without case.  Obsolete white space before the colon is
 * accepted (RFC 5322 4.5), a line that is no field ends the reading.
 */
#ifndef LIB_MAIL_HEADER_H
#define LIB_MAIL_HEADER_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

enum {
	HEADER_MAX_BYTES = 262144, /* of a whole header section; more: 552 */
	HEADER_MAX_FIELDS = 2000,
};

struct header_field {
	struct str name; /* "Subject" */
	struct str value; /* behind the colon, folds kept */
	struct str whole; /* from the name to the last CR LF, which the
			     value is without */
};

struct header {
	size_t count;
	struct header_field *fields; /* in the arena, in order */
	struct str bytes; /* of the section, without the empty line */
};

/* The offset behind the empty line that ends the section; 0 while it isn't
   there.  A message that begins with CR LF has an empty section.  *scanned is 0
   at first and kept between calls with more bytes, so that none is searched
   twice. */
size_t header_end(struct str bytes, size_t *scanned);

/* Fields of a section that ends with its last field's CR LF (the empty line
   may follow).  False: too large, or a line that is no field; why says, and
   what stood before it was read. */
bool header_parse(
    struct str section, struct arena *, struct header *, const char **why);
const struct header_field *header_first(
    const struct header *, const char *name);
size_t header_count(const struct header *, const char *name);
struct str header_unfold(struct str value, struct arena *); /* trimmed */

#endif
