/*
 * reply.h - an SMTP reply as a value, and its parser.
 *
 * One type from a remote answer to the bounce, and from a verdict to our
 * client: RFC 5321 4.2, enhanced status codes of RFC 3463 and RFC 2034.
 */
#ifndef LIB_MAIL_REPLY_H
#define LIB_MAIL_REPLY_H

#include "lib/base/buf.h"

enum {
	REPLY_MAX_LINE = 2048, /* octets; RFC 5321 4.5.3.1.5 says 512 */
	REPLY_MAX_LINES = 100,
	REPLY_MAX_BYTES = 65536,
};

struct reply {
	int code; /* 200-599; 0: no reply at all */
	const char *enhanced; /* "5.1.1", or NULL: none is sent */
	const char *text; /* one line; never NULL */
	/* A server said it to us; else it is of our own making, for a client or
	   as the finding that nobody answered, and a sentence by itself. */
	bool received;
};

/* Of our own making: constants, and values. */
#define REPLY_IS(code_, enhanced_, text_) \
	{ \
		.code = (code_), .enhanced = (enhanced_), .text = (text_) \
	}
#define REPLY(code_, enhanced_, text_) \
	((struct reply)REPLY_IS(code_, enhanced_, text_))

static inline int
reply_class(struct reply r)
{
	return r.code / 100;
}

void reply_write(struct buf *, struct reply); /* one line with its CR LF */

/* Reads a remote's reply, fed in pieces.  What comes out is cleaned: one
   line, lines joined by a space, control and 8-bit bytes shown as "?". */
struct reply_parser {
	struct buf
	    text; /* cleaned text of the whole reply, enhanced code left out */
	char enhanced[12]; /* "" when there was none or classes disagree */
	int code;
	unsigned lines;
	size_t bytes;
	struct buf
	    raw_lines; /* every line's text behind the code, LF after each */
};

enum reply_state {
	REPLY_MORE,
	REPLY_DONE,
	REPLY_BAD
};

/* One line without its line end.  REPLY_BAD: no code, codes that differ
   between lines, too long; the peer is out of step. */
enum reply_state reply_parse_line(struct reply_parser *, struct str line);
struct reply reply_parsed(struct reply_parser *); /* points into the parser */
void reply_parser_reset(struct reply_parser *);
void reply_parser_free(struct reply_parser *);

#endif
