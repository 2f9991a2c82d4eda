/*
 * printable.h - bytes from outside, made fit for one line of ASCII text.
 */
#ifndef LIB_MAIL_PRINTABLE_H
#define LIB_MAIL_PRINTABLE_H

#include "lib/base/buf.h"

bool printable_is(char); /* space to tilde */
/* A tab becomes a space, every other byte that isn't printable a "?". */
void printable_add(struct buf *, struct str);

#endif
