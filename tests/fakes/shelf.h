/*
 * shelf.h - a queue that is only looked at, and the counts of the other rooms:
 * all that smtpd/control asks.
 *
 * It stands in for smtpd/queue, the directory and its keeper, the
 * certificate's, inbound, routes and delivery: name it in
 * tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_SHELF_H
#define TESTS_FAKES_SHELF_H

#include "smtpd/control/control.h"

struct fake_shelf {
	bool full; /* no space */
	const char *trouble; /* of config/ */
	const char *tls_trouble; /* of the certificate */
	const char *inbound_troubles[2]; /* NULL: none */
	size_t items; /* with ids 1, 2 ..., from sender@ID.test, to ...@a.test
			 when the id is odd, else ...@b.test */
	uint64_t busy; /* this one can't be dropped */
	uint64_t gone; /* this one ends while it is read */
	const char *reply; /* of each recipient */
	unsigned retried, dropped, held, released;
	uint64_t on_hold; /* this one is held */
	bool changing; /* changes take their time */
	bool spare_resolver;
	bool hold; /* envelopes take their time */
	unsigned reading; /* that are under way */
	uint64_t unreported; /* messages and sessions */
	struct report_request *reporting; /* under way, or NULL */
	unsigned looks; /* at config/ that are under way */
	struct route
	    *route; /* under way, to be answered by the test, or NULL */
};

extern struct fake_shelf fake_shelf;

void fake_shelf_use(struct loop *); /* and empties it */
void fake_shelf_let_go(void);
void fake_shelf_changed(void); /* they are durable */
void fake_shelf_looked(void); /* at config/ */

#endif
