/*
 * advice.h - one plain sentence for the refusals that small senders meet most:
 * what the reason is, and what mends it.
 *
 * Large receivers answer with codes and links of their own; people read them
 * in bounces and in `postern why`.  Rows of a table, the first that fits.
 */
#ifndef LIB_MAIL_ADVICE_H
#define LIB_MAIL_ADVICE_H

#include "lib/mail/reply.h"

/* NULL: nothing that the reply itself doesn't say.  Of what we found ourselves
   the code counts alone: names in our sentences are no receiver's words. */
const char *advice_for(struct reply);
/* The same for one that was written: "550 5.1.1 no such user". */
const char *advice_for_text(struct str, bool received);

#endif
