/*
 * advice_private.h - the table behind advice.c.
 */
#ifndef LIB_MAIL_ADVICE_PRIVATE_H
#define LIB_MAIL_ADVICE_PRIVATE_H

#include <stddef.h>

struct advice_row { /* all that it names must be there */
	int class; /* 4, 5, or 0: both */
	const char *enhanced; /* the detail behind the class: "7.25", or NULL */
	const char *text; /* in the reply, in lower case; or NULL */
	const char *advice;
};

extern const struct advice_row advice_rows[];
extern const size_t advice_row_count;

#endif
