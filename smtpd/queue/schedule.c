#include "smtpd/queue/schedule.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"

#include <stdlib.h>

enum {
	LEAST_SLOTS = 64,
	LONGEST_MS = 60000, /* between two looks at the clock */
};

static void
put(struct schedule *s, uint32_t at, struct schedule_slot slot)
{
	s->heap[at] = slot;
	slot.item->private->heap_at = at;
}

static void
rise(struct schedule *s, uint32_t at, struct schedule_slot slot)
{
	for (; at > 1 && s->heap[at / 2].due_ms > slot.due_ms; at /= 2)
		put(s, at, s->heap[at / 2]);
	put(s, at, slot);
}

static void
sink(struct schedule *s, uint32_t at, struct schedule_slot slot)
{
	for (uint32_t child; (child = 2 * at) <= s->count; at = child) {
		if (child < s->count &&
		    s->heap[child + 1].due_ms < s->heap[child].due_ms)
			child++;
		if (s->heap[child].due_ms >= slot.due_ms)
			break;
		put(s, at, s->heap[child]);
	}
	put(s, at, slot);
}

static void
on_timer(struct timer *timer)
{
	struct schedule *s = container_of(timer, struct schedule, timer);
	s->due(s);
}

static void
arm(struct schedule *s)
{
	int64_t ms = s->heap[1].due_ms - clock_wall_ms();
	if (ms < 0)
		ms = 0;
	if (ms > LONGEST_MS)
		ms = LONGEST_MS;
	timer_start(&s->timer, s->loop, ms, on_timer);
}

void
schedule_add(struct schedule *s, struct queue_item *item)
{
	if (s->count + 1 >= s->size) {
		s->size = s->size ? 2 * s->size : LEAST_SLOTS;
		s->heap = mem_array(s->heap, s->size, sizeof *s->heap);
	}
	s->count++;
	rise(s, s->count, (struct schedule_slot){ item->next_ms, item });
	if (item->private->heap_at == 1)
		arm(s);
}

void
schedule_remove(struct schedule *s, struct queue_item *item)
{
	uint32_t at = item->private->heap_at;
	if (!at)
		return;
	item->private->heap_at = 0;
	struct schedule_slot last = s->heap[s->count--];
	if (last.item == item)
		return;
	if (at > 1 && s->heap[at / 2].due_ms > last.due_ms)
		rise(s, at, last);
	else
		sink(s, at, last);
}

struct queue_item *
schedule_take(struct schedule *s)
{
	if (!s->count) {
		timer_stop(&s->timer);
		return NULL;
	}
	struct schedule_slot first = s->heap[1];
	if (first.due_ms > clock_wall_ms()) {
		arm(s);
		return NULL;
	}
	schedule_remove(s, first.item);
	return first.item;
}

void
schedule_free(struct schedule *s)
{
	timer_stop(&s->timer);
	free(s->heap);
	s->heap = NULL;
	s->count = s->size = 0;
}
