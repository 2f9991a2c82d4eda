/*
 * Random lives that end at any file call, by a kill, a power cut or a failed
 * sync, and what was promised in them.
 *
 * The invariants are those of queue_model.py: what got a 250 reaches every
 * recipient (loss), at most one extra copy per recipient and crash (copies),
 * no second transmission after the outcome is durable (resend), and it all
 * comes to an end that leaves nothing on the disk (progress).
 *
 *	QUEUE_SEEDS=first-last test_queue_crash
 */
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "smtpd/queue/checkpoint.h"
#include "tests/fakes/power.h"
#include "tests/fakes/store.h"
#include "tests/unit/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MESSAGES = 14,
	RECIPIENTS = 3,
	LIVES = 6, /* the last ends well */
	SEGMENT_OCTETS = 48 * 1024,
	CALLS = 120, /* that a life may last */
	SYNCS = 12,
	LIFE_MS = 20000,
	STEP_MS = 1,
	IO_THREADS = 2,
	LANE_BOUND = 64,
	VIOLATION = 99, /* exit status of a life */
	FATAL_SYNC = 74,
};

struct promise { /* what the world knows of a message */
	uint64_t id;
	bool sent, acknowledged;
	const char *kinds; /* "LR" */
	size_t octets;
	struct power_flag *placed[RECIPIENTS];
	unsigned copies[RECIPIENTS]; /* placed or transmitted */
	bool durable[RECIPIENTS]; /* we heard that its outcome is */
};

struct world { /* shared by all lives */
	struct promise promises[MESSAGES];
	unsigned deaths;
	bool store_lost;
	char violation[128];
};

static struct world *world;
static char folder[64];

static const struct sort {
	const char *kinds;
	size_t octets;
} sorts[] = {
	{ "L", 300 },
	{ "R", 300 },
	{ "LR", 3000 },
	{ "LL", 5000 },
	{ "LRR", 9000 },
	{ "L", 70000 },
	{ "R", 70000 },
	{ "LR", 70000 },
};

static void
violate(const char *what, const struct promise *p)
{
	snprintf(world->violation, sizeof world->violation,
	    "%s: message %td (%s)", what, p - world->promises, p->kinds);
	_exit(VIOLATION);
}

/* ---- a life ---- */

struct life {
	struct loop *loop;
	struct lane *io;
	struct queue *queue;
	struct queue_consumer consumer;
	struct timer step;
	struct list work; /* struct delivery */
	unsigned sending;
	bool well; /* it may end as it likes */
	int64_t until;
};

struct sending {
	struct queue_add add;
	struct queue_body body;
	struct envelope *envelope;
	struct message *message;
	struct promise *promise;
};

struct delivery {
	struct list_node node;
	struct queue_item *item;
	struct promise *promise;
	struct queue_settle settle;
	struct queue_outcome outcomes[RECIPIENTS];
	bool settling;
};

static struct life life;

static void
on_added(struct queue_add *add)
{
	struct sending *s = container_of(add, struct sending, add);
	s->promise->acknowledged = add->result == QUEUE_ADDED;
	life.sending--;
	free(s);
}

static void
commit(struct sending *s)
{
	s->add.envelope = s->envelope;
	s->add.message = s->message;
	queue_add(life.queue, &s->add, on_added);
}

static void
on_body(struct queue_body *body)
{
	struct sending *s = container_of(body, struct sending, body);
	if (body->error)
		violate("body", s->promise);
	commit(s);
}

static void
on_drained(struct queue_body *body)
{
	(void)body;
}

static void
send_one(struct promise *p)
{
	struct sending *s = mem_alloc(sizeof *s);
	struct envelope *e = s->envelope = envelope_new();
	struct message *m = s->message = message_new();
	struct buf bytes = { 0 };
	e->id = p->id = queue_new_id(life.queue);
	for (const char *c = p->kinds; *c; c++) {
		struct recipient *r = envelope_add(e);
		r->kind = *c == 'L' ? RECIPIENT_LOCAL : RECIPIENT_REMOTE;
		r->address = STR("somebody@some.example");
	}
	memset(buf_reserve(&bytes, p->octets), (int)(p->id % 255), p->octets);
	bytes.n = p->octets;
	p->sent = true;
	s->promise = p;
	life.sending++;
	if (p->octets <= QUEUE_INLINE) {
		m->body = bytes;
		commit(s);
		return;
	}
	queue_body_start(life.queue, &s->body, e->id, on_drained);
	queue_body_write(&s->body, &bytes);
	queue_body_finish(&s->body, m, on_body);
}

static struct promise *
promise_of(uint64_t id)
{
	for (size_t i = 0; i < MESSAGES; i++)
		if (world->promises[i].id == id)
			return &world->promises[i];
	abort();
}

static void
on_due(struct queue_consumer *consumer, struct queue_item *item)
{
	(void)consumer;
	struct delivery *d = mem_alloc(sizeof *d);
	d->item = item;
	d->promise = promise_of(item->id);
	if (item->count != strlen(d->promise->kinds))
		violate("count", d->promise);
	list_push(&life.work, &d->node);
}

static void
on_settled(struct queue_settle *settle)
{
	struct delivery *d = container_of(settle, struct delivery, settle);
	for (size_t i = 0; i < settle->count; i++)
		if (d->outcomes[i].state == RECIPIENT_DELIVERED)
			d->promise->durable[d->outcomes[i].recipient] = true;
	if (settle->give_back)
		free(d);
	else
		d->settling = false;
}

/* One recipient is placed or transmitted, or deferred. */
static void
try_recipient(struct delivery *d, size_t i, struct queue_outcome *o)
{
	struct promise *p = d->promise;
	bool local = p->kinds[i] == 'L';
	*o = (struct queue_outcome){
		.recipient = i, .state = RECIPIENT_WAITING, .code = 451
	};
	if (power_random(4) == 0)
		return;
	if (!local && p->durable[i])
		violate("resend", p);
	if (p->copies[i]++ > world->deaths)
		violate("copies", p);
	if (local)
		power_flag_set(p->placed[i]);
	else
		power_point();
	o->state = RECIPIENT_DELIVERED;
}

static void
deliver(struct delivery *d)
{
	size_t count = 0;
	bool all = power_random(2);
	for (size_t i = 0; i < d->item->count; i++)
		if (d->item->status[i].state == RECIPIENT_WAITING &&
		    (all || power_random(2)))
			try_recipient(d, i, &d->outcomes[count++]);
	d->settle = (struct queue_settle){ .item = d->item,
		.count = count,
		.outcomes = d->outcomes,
		.attempted = true,
		.give_back = all,
		.next_ms = clock_wall_ms() };
	d->settling = true;
	if (all)
		list_remove(&d->node);
	queue_settle(life.queue, &d->settle, on_settled);
}

static void
deliver_some(void)
{
	struct list_node *next;
	for (struct list_node *n = list_first(&life.work); n; n = next) {
		next = list_next(&life.work, n);
		struct delivery *d = container_of(n, struct delivery, node);
		if (!d->settling && power_random(3))
			deliver(d);
	}
}

static bool
send_some(void)
{
	bool left = false;
	for (size_t i = 0; i < MESSAGES; i++) {
		struct promise *p = &world->promises[i];
		if (!p->sent && power_random(2))
			send_one(p);
		left = left || !p->sent;
	}
	return left;
}

static void
on_step(struct timer *timer)
{
	bool more = life.sending < 4 && send_some();
	deliver_some();
	if (power_random(6) == 0)
		journal_cut(life.queue->journal);
	row_write_retry(life.queue);
	checkpoint_try(life.queue, true);
	if (!more && !life.sending && !queue_count(life.queue)) {
		loop_stop(life.loop);
		return;
	}
	if (clock_mono_ms() > life.until)
		violate("progress", &world->promises[0]);
	timer_start(timer, life.loop, STEP_MS, on_step);
}

static void
live(void)
{
	const char *why = "";
	life.loop = loop_new();
	life.io = lane_new(life.loop, IO_THREADS, LANE_BOUND, "io");
	life.until = clock_mono_ms() + LIFE_MS;
	list_init(&life.work);
	struct store *store = store_open(life.loop, "", "", &why);
	life.queue = queue_open(&(struct queue_options){ .data = folder,
				    .loop = life.loop,
				    .io = life.io,
				    .store = store },
	    &why);
	if (!life.queue)
		_exit(FATAL_SYNC);
	queue_start(life.queue);
	life.consumer.due = on_due;
	queue_consume(life.queue, &life.consumer);
	timer_start(&life.step, life.loop, 0, on_step);
	loop_run(life.loop);
	queue_close(life.queue, LIFE_MS);
	queue_free(life.queue);
	store_close(store);
	lane_free(life.io);
	loop_free(life.loop);
}

/* ---- deaths ---- */

/* A life that ends somewhere; its exit status. */
static int
live_and_die(bool last)
{
	unsigned end = 0, fail = 0;
	if (!last && power_random(3))
		end = 1 + power_random(CALLS);
	else if (!last)
		fail = 1 + power_random(SYNCS);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		power_plan(end, fail);
		live();
		_exit(0);
	}
	int status;
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	world->deaths++;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (code != 0 && code != FATAL_SYNC && !*world->violation)
		snprintf(world->violation, sizeof world->violation,
		    "ended with status %x", (unsigned)status);
	if (power_failed() && code == 0 && !*world->violation)
		snprintf(world->violation, sizeof world->violation,
		    "went on after a failed sync");
	return code;
}

static void
after_death(void)
{
	if (power_random(2))
		power_cut();
	fake_store_end(false);
}

/* ---- a world ---- */

static void
make_world(unsigned seed)
{
	char journal[96], name[16];
	snprintf(folder, sizeof folder, "/tmp/postern-crash-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(journal, sizeof journal, "%s/spool", folder);
	file_mkdirs(journal, 0700);
	snprintf(journal, sizeof journal, "%s/journal", folder);
	file_mkdirs(journal, 0700);
	int fd = open(journal, O_RDONLY);
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++) {
		snprintf(name, sizeof name, "segment.%u", i);
		if (!segment_make(fd, name, SEGMENT_OCTETS))
			abort();
	}
	close(fd);
	power_watch(folder, seed);
	fake_store_begin();
	world = power_alloc(sizeof *world);
	for (size_t i = 0; i < MESSAGES; i++) {
		struct promise *p = &world->promises[i];
		const struct sort *sort =
		    &sorts[power_random(sizeof sorts / sizeof *sorts)];
		p->kinds = sort->kinds;
		p->octets = sort->octets;
		for (size_t k = 0; k < RECIPIENTS; k++)
			p->placed[k] = power_flag_new();
	}
}

static void
expect(bool so, const char *what, const struct promise *p)
{
	if (!so && !*world->violation)
		snprintf(world->violation, sizeof world->violation,
		    "%s: message %td (%s)", what, p ? p - world->promises : -1,
		    p ? p->kinds : "");
}

static void
check_promises(void)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		const struct promise *p = &world->promises[i];
		expect(p->sent, "never sent", p);
		if (!p->acknowledged)
			continue;
		for (size_t k = 0; p->kinds[k]; k++)
			expect(p->kinds[k] == 'L' ? p->placed[k]->disk
						  : p->copies[k] > 0,
			    "loss", p);
	}
	char spool[96];
	snprintf(spool, sizeof spool, "%s/spool", folder);
	expect(rmdir(spool) == 0, "files are left", NULL);
	expect(fake_store_rows() == 0, "rows are left", NULL);
}

static void
live_through(unsigned seed)
{
	make_world(seed);
	for (unsigned i = 1; i < LIVES && !*world->violation; i++) {
		live_and_die(false);
		after_death();
	}
	/* An error that a sync of all has left is told once more. */
	while (!*world->violation && live_and_die(true) == FATAL_SYNC)
		fake_store_end(false);
	check_promises();
	power_ignore();
	tree_remove(folder);
	if (*world->violation)
		fail_msg("seed %u: %s", seed, world->violation);
}

static void
promises_outlive_kills_power_cuts_and_failed_syncs(void **state)
{
	(void)state;
	unsigned first = 1, last = 120;
	const char *seeds = getenv("QUEUE_SEEDS");
	if (seeds)
		sscanf(seeds, "%u-%u", &first, &last);
	for (unsigned seed = first; seed <= last; seed++)
		live_through(seed);
}

/* ---- one crash that chance finds too seldom ---- */

static void
on_row(struct store_write *w)
{
	(void)w;
	loop_stop(life.loop);
}

/* A removal that ended between the unlink and its sync. */
static void
remove_half(void)
{
	const char *why;
	struct disk disk;
	struct store_write w = { .key = buf_of(STR("\0\0\0\0\0\0\0\76")),
		.value = buf_of(STR("a row")) };
	life.loop = loop_new();
	struct store *store = store_open(life.loop, "", "", &why);
	store_write(store, &w, on_row);
	loop_run(life.loop);
	if (!disk_open(&disk, folder, &why) || !spool_remove(&disk, "10"))
		_exit(VIOLATION);
	_exit(0);
}

static void
live_on(void)
{
	live();
	_exit(0);
}

static int
status_of(void (*what)(void))
{
	int status;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		power_plan(0, 0);
		what();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* SWEEP_SYNCED: what isn't in spool/ is durably not there, or the power cut
   brings it back when its row is gone. */
static void
what_is_swept_stays_away(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 10; seed++) {
		char path[96];
		make_world(seed);
		snprintf(path, sizeof path, "%s/spool/10", folder);
		file_create(path, STR("x"), 0600, (uid_t)-1, (gid_t)-1);
		power_watch(folder, seed);
		fake_store_begin();
		assert_int_equal(status_of(remove_half), 0);
		assert_int_equal(fake_store_rows(), 1);
		world = power_alloc(sizeof *world);
		for (size_t i = 0; i < MESSAGES; i++)
			world->promises[i].sent = true;
		assert_int_equal(status_of(live_on), 0);
		power_cut();
		assert_int_equal(fake_store_rows(), 0);
		assert_int_equal(access(path, F_OK), -1);
		power_ignore();
		tree_remove(folder);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_swept_stays_away),
		cmocka_unit_test(
		    promises_outlive_kills_power_cuts_and_failed_syncs),
	};
	log_open(LOG_WARN, false, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
