/*
 * cfws.h - comments and folding white space: RFC 5322 3.2.2.
 */
#ifndef LIB_MAIL_CFWS_H
#define LIB_MAIL_CFWS_H

#include "lib/base/str.h"

enum {
	CFWS_MAX_DEPTH = 32, /* comments within comments */
};

/* The length of the comment or the quoted string that *s begins with; 0 when
   it isn't closed, or nested too deeply. */
size_t cfws_comment(struct str);
size_t cfws_quoted(struct str);
/* Drops what stands at the head; false: a comment that has no end. */
bool cfws_skip(struct str *rest);
bool cfws_is_space(char); /* SP, HTAB, and CR or LF of a fold */

#endif
