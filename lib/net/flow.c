#include "lib/net/flow.h"

/* While a step runs it holds the flow itself: an answer that comes from within
   the step can't overtake it. */
static void
run(struct flow *flow)
{
	for (; flow->step->name; flow->step++) {
		flow->held = 1;
		enum step next = flow->step->run(flow);
		if (next == STEP_STOP)
			return;
		if (next == STEP_WAIT && --flow->held > 0)
			return;
	}
}

void
flow_start(struct flow *flow, const struct flow_step *table)
{
	flow->step = table;
	run(flow);
}

void
flow_hold(struct flow *flow)
{
	flow->held++;
}

void
flow_release(struct flow *flow)
{
	if (--flow->held > 0)
		return;
	flow->step++;
	run(flow);
}
