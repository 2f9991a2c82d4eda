/*
 * dot.h - the end of DATA, strictly: RFC 5321 4.1.1.4 and 4.5.2.
 *
 * Only CR LF ends a line and only CR LF . CR LF ends the message, whatever
 * pieces it comes in.  A bare CR or LF, or a NUL in the header, is noted and
 * the end still found, so that the session stays in step.  The other half
 * stuffs dots for sending.
 */
#ifndef LIB_MAIL_DOT_H
#define LIB_MAIL_DOT_H

#include "lib/base/buf.h"

struct dot_reader { /* {0} is the start of a message */
	uint8_t state; /* private */
	bool bare_line_end; /* a CR or LF alone was seen: 550 5.5.2 */
	bool has_nul; /* anywhere */
	bool has_8bit;
};

/* Takes from in what belongs to the message, appends it unstuffed to out and
   returns how many bytes of in were taken.  *end: the final dot was among
   them; what follows in is the next command. */
size_t dot_read(struct dot_reader *, struct str in, struct buf *out, bool *end);

struct dot_writer { /* {0} is the start of a message */
	bool middle; /* private: not at the start of a line */
};

/* Appends in (whose line ends are CR LF) with dots stuffed. */
void dot_write(struct dot_writer *, struct str in, struct buf *out);
void dot_finish(struct dot_writer *, struct buf *out); /* the final dot */

#endif
