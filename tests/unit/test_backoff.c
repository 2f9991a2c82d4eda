#include "smtpd/delivery/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	MINUTE = 60000,
	HOUR = 60 * MINUTE
};

static void
grows_by_half_up_to_the_most(void **state)
{
	static const struct {
		int64_t least, most;
		unsigned tries;
		int64_t wanted;
	} cases[] = {
		{ 5 * MINUTE, 4 * HOUR, 1, 300000 },
		{ 5 * MINUTE, 4 * HOUR, 2, 450000 },
		{ 5 * MINUTE, 4 * HOUR, 3, 675000 },
		{ 5 * MINUTE, 4 * HOUR, 10, 11533005 },
		{ 5 * MINUTE, 4 * HOUR, 11, 4 * HOUR },
		{ 5 * MINUTE, 4 * HOUR, UINT32_MAX, 4 * HOUR },
		{ 5 * MINUTE, 4 * HOUR, 0, 300000 },
		{ 4 * HOUR, 5 * MINUTE, 1, 5 * MINUTE },
		{ 1, 1000, UINT32_MAX, 1 },
		{ 0, 1000, 3, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(backoff_delay(cases[i].least, cases[i].most,
				     cases[i].tries),
		    cases[i].wanted);
}

static void
jitter_stays_within_ten_percent_and_spreads(void **state)
{
	int64_t least = INT64_MAX, most = 0;
	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t ms = backoff_jitter(10000);
		assert_in_range(ms, 9000, 11000);
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_true(least < 9100 && most > 10900);
	assert_int_equal(backoff_jitter(0), 0);
}

/* Else a message would come back while its destination is left alone. */
static void
a_destination_rests_for_less_than_its_messages_wait(void **state)
{
	struct settings s = { .retry_min_ms = 5 * MINUTE,
		.retry_max_ms = 4 * HOUR };
	(void)state;
	for (unsigned n = 1; n < 100; n++) {
		assert_true(backoff_pause(&s, n) < backoff_remote(&s, n));
		assert_true(backoff_pause(&s, n) <= 15 * MINUTE);
	}
	assert_int_equal(backoff_pause(&s, 1), 150000);
}

static void
mailboxes_of_ours_are_tried_soon(void **state)
{
	(void)state;
	assert_in_range(backoff_local(1), 4500, 5500);
	assert_in_range(backoff_local(1000), 270000, 330000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_by_half_up_to_the_most),
		cmocka_unit_test(jitter_stays_within_ten_percent_and_spreads),
		cmocka_unit_test(
		    a_destination_rests_for_less_than_its_messages_wait),
		cmocka_unit_test(mailboxes_of_ours_are_tried_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
