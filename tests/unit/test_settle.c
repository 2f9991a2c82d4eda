#include "smtpd/delivery/settle.h"

#include "tests/fakes/said.h"
#include "tests/unit/delivery_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct delivery_rig rig;

static const struct peer mx = { .host = { "mx.remote.test", 14 },
	.ip = { 4, { 11, 0, 0, 1 } },
	.port = 25,
	.tls = { "TLSv1.3", 7 },
	.proof = "opportunistic" };

/* ---- cases of one round ---- */

enum {
	SUBMITTED = ENVELOPE_SUBMITTED
};

struct given {
	const char *what;
	const char *sender, *recipients;
	unsigned flags;
	int codes[3]; /* of the recipients, 0: none comes */
	int64_t age_ms;
	unsigned attempts;
	bool warned, full;
	const char *story;
};

static const struct given cases[] = {
	{ .what = "delivered",
	    .sender = "a@else.test",
	    .recipients = "you@ours.test",
	    .codes = { 250 },
	    .story = "told 1.0 D 250 text\n"
		     "settled 1, attempted, done\n" },
	{ .what = "deferred",
	    .sender = "a@else.test",
	    .recipients = "bob@remote.test",
	    .codes = { 451 },
	    .story = "told 1.0 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "deferred again",
	    .sender = "a@else.test",
	    .recipients = "bob@remote.test",
	    .codes = { 451 },
	    .attempts = 1,
	    .story = "told 1.0 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 3 s\n" },
	{ .what = "a mailbox of ours is tried at intervals of its own",
	    .sender = "a@else.test",
	    .recipients = "you@ours.test",
	    .codes = { 452 },
	    .story = "told 1.0 W 452 text\n"
		     "settled 1, attempted, back in 5 s\n" },
	{ .what = "failed: the sender is told first",
	    .sender = "you@ours.test",
	    .recipients = "bad@remote.test good@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 550, 250 },
	    .story = "added 2 from=<> to=you@ours.test envid=1:0\n"
		     "told 1.0 F 550 text (mx.remote.test[11.0.0.1])\n"
		     "told 1.1 D 250 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, done\n" },
	{ .what = "failed: several in one report",
	    .sender = "you@ours.test",
	    .recipients = "a@remote.test b@remote.test c@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 550, 451, 554 },
	    .story = "added 2 from=<> to=you@ours.test envid=1:0,2\n"
		     "told 1.0 F 550 text (mx.remote.test[11.0.0.1])\n"
		     "told 1.1 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "told 1.2 F 554 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "nobody is told of mail that isn't ours",
	    .sender = "a@else.test",
	    .recipients = "bob@remote.test",
	    .codes = { 550 },
	    .story = "told 1.0 F 550 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, done\n" },
	{ .what = "never a bounce of a bounce",
	    .sender = "you@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED | ENVELOPE_BOUNCE,
	    .codes = { 550 },
	    .story = "told 1.0 F 550 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, done\n" },
	{ .what = "the null sender is never answered",
	    .sender = "",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 550 },
	    .story = "told 1.0 F 550 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, done\n" },
	{ .what = "a sender whose account is gone",
	    .sender = "gone@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 550 },
	    .story = "told 1.0 F 550 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, done\n" },
	{ .what = "the directory can't be read: told another time",
	    .sender = "later@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 550 },
	    .story = "told 1.0 W 550 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "no space for the report: told another time",
	    .sender = "you@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 550 },
	    .full = true,
	    .story = "told 1.0 W 550 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "given up after the lifetime",
	    .sender = "you@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 451 },
	    .age_ms = 1000000,
	    .warned = true,
	    .story = "added 2 from=<> to=you@ours.test envid=1:0\n"
		     "told 1.0 F 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, done\n" },
	{ .what = "not before",
	    .sender = "you@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 451 },
	    .age_ms = 999999,
	    .warned = true,
	    .story = "told 1.0 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "never for a mailbox of ours",
	    .sender = "a@else.test",
	    .recipients = "you@ours.test",
	    .codes = { 452 },
	    .age_ms = 100000000,
	    .story = "told 1.0 W 452 text\n"
		     "settled 1, attempted, back in 5 s\n" },
	{ .what = "a warning claims no recipient",
	    .sender = "you@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 451 },
	    .age_ms = 100000,
	    .story = "added 2 from=<> to=you@ours.test envid=\n"
		     "told 1.0 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, warned, back in 2 s\n" },
	{ .what = "not before its time",
	    .sender = "you@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 451 },
	    .age_ms = 99999,
	    .story = "told 1.0 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "once",
	    .sender = "you@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 451 },
	    .age_ms = 100000,
	    .warned = true,
	    .story = "told 1.0 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "to our own users alone",
	    .sender = "a@else.test",
	    .recipients = "bob@remote.test",
	    .codes = { 451 },
	    .age_ms = 100000,
	    .story = "told 1.0 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "again when there was no space for it",
	    .sender = "you@ours.test",
	    .recipients = "bob@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 451 },
	    .age_ms = 100000,
	    .full = true,
	    .story = "told 1.0 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1, attempted, back in 2 s\n" },
	{ .what = "a failure and a warning are two reports",
	    .sender = "you@ours.test",
	    .recipients = "bad@remote.test slow@remote.test",
	    .flags = SUBMITTED,
	    .codes = { 550, 451 },
	    .age_ms = 100000,
	    .story = "added 2 from=<> to=you@ours.test envid=1:0\n"
		     "told 1.0 F 550 text (mx.remote.test[11.0.0.1])\n"
		     "told 1.1 W 451 text (mx.remote.test[11.0.0.1])\n"
		     "settled 1\n"
		     "added 3 from=<> to=you@ours.test envid=\n"
		     "settled 1, attempted, warned, back in 2 s\n" },
	{ .what = "damaged: nothing is known of anybody",
	    .sender = "a@else.test",
	    .recipients = "you@ours.test",
	    .codes = { 0 },
	    .story = "settled 1, back in 30 s\n" },
};

static void
answer(struct parcel *parcel, size_t i, int code)
{
	bool local = parcel_recipient(parcel, i)->kind == RECIPIENT_LOCAL;
	parcel_outcome(parcel, i,
	    local ? REPLY(code, NULL, "text") : said(REPLY(code, NULL, "text")),
	    local ? NULL : &mx);
}

static void
outcomes_are_settled_in_their_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct given *g = &cases[i];
		delivery_rig_make(&rig, NULL, NULL);
		struct queue_item *item =
		    fake_queue_item(g->sender, g->flags, g->recipients);
		item->received_ms -= g->age_ms;
		item->attempts = g->attempts;
		item->warned = g->warned;
		fake_queue.add_result = g->full ? QUEUE_FULL : QUEUE_ADDED;
		struct parcel *parcel = parcel_new(rig.delivery, item);
		parcel_hold(parcel);
		for (size_t n = 0; n < item->count; n++)
			if (g->codes[n])
				answer(parcel, n, g->codes[n]);
		parcel_release(parcel);
		const char *story = delivery_rig_run(&rig);
		if (strcmp(story, g->story) != 0)
			print_error("%s\n", g->what);
		assert_string_equal(story, g->story);
		assert_true(list_empty(&rig.delivery->parcels));
		delivery_rig_remove(&rig);
	}
}

/* ---- several parts ---- */

static void
what_came_early_is_settled_early(void **state)
{
	(void)state;
	delivery_rig_make(&rig, NULL, NULL);
	struct queue_item *item = fake_queue_item("you@ours.test", SUBMITTED,
	    "you@ours.test bad@remote.test slow@remote.test");
	struct parcel *parcel = parcel_new(rig.delivery, item);
	for (int part = 0; part < 3; part++)
		parcel_hold(parcel);
	answer(parcel, 0, 250);
	parcel_release(parcel);
	assert_string_equal(delivery_rig_run(&rig),
	    "told 1.0 D 250 text\n"
	    "settled 1\n");
	answer(parcel, 1, 550); /* its report waits for the others */
	parcel_release(parcel);
	assert_string_equal(delivery_rig_run(&rig), "");
	answer(parcel, 2, 550);
	parcel_release(parcel);
	assert_string_equal(delivery_rig_run(&rig),
	    "added 2 from=<> to=you@ours.test envid=1:1,2\n"
	    "told 1.1 F 550 text (mx.remote.test[11.0.0.1])\n"
	    "told 1.2 F 550 text (mx.remote.test[11.0.0.1])\n"
	    "settled 1, attempted, done\n");
	delivery_rig_remove(&rig);
}

static void
what_comes_during_a_round_waits_for_the_next(void **state)
{
	(void)state;
	delivery_rig_make(&rig, NULL, NULL);
	struct queue_item *item =
	    fake_queue_item("a@else.test", 0, "a@ours.test b@ours.test");
	struct parcel *parcel = parcel_new(rig.delivery, item);
	parcel_hold(parcel);
	parcel_hold(parcel);
	fake_queue.hold = true;
	answer(parcel, 0, 250);
	parcel_release(parcel);
	answer(parcel, 1, 250);
	parcel_release(parcel);
	assert_string_equal(delivery_rig_run(&rig),
	    "told 1.0 D 250 text\n"
	    "settled 1\n");
	fake_queue_let_go();
	assert_string_equal(delivery_rig_run(&rig),
	    "told 1.1 D 250 text\n"
	    "settled 1, attempted, done\n");
	delivery_rig_remove(&rig);
}

/* Each failed recipient stands in exactly one of them. */
static void
a_great_many_failures_are_told_in_several_reports(void **state)
{
	enum {
		COUNT = 500
	};
	(void)state;
	delivery_rig_make(&rig, NULL, NULL);
	struct buf recipients = { 0 }, envid = { 0 };
	for (int i = 0; i < COUNT; i++)
		buf_addf(
		    &recipients, "%ssomebody%d@remote.test", i ? " " : "", i);
	struct queue_item *item =
	    fake_queue_item("you@ours.test", SUBMITTED, buf_cstr(&recipients));
	struct parcel *parcel = parcel_new(rig.delivery, item);
	parcel_hold(parcel);
	for (size_t i = 0; i < COUNT; i++)
		answer(parcel, i, 550);
	parcel_release(parcel);
	struct str story = str_of(delivery_rig_run(&rig));
	size_t reports = 0, next = 0;
	while (story.n > 0) {
		struct str line = str_cut(&story, '\n');
		size_t at = str_search(line, STR("envid=1:"));
		struct str indices = str_from(line, at + 8);
		reports += indices.n > 0;
		while (indices.n > 0) {
			uint64_t i;
			assert_true(str_to_u64(str_cut(&indices, ','), &i));
			assert_int_equal(i, next++);
		}
	}
	assert_int_equal(next, COUNT);
	assert_in_range(reports, 2, 20);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(item->status[i].state, RECIPIENT_FAILED);
	buf_free(&recipients);
	buf_free(&envid);
	delivery_rig_remove(&rig);
}

/* ---- the end of all ---- */

/* At every point of the story: nothing leaks, nothing comes late. */
static void
may_be_cut_off_at_any_time(void **state)
{
	(void)state;
	for (int point = 0; point < 5; point++) {
		delivery_rig_make(&rig, NULL, NULL);
		struct queue_item *item = fake_queue_item(
		    "you@ours.test", SUBMITTED, "bad@remote.test");
		struct parcel *parcel = parcel_new(rig.delivery, item);
		parcel_hold(parcel);
		answer(parcel, 0, 550);
		fake_queue.hold = point > 1;
		if (point > 0)
			parcel_release(parcel); /* opens the message */
		if (point > 1)
			fake_loop_settle(rig.loop); /* adds the report */
		if (point > 2) {
			fake_queue_let_go();
			fake_queue.hold = point > 3;
			fake_loop_settle(rig.loop); /* settles, or all done */
		}
		delivery_free(rig.delivery);
		rig.delivery = NULL;
		delivery_rig_remove(&rig);
	}
}

/* ---- the log ---- */

static void
log_to(int fd, int *kept)
{
	fflush(stderr);
	*kept = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
}

static void
one_line_per_outcome_is_logged(void **state)
{
	static const char *const wanted[] = {
		" info event=delivered id=1 to=<bob@remote.test> "
		"host=mx.remote.test[11.0.0.1]:25 tls=TLSv1.3 "
		"proof=opportunistic code=250 dsn=2.0.0 ms=7 try=1\n",
		" info event=deferred id=1 to=<slow@remote.test> "
		"host=mx.remote.test[11.0.0.1]:25 tls=TLSv1.3 "
		"proof=opportunistic code=451 dsn=4.7.1 ms=7 try=1 "
		"reply=\"come \\\"later\\\"\"\n",
		" info event=bounced id=1 to=<bad@remote.test> code=550 ms=7 "
		"try=1 by=us reply=no\n",
		" info event=delivered id=1 to=<you@ours.test> "
		"mailbox=you@ours.test/Junk code=250 dsn=2.0.0 ms=7 try=1\n",
	};
	char text[2048] = "";
	int kept, file = memfd_create("log", MFD_CLOEXEC);
	(void)state;
	delivery_rig_make(&rig, NULL, NULL);
	struct queue_item *item = fake_queue_item("a@else.test", 0,
	    "bob@remote.test slow@remote.test bad@remote.test you@ours.test");
	item->envelope->recipients[3].folder = STR("Junk");
	struct parcel *parcel = parcel_new(rig.delivery, item);
	parcel_hold(parcel);
	fake_clock_advance(7);
	parcel_outcome(parcel, 0, REPLY(250, "2.0.0", "kept"), &mx);
	parcel_outcome(
	    parcel, 1, said(REPLY(451, "4.7.1", "come \"later\"")), &mx);
	parcel_outcome(parcel, 2, REPLY(550, NULL, "no"), NULL);
	parcel_outcome(parcel, 3, REPLY(250, "2.0.0", "delivered"), NULL);
	log_open(LOG_INFO, false, NULL);
	log_to(file, &kept);
	parcel_release(parcel);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_true(pread(file, text, sizeof text - 1, 0) > 0);
	close(file);
	struct str rest = str_of(text);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		size_t at = str_find(rest, ' '); /* behind the time */
		rest = str_from(rest, at);
		if (!str_starts(rest, str_of(wanted[i])))
			print_error("%.*s\n", STR_ARG(rest));
		assert_true(str_starts(rest, str_of(wanted[i])));
		str_cut(&rest, '\n');
	}
	fake_loop_settle(rig.loop);
	delivery_rig_remove(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_are_settled_in_their_order),
		cmocka_unit_test(what_came_early_is_settled_early),
		cmocka_unit_test(what_comes_during_a_round_waits_for_the_next),
		cmocka_unit_test(
		    a_great_many_failures_are_told_in_several_reports),
		cmocka_unit_test(may_be_cut_off_at_any_time),
		cmocka_unit_test(one_line_per_outcome_is_logged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
