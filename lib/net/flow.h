/*
 * flow.h - what happens in steps, as a table of steps.
 *
 * A step that waits calls flow_hold() once for each request it starts and
 * returns STEP_WAIT; each answer calls flow_release(), and the last one runs
 * the next row.  Requests of one row run side by side.  STEP_STOP: the owner
 * has ended, the flow is not touched again.  Behind the last row: nothing.
 */
#ifndef LIB_NET_FLOW_H
#define LIB_NET_FLOW_H

enum step {
	STEP_NEXT,
	STEP_WAIT,
	STEP_STOP
};

struct flow;

struct flow_step {
	const char *name; /* for whoever reads the table, which NULL ends */
	enum step (*run)(struct flow *);
};

struct flow { /* a member of its owner */
	const struct flow_step *step; /* private: the row that runs */
	unsigned held; /* private */
};

void flow_start(
    struct flow *, const struct flow_step *table); /* runs at once */
void flow_hold(struct flow *);
void flow_release(struct flow *);

#endif
