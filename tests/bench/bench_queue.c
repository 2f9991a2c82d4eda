/*
 * bench_queue.c - what the queue does on this disk: messages committed a
 * second, memory for what waits, and the time to start with all of it.
 *
 *	bench_queue FOLDER [seconds [adders [octets [waiting]]]]
 *
 * Its consumer places every message at once, which costs nothing: what is
 * measured is the journal and its checkpoints, against a plain append and
 * fdatasync of one message at a time in the same run.
 */
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "smtpd/queue/queue.h"
#include "smtpd/store/store.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IO_THREADS = 8,
	BOUND = 4096,
	HOUR_MS = 3600000,
	CLOSE_MS = 60000
};

struct adder {
	struct queue_add add;
	struct bench *bench;
};

struct settler {
	struct queue_settle settle;
	struct queue_outcome outcome;
	struct bench *bench;
};

struct bench {
	const char *folder;
	struct loop *loop;
	struct lane *io;
	struct store *store;
	struct queue *queue;
	struct queue_consumer consumer;
	struct timer timer;
	enum recipient_kind kind;
	size_t octets;
	size_t limit; /* of messages; 0: the timer ends it */
	size_t added, settled, running;
	bool stopping;
};

static struct bench bench;

static char *
below(const char *name)
{
	struct buf path = { 0 };
	buf_addf(&path, "%s/%s", bench.folder, name);
	char *text = mem_cstr(buf_str(&path));
	buf_free(&path);
	return text;
}

/* ---- adding ---- */

static void on_added(struct queue_add *);

static void
add_one(struct adder *a)
{
	struct envelope *e = envelope_new();
	struct message *m = message_new();
	e->id = queue_new_id(bench.queue);
	e->received_ms = clock_wall_ms();
	e->sender = STR("somebody@sender.example");
	struct recipient *r = envelope_add(e);
	r->kind = bench.kind;
	r->address = STR("you@example.test");
	r->original = r->address;
	r->folder = STR("");
	buf_adds(&m->header, "Subject: a message of the measurement\r\n");
	memset(buf_reserve(&m->body, bench.octets), 'x', bench.octets);
	m->body.n = bench.octets;
	a->add = (struct queue_add){ .envelope = e, .message = m };
	queue_add(bench.queue, &a->add, on_added);
}

static void
finish_when_idle(void)
{
	if (bench.running == 0 && bench.settled == bench.added)
		loop_stop(bench.loop);
}

static void
on_added(struct queue_add *add)
{
	struct adder *a = container_of(add, struct adder, add);
	if (add->result != QUEUE_ADDED) {
		fprintf(stderr, "no space\n");
		exit(1);
	}
	bench.added++;
	if (!bench.stopping && bench.added + bench.running != bench.limit + 1)
		add_one(a);
	else
		bench.running--;
	finish_when_idle();
}

/* ---- taking ---- */

static void
on_settled(struct queue_settle *settle)
{
	bench.settled++;
	free(container_of(settle, struct settler, settle));
	finish_when_idle();
}

static void
on_due(struct queue_consumer *consumer, struct queue_item *item)
{
	(void)consumer;
	struct settler *s = mem_alloc(sizeof *s);
	bool local = bench.kind == RECIPIENT_LOCAL;
	s->outcome = (struct queue_outcome){ .code = local ? 250 : 451,
		.state = local ? RECIPIENT_DELIVERED : RECIPIENT_WAITING,
		.text = STR("451 4.4.1 no answer from mx.remote.example") };
	s->settle = (struct queue_settle){ .item = item,
		.count = 1,
		.outcomes = &s->outcome,
		.attempted = true,
		.give_back = true,
		.next_ms = clock_wall_ms() + HOUR_MS };
	queue_settle(bench.queue, &s->settle, on_settled);
}

/* ---- phases ---- */

static void
open_all(void)
{
	const char *why = "";
	char *store = below("store"), *bad = below("bad");
	bench.loop = loop_new();
	bench.io = lane_new(bench.loop, IO_THREADS, BOUND, "io");
	bench.store = store_open(bench.loop, store, bad, &why);
	bench.queue = bench.store
	    ? queue_open(&(struct queue_options){ .data = bench.folder,
			     .loop = bench.loop,
			     .io = bench.io,
			     .store = bench.store },
		  &why)
	    : NULL;
	if (!bench.queue) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	free(store);
	free(bad);
	store_start(bench.store);
	queue_start(bench.queue);
	bench.consumer.due = on_due;
	queue_consume(bench.queue, &bench.consumer);
}

static void
close_all(void)
{
	queue_close(bench.queue, CLOSE_MS);
	queue_free(bench.queue);
	store_close(bench.store);
	lane_free(bench.io);
	loop_free(bench.loop);
}

static void
on_time(struct timer *timer)
{
	(void)timer;
	bench.stopping = true;
}

static void
run(size_t adders, int64_t ms)
{
	struct adder *all = mem_array(NULL, adders, sizeof *all);
	bench.added = bench.settled = 0;
	bench.stopping = false;
	bench.running = adders;
	if (ms)
		timer_start(&bench.timer, bench.loop, ms, on_time);
	for (size_t i = 0; i < adders; i++)
		add_one(&all[i]);
	loop_run(bench.loop);
	free(all);
}

/* All of it in the spool, and out of memory? */
static void
on_look(struct timer *timer)
{
	struct queue_item *item = NULL;
	for (uint64_t id = 0; (item = queue_next(bench.queue, id));
	     id = item->id)
		if (item->envelope)
			break;
	if (item)
		timer_start(timer, bench.loop, 100, on_look);
	else
		loop_stop(bench.loop);
}

static void
run_until_spooled(void)
{
	timer_start(&bench.timer, bench.loop, 0, on_look);
	loop_run(bench.loop);
}

/* One message at a time, appended and synced, as a measure of the disk. */
static double
plain_appends(int64_t ms)
{
	char *path = below("plain"), *bytes = mem_alloc(bench.octets);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int64_t begin = clock_mono_ms(), now = begin;
	double count = 0;
	while (fd >= 0 && (now = clock_mono_ms()) < begin + ms) {
		if (write(fd, bytes, bench.octets) < 0 || fdatasync(fd))
			exit(1);
		count++;
	}
	close(fd);
	unlink(path);
	free(path);
	free(bytes);
	return count * 1000 / (double)(now - begin);
}

static size_t
number(int argc, char **argv, int i, size_t otherwise)
{
	return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr,
		    "usage: bench_queue FOLDER [seconds [adders "
		    "[octets [waiting]]]]\n");
		return 2;
	}
	bench.folder = argv[1];
	int64_t ms = (int64_t)number(argc, argv, 2, 5) * 1000;
	size_t adders = number(argc, argv, 3, 20);
	bench.octets = number(argc, argv, 4, 4096);
	size_t waiting = number(argc, argv, 5, 20000);

	double plain = plain_appends(1000);
	open_all();
	bench.kind = RECIPIENT_LOCAL;
	int64_t begin = clock_mono_ms();
	run(adders, ms);
	double rate =
	    (double)bench.added * 1000 / (double)(clock_mono_ms() - begin);
	printf("committed %.0f/s, plain append and sync %.0f/s, ratio %.1f\n",
	    rate, plain, rate / plain);
	close_all();

	open_all();
	bench.kind = RECIPIENT_REMOTE;
	bench.limit = waiting;
	size_t before = mallinfo2().uordblks;
	run(adders, 0);
	run_until_spooled();
	printf("%zu deferred: %zu octets of memory each\n", bench.added,
	    (mallinfo2().uordblks - before) / bench.added);
	close_all();

	begin = clock_mono_ms();
	open_all();
	printf("started with %zu waiting in %lld ms\n",
	    queue_count(bench.queue), (long long)(clock_mono_ms() - begin));
	close_all();
	return 0;
}
