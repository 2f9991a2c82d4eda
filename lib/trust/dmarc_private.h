/*
 * dmarc_private.h - what discovery and alignment of one message share.
 */
#ifndef LIB_TRUST_DMARC_PRIVATE_H
#define LIB_TRUST_DMARC_PRIVATE_H

#include "lib/trust/dmarc.h"
#include "lib/trust/dmarc_walk.h"

enum {
	DMARC_DEADLINE_MS = 20000 /* of discovery, and again of alignment */
};

struct dmarc_run {
	struct dmarc_check *check;
	struct arena arena;
	struct dmarc_tree tree;
	struct dmarc_walk walk; /* one at a time */
	struct dns_query existence;
	struct later later;
	struct timer deadline;
	struct str author; /* lower case, without a last dot */
	bool existence_unknown; /* the DNS didn't say */
	bool alignment_unknown; /* of an identifier, for the same reason */
	bool authentication_unknown; /* of an aligned one */
	size_t turn; /* the identifier that is looked at */
	bool open[DMARC_IDENTIFIERS]; /* a walk has to tell */
};

/* Nothing comes any more.  Free on a run that waits for nothing. */
void dmarc_stop(struct dmarc_run *);
/* done() may cancel: nothing is touched after it. */
void dmarc_finish(struct dmarc_run *, enum dmarc_status, const char *why);

#endif
