/* Each service as a machine: what it does when its child ends, when time goes
   by, and when it is told to restart or to stop. */
#include "lib/base/arena.h"
#include "tests/fakes/children.h"
#include "tests/fakes/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "unbound", "signer", "web", "smtpd",
	"dovecot" };

/* "waiting" or so, as `postern status` sees it; "" for one that is off. */
static const char *
state_of(enum service_name name)
{
	static char state[32];
	struct buf all = { 0 };
	services_status(&all);
	*state = 0;
	for (struct str rest = buf_str(&all); rest.n;) {
		struct str line = str_cut(&rest, '\n');
		assert_true(str_eq(str_cut(&line, '\t'), STR("service")));
		struct str found = str_cut(&line, '\t');
		struct str what = str_cut(&line, '\t');
		if (str_eq(found, str_of(names[name])))
			snprintf(state, sizeof state, "%.*s", STR_ARG(what));
	}
	buf_free(&all);
	return state;
}

static void
end(enum service_name name, int status)
{
	pid_t pid = fake_children[name].pid;
	fake_children[name].pid = 0;
	services_reaped(pid, status);
}

static void
advance(int64_t ms)
{
	fake_clock_advance(ms);
	services_tick(clock_mono_ms());
}

/* All are up, and have been for so long that the next wait is the first. */
static int
setup(void **state)
{
	(void)state;
	memset(fake_children, 0, sizeof fake_children);
	services_start();
	advance(60000);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		services_stop();
		for (int k = 0; k < SERVICE_COUNT; k++)
			if (fake_children[k].signal)
				end((enum service_name)k, SIGTERM);
	}
	services_stop();
	return services_stopped() ? 0 : -1;
}

/* ---- back-off ---- */

static const int64_t waits_s[] = { 1, 2, 4, 8, 16, 32, 60, 60 };

enum {
	WAITS = sizeof waits_s / sizeof *waits_s
};

static void
expect_wait(enum service_name name, int64_t ms)
{
	unsigned before = fake_children[name].started;
	assert_string_equal(state_of(name), "waiting");
	assert_int_equal(services_next_ms() - clock_mono_ms(), ms);
	advance(ms - 1);
	assert_int_equal(fake_children[name].started, before);
	advance(1);
	assert_int_equal(fake_children[name].started, before + 1);
}

static void
one_that_ends_is_started_again_ever_later(void **state)
{
	(void)state;
	for (size_t i = 0; i < WAITS; i++) {
		end(SERVICE_SIGNER, SIGSEGV);
		assert_true(fake_children[SERVICE_SIGNER].gone);
		expect_wait(SERVICE_SIGNER, waits_s[i] * 1000);
		assert_string_equal(state_of(SERVICE_SIGNER), "up");
	}
	assert_int_equal(services_next_ms(), INT64_MAX);
}

static void
one_that_can_not_start_is_tried_ever_later(void **state)
{
	(void)state;
	fake_children[SERVICE_SMTPD].broken = true;
	end(SERVICE_SMTPD, 0);
	for (size_t i = 0; i < WAITS; i++)
		expect_wait(SERVICE_SMTPD, waits_s[i] * 1000);
	fake_children[SERVICE_SMTPD].broken = false;
	advance(60000);
	assert_string_equal(state_of(SERVICE_SMTPD), "up");
}

static void
a_minute_of_service_makes_the_wait_short_again(void **state)
{
	static const struct {
		int64_t up_ms, wait_ms;
	} cases[] = {
		{ 60000, 1000 },
		{ 59999, 2000 },
		{ 0, 4000 },
		{ 60000, 1000 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		advance(i ? cases[i].up_ms : 0);
		end(SERVICE_SMTPD, 0);
		expect_wait(SERVICE_SMTPD, cases[i].wait_ms);
	}
}

static void
the_earliest_wait_is_the_next(void **state)
{
	(void)state;
	end(SERVICE_DOVECOT, 0);
	advance(1000); /* up again */
	end(SERVICE_DOVECOT, 0); /* 2 s */
	end(SERVICE_SIGNER, 0); /* 1 s */
	assert_int_equal(services_next_ms(), clock_mono_ms() + 1000);
	advance(1000);
	assert_int_equal(services_next_ms(), clock_mono_ms() + 1000);
}

/* ---- restart ---- */

static void
restart_starts_at_once_when_the_old_one_has_ended(void **state)
{
	(void)state;
	struct fake_child *c = &fake_children[SERVICE_SIGNER];
	unsigned before = c->started;
	service_restart(SERVICE_SIGNER);
	assert_int_equal(c->signal, SIGTERM);
	assert_string_equal(state_of(SERVICE_SIGNER), "restarting");
	service_restart(SERVICE_SIGNER);
	assert_int_equal(c->started, before);
	end(SERVICE_SIGNER, 0);
	assert_int_equal(c->started, before + 1);
	assert_string_equal(state_of(SERVICE_SIGNER), "up");
}

static void
restart_kills_what_does_not_end(void **state)
{
	(void)state;
	struct fake_child *c = &fake_children[SERVICE_SIGNER];
	service_restart(SERVICE_SIGNER);
	assert_int_equal(services_next_ms() - clock_mono_ms(), STOP_MS);
	advance(STOP_MS - 1);
	assert_int_equal(c->signal, SIGTERM);
	advance(1);
	assert_int_equal(c->signal, SIGKILL);
	assert_int_equal(services_next_ms(), INT64_MAX);
	end(SERVICE_SIGNER, SIGKILL);
	assert_string_equal(state_of(SERVICE_SIGNER), "up");
}

static void
restart_ends_a_wait(void **state)
{
	(void)state;
	end(SERVICE_SIGNER, SIGSEGV);
	service_restart(SERVICE_SIGNER);
	assert_string_equal(state_of(SERVICE_SIGNER), "up");
}

static void
signals_reach_who_is_up(void **state)
{
	(void)state;
	struct fake_child *c = &fake_children[SERVICE_SMTPD];
	service_signal(SERVICE_SMTPD, SIGHUP);
	assert_int_equal(c->signal, SIGHUP);
	end(SERVICE_SMTPD, 0);
	c->signal = 0;
	service_signal(SERVICE_SMTPD, SIGHUP);
	assert_int_equal(c->signal, 0);
}

static void
other_pids_are_nobody(void **state)
{
	(void)state;
	services_reaped(4242, 0);
	services_reaped(0, 0);
	for (int i = 0; i < SERVICE_COUNT; i++)
		assert_string_equal(state_of((enum service_name)i), "up");
}

/* ---- stop ---- */

static void
expect_signals(int unbound, int signer, int web, int smtpd, int dovecot)
{
	const int wanted[] = { unbound, signer, web, smtpd, dovecot };
	for (int i = 0; i < SERVICE_COUNT; i++)
		assert_int_equal(fake_children[i].signal, wanted[i]);
}

/* smtpd may still ask the others while it writes down what it promised. */
static void
stop_is_in_order(void **state)
{
	(void)state;
	services_stop();
	expect_signals(0, 0, 0, SIGTERM, SIGTERM);
	end(SERVICE_DOVECOT, 0);
	services_stop();
	expect_signals(0, 0, 0, SIGTERM, SIGTERM);
	assert_string_equal(state_of(SERVICE_SIGNER), "up");
	end(SERVICE_SMTPD, 0);
	services_stop();
	expect_signals(SIGTERM, SIGTERM, SIGTERM, SIGTERM, SIGTERM);
	assert_false(services_stopped());
	end(SERVICE_SIGNER, 0);
	end(SERVICE_WEB, 0);
	end(SERVICE_UNBOUND, 0);
	assert_true(services_stopped());
}

static void
stop_ends_waits_and_restarts(void **state)
{
	(void)state;
	end(SERVICE_DOVECOT, 0); /* waits */
	service_restart(SERVICE_SMTPD);
	unsigned before = fake_children[SERVICE_SMTPD].started;
	services_stop();
	end(SERVICE_SMTPD, 0);
	services_stop();
	end(SERVICE_SIGNER, 0);
	end(SERVICE_WEB, 0);
	end(SERVICE_UNBOUND, 0);
	assert_true(services_stopped());
	assert_int_equal(fake_children[SERVICE_SMTPD].started, before);
	assert_int_equal(services_next_ms(), INT64_MAX);
}

static void
kill_ends_all_whatever_they_do(void **state)
{
	(void)state;
	services_stop();
	services_kill();
	expect_signals(SIGKILL, SIGKILL, SIGKILL, SIGKILL, SIGKILL);
	for (int i = 0; i < SERVICE_COUNT; i++)
		end((enum service_name)i, SIGKILL);
	services_stop();
	assert_true(services_stopped());
}

/* ---- the rest ---- */

static void
status_is_written_when_something_changes(void **state)
{
	(void)state;
	unsigned before = fake_statuses;
	end(SERVICE_SMTPD, 0);
	assert_int_equal(fake_statuses, before + 1);
	advance(1000);
	assert_int_equal(fake_statuses, before + 2);
	advance(1000);
	services_start(); /* they are */
	assert_int_equal(fake_statuses, before + 2);
}

static void
what_is_not_wanted_stays_off(void **state)
{
	(void)state;
	teardown(NULL);
	memset(fake_children, 0, sizeof fake_children);
	fake_children[SERVICE_UNBOUND].unwanted = true;
	services_start();
	assert_int_equal(fake_children[SERVICE_UNBOUND].started, 0);
	assert_string_equal(state_of(SERVICE_UNBOUND), "");
	service_restart(SERVICE_UNBOUND);
	assert_int_equal(fake_children[SERVICE_UNBOUND].started, 0);
}

#define SERVICE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_TEST(one_that_ends_is_started_again_ever_later),
		SERVICE_TEST(one_that_can_not_start_is_tried_ever_later),
		SERVICE_TEST(a_minute_of_service_makes_the_wait_short_again),
		SERVICE_TEST(the_earliest_wait_is_the_next),
		SERVICE_TEST(restart_starts_at_once_when_the_old_one_has_ended),
		SERVICE_TEST(restart_kills_what_does_not_end),
		SERVICE_TEST(restart_ends_a_wait),
		SERVICE_TEST(signals_reach_who_is_up),
		SERVICE_TEST(other_pids_are_nobody),
		SERVICE_TEST(stop_is_in_order),
		SERVICE_TEST(stop_ends_waits_and_restarts),
		SERVICE_TEST(kill_ends_all_whatever_they_do),
		SERVICE_TEST(status_is_written_when_something_changes),
		SERVICE_TEST(what_is_not_wanted_stays_off),
	};
	log_open(LOG_ERROR, false, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
