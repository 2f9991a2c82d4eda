/*
 * intake.h - the side of the queue that takes messages in, kept in memory.
 *
 * It stands in for smtpd/queue where only inbound is tested: name it in
 * tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_INTAKE_H
#define TESTS_FAKES_INTAKE_H

#include "smtpd/queue/queue.h"

struct fake_intake {
	struct queue *queue; /* to be used */
	bool no_space; /* for queue_has_space() */
	enum queue_result result; /* of adding */
	int error; /* of bodies */
	bool hold; /* adds and bodies wait for fake_intake_let_go() */
	bool much; /* memory is short */
	/* what came */
	unsigned added; /* all that are or wait */
	struct envelope *envelope; /* the last one's */
	struct buf text; /* header section and body */
	bool in_file; /* the body was */
	int64_t memory; /* held now */
	unsigned bodies; /* files that are open or belong to a message */
	size_t largest; /* octets of a body that waited to be written */
};

extern struct fake_intake fake_intake;

void fake_intake_open(struct loop *);
void fake_intake_let_go(void);
void fake_intake_close(void);

#endif
