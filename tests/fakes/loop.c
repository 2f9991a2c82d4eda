#include "tests/fakes/loop.h"

#include "lib/base/arena.h"

#include <poll.h>
#include <stdlib.h>

enum {
	WATCHES = 16
};

struct loop {
	int64_t now;
	struct list laters;
	struct list alarms;
	struct watch *watches[WATCHES];
};

/* What a timer or a watch points to in place of libevent's. */
struct event {
	struct list_node node; /* of a timer: in alarms */
	struct timer *timer;
	int64_t due;
	struct loop *loop; /* of a watch */
	bool wanted;
};

struct loop *
loop_new(void)
{
	struct loop *loop = mem_alloc(sizeof *loop);
	list_init(&loop->laters);
	list_init(&loop->alarms);
	return loop;
}

void
loop_free(struct loop *loop)
{
	free(loop);
}

/* ---- later ---- */

void
loop_later(struct loop *loop, struct later *later, void (*run)(struct later *))
{
	if (list_linked(&later->node))
		return;
	later->run = run;
	list_push(&loop->laters, &later->node);
}

void
later_cancel(struct later *later)
{
	list_remove(&later->node);
}

/* ---- timers ---- */

void
timer_start(struct timer *timer, struct loop *loop, int64_t ms,
    void (*fire)(struct timer *))
{
	timer_stop(timer);
	timer->fire = fire;
	timer->loop = loop;
	timer->event = mem_alloc(sizeof *timer->event);
	timer->event->timer = timer;
	timer->event->due = loop->now + ms;
	list_push(&loop->alarms, &timer->event->node);
}

void
timer_stop(struct timer *timer)
{
	if (timer->event)
		list_remove(&timer->event->node);
	free(timer->event);
	timer->event = NULL;
}

bool
timer_pending(const struct timer *timer)
{
	return timer->event != NULL;
}

/* The next one up to that time, or NULL. */
static struct event *
next_alarm(struct loop *loop, int64_t until)
{
	struct event *first = NULL;
	struct list_node *node = list_first(&loop->alarms);
	for (; node; node = list_next(&loop->alarms, node)) {
		struct event *e = container_of(node, struct event, node);
		if (e->due <= until && (!first || e->due < first->due))
			first = e;
	}
	return first;
}

/* ---- descriptors ---- */

void
watch_start(struct watch *watch, struct loop *loop, int fd, bool read,
    bool write, void (*ready)(struct watch *, bool, bool))
{
	watch->ready = ready;
	watch->fd = fd;
	watch->reader = mem_alloc(sizeof *watch->reader);
	watch->writer = mem_alloc(sizeof *watch->writer);
	watch->reader->loop = loop;
	watch_change(watch, read, write);
	for (int i = 0; i < WATCHES; i++)
		if (!loop->watches[i]) {
			loop->watches[i] = watch;
			return;
		}
	abort();
}

void
watch_change(struct watch *watch, bool read, bool write)
{
	watch->reader->wanted = read;
	watch->writer->wanted = write;
}

void
watch_stop(struct watch *watch)
{
	if (!watch->reader)
		return;
	for (int i = 0; i < WATCHES; i++)
		if (watch->reader->loop->watches[i] == watch)
			watch->reader->loop->watches[i] = NULL;
	free(watch->reader);
	free(watch->writer);
	watch->reader = watch->writer = NULL;
}

static bool
run_watch(struct watch *watch)
{
	struct pollfd p = { .fd = watch->fd };
	if (watch->reader->wanted)
		p.events |= POLLIN;
	if (watch->writer->wanted)
		p.events |= POLLOUT;
	if (p.events == 0 || poll(&p, 1, 0) <= 0)
		return false;
	bool broken = p.revents & (POLLERR | POLLHUP);
	watch->ready(watch,
	    (p.events & POLLIN) && (p.revents & POLLIN || broken),
	    (p.events & POLLOUT) && (p.revents & POLLOUT || broken));
	return true;
}

/* ---- time ---- */

static bool
turn(struct loop *loop)
{
	bool any = false;
	struct list_node *node = list_pop(&loop->laters);
	if (node) {
		struct later *later = container_of(node, struct later, node);
		later->run(later);
		return true;
	}
	for (int i = 0; i < WATCHES; i++)
		if (loop->watches[i])
			any = run_watch(loop->watches[i]) || any;
	return any;
}

void
fake_loop_settle(struct loop *loop)
{
	while (turn(loop))
		continue;
}

void
fake_loop_advance(struct loop *loop, int64_t ms)
{
	int64_t until = loop->now + ms;
	struct event *e;
	fake_loop_settle(loop);
	while ((e = next_alarm(loop, until))) {
		struct timer *timer = e->timer;
		loop->now = e->due;
		timer_stop(timer);
		timer->fire(timer);
		fake_loop_settle(loop);
	}
	loop->now = until;
}
