#include "smtpd/delivery/pace.h"

#include "tests/fakes/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	RATE = 20
};

static unsigned
take_all(struct pace *pace)
{
	unsigned n = 0;
	while (pace_take(pace, RATE))
		n++;
	return n;
}

static void
a_second_has_so_many(void **state)
{
	struct pace pace = { 0 };
	(void)state;
	assert_int_equal(take_all(&pace), RATE);
	assert_int_equal(pace_wait_ms(&pace, RATE), 50);
	fake_clock_advance(49);
	assert_int_equal(take_all(&pace), 0);
	fake_clock_advance(1);
	assert_int_equal(pace_wait_ms(&pace, RATE), 0);
	assert_int_equal(take_all(&pace), 1);
	for (int i = 0; i < 10; i++) { /* and not one more in pieces */
		fake_clock_advance(33);
		assert_in_range(take_all(&pace), 0, 1);
	}
	fake_clock_advance(670);
	assert_in_range(take_all(&pace), 13, 14);
}

/* What wasn't used isn't saved. */
static void
an_idle_hour_is_worth_a_second(void **state)
{
	struct pace pace = { 0 };
	(void)state;
	take_all(&pace);
	fake_clock_advance(3600000);
	assert_int_equal(take_all(&pace), RATE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_has_so_many),
		cmocka_unit_test(an_idle_hour_is_worth_a_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
