#include "lib/net/flow.h"

#include "lib/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct owner {
	struct flow flow;
	char trace[32];
	unsigned questions; /* how many the waiting step asks */
};

static struct owner *
owner_of(struct flow *flow)
{
	return container_of(flow, struct owner, flow);
}

static void
note(struct flow *flow, const char *what)
{
	struct owner *o = owner_of(flow);
	strncat(o->trace, what, sizeof o->trace - strlen(o->trace) - 1);
}

static enum step
pass(struct flow *flow)
{
	note(flow, "p");
	return STEP_NEXT;
}

static enum step
ask(struct flow *flow)
{
	note(flow, "a");
	for (unsigned i = 0; i < owner_of(flow)->questions; i++)
		flow_hold(flow);
	return STEP_WAIT;
}

/* Both answers come before the step returns. */
static enum step
ask_and_hear(struct flow *flow)
{
	note(flow, "h");
	flow_hold(flow);
	flow_hold(flow);
	flow_release(flow);
	flow_release(flow);
	note(flow, ".");
	return STEP_WAIT;
}

static enum step
end(struct flow *flow)
{
	note(flow, "e");
	return STEP_STOP;
}

static enum step
end_and_free(struct flow *flow)
{
	free(owner_of(flow));
	return STEP_STOP;
}

static const struct flow_step three[] = {
	{ "pass", pass },
	{ "ask", ask },
	{ "last", pass },
	{ 0 },
};

static void
test_last_answer_runs_the_next_row(void **state)
{
	(void)state;
	struct owner o = { .questions = 3 };
	flow_start(&o.flow, three);
	assert_string_equal(o.trace, "pa");
	flow_release(&o.flow);
	flow_release(&o.flow);
	assert_string_equal(o.trace, "pa");
	flow_release(&o.flow);
	assert_string_equal(o.trace, "pap");
}

static void
test_waiting_for_nothing_goes_on(void **state)
{
	(void)state;
	struct owner o = { 0 };
	flow_start(&o.flow, three);
	assert_string_equal(o.trace, "pap");
}

static void
test_answer_from_within_the_step(void **state)
{
	(void)state;
	static const struct flow_step table[] = {
		{ "both", ask_and_hear },
		{ "pass", pass },
		{ 0 },
	};
	struct owner o = { 0 };
	flow_start(&o.flow, table);
	assert_string_equal(o.trace, "h.p");
}

static void
test_stop_skips_the_rest(void **state)
{
	(void)state;
	static const struct flow_step table[] = {
		{ "end", end },
		{ "pass", pass },
		{ 0 },
	};
	struct owner o = { 0 };
	flow_start(&o.flow, table);
	assert_string_equal(o.trace, "e");
}

static void
test_step_may_free_its_owner(void **state)
{
	(void)state;
	static const struct flow_step table[] = {
		{ "ask", ask },
		{ "free", end_and_free },
		{ "pass", pass },
		{ 0 },
	};
	struct owner *o = calloc(1, sizeof *o);
	assert_non_null(o);
	o->questions = 1;
	flow_start(&o->flow, table);
	flow_release(&o->flow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_answer_runs_the_next_row),
		cmocka_unit_test(test_waiting_for_nothing_goes_on),
		cmocka_unit_test(test_answer_from_within_the_step),
		cmocka_unit_test(test_stop_skips_the_rest),
		cmocka_unit_test(test_step_may_free_its_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
