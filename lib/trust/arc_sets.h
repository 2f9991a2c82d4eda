/*
 * arc_sets.h - the ARC sets of a header section, and whether they can be a
 * chain: RFC 8617 4.2, 5.2 steps 1 to 3.
 *
 * It knows neither keys nor DNS nor the body.
 */
#ifndef LIB_TRUST_ARC_SETS_H
#define LIB_TRUST_ARC_SETS_H

#include "lib/trust/arc.h"

struct arc_set {
	const struct header_field *results; /* ARC-Authentication-Results */
	const struct header_field *message; /* ARC-Message-Signature */
	const struct header_field *seal; /* ARC-Seal */
	struct dkim_signature message_tags, seal_tags;
};

struct arc_sets {
	unsigned count; /* 0: no chain */
	struct arc_set *sets; /* that of instance 1 first; in the arena */
};

/* False: there is something of ARC, but no chain that could pass; why says,
   and the count is 0. */
bool arc_sets_collect(
    const struct header *, struct arena *, struct arc_sets *, const char **why);

/* RFC 8617 4.1.1: "i=1;" at the head of an ARC-Authentication-Results; rest is
   what stands behind it. */
bool arc_results_instance(
    struct str value, unsigned *instance, struct str *rest);

/* What the seals are over, by instance: RFC 8617 5.1.1.  Each field is hashed
   once, whatever their number. */
void arc_seal_digests(const struct arc_sets *, struct arena *,
    uint8_t digests[ARC_MAX_SETS][DKIM_HASH]);

#endif
