/*
 * children.h - children that are only numbers: started, told to end, and
 * reaped when a test says so.
 *
 * It stands in for entrypoint/children.c, for entrypoint/status.c and for
 * kill(2): name it in tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_CHILDREN_H
#define TESTS_FAKES_CHILDREN_H

#include "entrypoint/entrypoint.h"

struct fake_child {
	bool unwanted;
	bool broken; /* can't be started */
	unsigned started;
	pid_t pid; /* of the last one */
	int signal; /* that it got last, or 0 */
	bool gone; /* what led to it is closed */
};

extern struct fake_child fake_children[SERVICE_COUNT];
extern unsigned fake_statuses; /* how often the status was written */

#endif
