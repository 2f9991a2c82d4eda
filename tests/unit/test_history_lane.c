/* The history with real threads: lines come while workers write and search. */
#include "smtpd/queue/history.h"

#include "lib/base/clock.h"
#include "tests/unit/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	THREADS = 4,
	BOUND = 64,
	LINES = 20000,
	EACH = 100, /* at once */
	DEADLINE_MS = 60000,
};

static char folder[64];
static struct loop *loop;
static struct lane *lane;
static struct history *history;
static struct history_search search;
static struct timer timer;
static int64_t until;
static size_t kept, told;
static bool searching;
static unsigned searches;

static void
on_told(struct history_search *s)
{
	for (size_t i = 0; i < s->lines.n; i++)
		told += s->lines.p[i] == '\n';
	if (!s->last) {
		history_search_next(history, s);
		return;
	}
	history_search_cancel(s);
	searches++;
	searching = false;
}

static void
start_search(const char *id)
{
	searching = true;
	told = 0;
	history_search_start(history, &search, HISTORY_ID, str_of(id), on_told);
}

static void
on_idle(struct history *h)
{
	(void)h;
	loop_stop(loop);
}

static void
on_tick(struct timer *t)
{
	assert_true(clock_mono_ms() < until);
	for (size_t i = 0; i < EACH && kept < LINES; i++, kept++) {
		struct log_line line = log_begin_kept(LOG_DEBUG, "received");
		log_c(&line, "id", kept % 2 ? "odd" : "even");
		history_end(
		    history, kept % 3 ? HISTORY_MAIL : HISTORY_REFUSED, &line);
	}
	if (!searching && kept < LINES)
		start_search("even");
	if (kept < LINES || searching)
		timer_start(t, loop, 1, on_tick);
	else
		history_stop(history, on_idle);
}

static void
on_last_tick(struct timer *t)
{
	assert_true(clock_mono_ms() < until);
	if (searching)
		timer_start(t, loop, 1, on_last_tick);
	else
		loop_stop(loop);
}

static void
lines_come_while_it_writes_and_searches(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/postern-history-XXXXXX");
	assert_non_null(mkdtemp(folder));
	loop = loop_new();
	lane = lane_new(loop, THREADS, BOUND, "io");
	history = history_open(loop, lane, folder);
	until = clock_mono_ms() + DEADLINE_MS;
	timer_start(&timer, loop, 0, on_tick);
	loop_run(loop);
	assert_true(searches > 0);
	start_search("odd");
	timer_start(&timer, loop, 0, on_last_tick);
	loop_run(loop);
	assert_int_equal(told, LINES / 2);
	assert_string_equal(history_trouble(history), "");
	timer_stop(&timer);
	history_free(history);
	lane_free(lane);
	loop_free(loop);
	tree_remove(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_while_it_writes_and_searches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
