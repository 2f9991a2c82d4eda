#include "lib/net/loop.h"

#include "lib/base/arena.h"
#include "lib/base/log.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
	struct event_base *base;
	struct list laters;
	bool stopped;
	int wake; /* eventfd: something was posted */
	struct event *woken;
	pthread_mutex_t lock; /* over what follows */
	struct list posted;
};

static _Noreturn void
die(const char *what)
{
	log_note(LOG_ERROR, "stop", "the event loop failed: %s", what);
	abort();
}

static struct event *
event_make(
    struct loop *loop, int fd, short what, event_callback_fn fn, void *context)
{
	struct event *event = event_new(loop->base, fd, what, fn, context);
	if (!event)
		die("event_new");
	return event;
}

static void
event_drop(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

/* ---- later ---- */

/* What is added while these run waits for the next turn, so that descriptors
   get theirs. */
static void
run_laters(struct loop *loop)
{
	struct list_node end = { 0 };
	struct list_node *node;
	list_push(&loop->laters, &end);
	while ((node = list_pop(&loop->laters)) != &end) {
		struct later *later = container_of(node, struct later, node);
		later->run(later);
	}
}

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

/* ---- post ---- */

static void
wake(struct loop *loop)
{
	uint64_t one = 1;
	if (write(loop->wake, &one, sizeof one) != sizeof one)
		die("eventfd");
}

void
loop_post(struct loop *loop, struct later *later, void (*run)(struct later *))
{
	pthread_mutex_lock(&loop->lock);
	bool first = list_empty(&loop->posted);
	if (!list_linked(&later->node)) {
		later->run = run;
		list_push(&loop->posted, &later->node);
	}
	pthread_mutex_unlock(&loop->lock);
	if (first)
		wake(loop);
}

void
loop_unpost(struct loop *loop, struct later *later)
{
	pthread_mutex_lock(&loop->lock);
	list_remove(&later->node);
	pthread_mutex_unlock(&loop->lock);
}

/* Up to the node end; one at a time, because another thread may post the same
   again as soon as it is out of the list. */
static struct later *
next_posted(struct loop *loop, struct list_node *end)
{
	pthread_mutex_lock(&loop->lock);
	struct list_node *node = list_pop(&loop->posted);
	bool more = node == end && !list_empty(&loop->posted);
	pthread_mutex_unlock(&loop->lock);
	if (more)
		wake(loop);
	return node == end ? NULL : container_of(node, struct later, node);
}

static void
on_wake(evutil_socket_t fd, short what, void *context)
{
	(void)what;
	struct loop *loop = context;
	uint64_t count;
	if (read(fd, &count, sizeof count) != sizeof count)
		return;
	struct list_node end = { 0 };
	pthread_mutex_lock(&loop->lock);
	list_push(&loop->posted, &end);
	pthread_mutex_unlock(&loop->lock);
	struct later *later;
	while ((later = next_posted(loop, &end)))
		later->run(later);
}

/* ---- the loop ---- */

struct loop *
loop_new(void)
{
	struct loop *loop = mem_alloc(sizeof *loop);
	signal(SIGPIPE, SIG_IGN); /* OpenSSL has no MSG_NOSIGNAL */
	list_init(&loop->laters);
	list_init(&loop->posted);
	pthread_mutex_init(&loop->lock, NULL);
	loop->base = event_base_new();
	loop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!loop->base || loop->wake < 0)
		die("can't be made");
	loop->woken =
	    event_make(loop, loop->wake, EV_READ | EV_PERSIST, on_wake, loop);
	event_add(loop->woken, NULL);
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (list_pop(&loop->laters))
		;
	while (list_pop(&loop->posted))
		;
	event_drop(&loop->woken);
	event_base_free(loop->base);
	close(loop->wake);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

void
loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		run_laters(loop);
		if (loop->stopped)
			break;
		bool soon = !list_empty(&loop->laters);
		int how = EVLOOP_ONCE | (soon ? EVLOOP_NONBLOCK : 0);
		if (event_base_loop(loop->base, how) < 0)
			die("event_base_loop");
	}
	loop->stopped = false;
}

void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
	event_base_loopbreak(loop->base);
}

/* ---- timers ---- */

/* The event goes first: a timer that has fired is idle and owns nothing. */
static void
on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	struct timer *timer = context;
	event_drop(&timer->event);
	timer->fire(timer);
}

void
timer_start(struct timer *timer, struct loop *loop, int64_t ms,
    void (*fire)(struct timer *))
{
	timer->fire = fire;
	timer->loop = loop;
	if (!timer->event)
		timer->event = event_make(loop, -1, 0, on_timer, timer);
	if (ms < 0)
		ms = 0;
	struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };
	event_add(timer->event, &tv);
}

void
timer_stop(struct timer *timer)
{
	event_drop(&timer->event);
}

bool
timer_pending(const struct timer *timer)
{
	return timer->event != NULL;
}

/* ---- descriptors ---- */

static void
on_fd(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	struct watch *watch = context;
	watch->ready(watch, what & EV_READ, what & EV_WRITE);
}

static void
event_want(struct event *event, bool wanted)
{
	bool now = event_pending(event, EV_READ | EV_WRITE, NULL);
	if (wanted && !now)
		event_add(event, NULL);
	else if (!wanted && now)
		event_del(event);
}

void
watch_start(struct watch *watch, struct loop *loop, int fd, bool read,
    bool write, void (*ready)(struct watch *, bool, bool))
{
	watch->ready = ready;
	watch->fd = fd;
	watch->reader =
	    event_make(loop, fd, EV_READ | EV_PERSIST, on_fd, watch);
	watch->writer =
	    event_make(loop, fd, EV_WRITE | EV_PERSIST, on_fd, watch);
	watch_change(watch, read, write);
}

void
watch_change(struct watch *watch, bool read, bool write)
{
	event_want(watch->reader, read);
	event_want(watch->writer, write);
}

void
watch_stop(struct watch *watch)
{
	event_drop(&watch->reader);
	event_drop(&watch->writer);
}

/* ---- signals ---- */

static void
on_signal(evutil_socket_t number, short what, void *context)
{
	(void)number, (void)what;
	struct signal_watch *watch = context;
	watch->raised(watch);
}

void
signal_start(struct signal_watch *watch, struct loop *loop, int number,
    void (*raised)(struct signal_watch *))
{
	watch->raised = raised;
	watch->number = number;
	watch->event =
	    event_make(loop, number, EV_SIGNAL | EV_PERSIST, on_signal, watch);
	event_add(watch->event, NULL);
}

void
signal_stop(struct signal_watch *watch)
{
	event_drop(&watch->event);
}
