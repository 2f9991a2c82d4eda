/*
 * spf_target.h - target-names: what a domain-spec stands for, RFC 7208 4.8.
 *
 * Any octets may stand in their labels, as macros put them there; how the DNS
 * writes those is not known here.
 */
#ifndef LIB_TRUST_SPF_TARGET_H
#define LIB_TRUST_SPF_TARGET_H

#include "lib/base/arena.h"
#include "lib/trust/spf_macro.h"

/* Labels of 1 to 63 octets, 253 in all: RFC 1035 2.3.4. */
bool spf_target_is_name(struct str);
/* Of a domain-spec that was checked; without the last dot.  False, and "":
   what comes out is no name that the DNS could be asked for. */
bool spf_target_expand(struct str spec, const struct spf_macros *,
    struct arena *, struct str *name);

#endif
