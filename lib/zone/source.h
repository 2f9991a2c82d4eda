/*
 * source.h - what a plan is made from, gathered: settings, this host's public
 * addresses, and the key records in the data folder's dns/.
 */
#ifndef LIB_ZONE_SOURCE_H
#define LIB_ZONE_SOURCE_H

#include "lib/base/settings.h"
#include "lib/zone/plan.h"

struct zone_source {
	struct zone_inputs inputs; /* for zone_plan(); points into the arena */
	struct arena arena;
};

/* Blocks.  The settings' hostname must be set; they and the domain outlive
   the source.  Missing files give fewer records, never an error. */
void zone_source_read(
    struct zone_source *, const struct settings *, struct str domain);
void zone_source_free(struct zone_source *);

#endif
