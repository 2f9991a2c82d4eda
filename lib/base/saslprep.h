/*
 * saslprep.h - names and passwords that SASLprep leaves as they are: RFC 4013.
 *
 * Servers differ: some prepare what was typed and some don't, and who doesn't
 * log in with the octets that a server has hashed isn't told why.  With text
 * like this it doesn't matter.  It knows the code points of which that can be
 * said without tables of Unicode; it prepares nothing.
 */
#ifndef LIB_BASE_SASLPREP_H
#define LIB_BASE_SASLPREP_H

#include "lib/base/str.h"

/* UTF-8 of ASCII, Latin, Greek and Cyrillic letters, common signs, Chinese,
   Japanese and Korean, in composed form (NFC) and nothing that RFC 4013 maps
   or prohibits.  False: anything else, though it may be right. */
bool saslprep_is_idle(struct str);

#endif
