#include "smtpd/delivery/slots.h"

#include "lib/base/clock.h"

enum {
	LAST_FIRST = 4, /* every so many turns: nobody waits for ever */
};

static const struct terms {
	size_t share; /* of this line and those behind it */
	int64_t patience_ms;
} terms[] = {
	[LINE_GOOD] = { SLOTS, SLOT_PATIENCE_MS },
	[LINE_NEW] = { SLOTS_UNPROVEN, SLOT_HASTE_MS },
	[LINE_MORE] = { SLOTS_FURTHER, SLOT_HASTE_MS },
	[LINE_FAILED] = { SLOTS_FAILED, SLOT_PATIENCE_MS },
};

void
slots_init(struct slots *s)
{
	*s = (struct slots){ 0 };
	list_init(&s->idle);
	for (int i = 0; i < SLOT_LINES; i++) {
		list_init(&s->lines[i]);
		list_init(&s->opening[i]);
	}
}

/* ---- waiting ---- */

void
slots_leave(struct slots *s, struct slot_waiter *waiter)
{
	if (!list_linked(&waiter->node))
		return;
	list_remove(&waiter->node);
	s->waiting[waiter->line]--;
}

bool
slots_wait(struct slots *s, struct slot_waiter *waiter, enum slot_line line)
{
	if (list_linked(&waiter->node) && waiter->line == line)
		return true;
	slots_leave(s, waiter);
	if (s->waiting[line] == SLOTS_SEATS)
		return false;
	waiter->line = line;
	s->waiting[line]++;
	list_push(&s->lines[line], &waiter->node);
	return true;
}

/* ---- whose turn it is ---- */

static bool
has_share(const struct slots *s, enum slot_line line)
{
	size_t counted = 0;
	for (int i = (int)line; i < SLOT_LINES; i++)
		counted += s->counted[i];
	return counted < terms[line].share;
}

static struct slot *
find_idle(struct slots *s, enum slot_line line, bool counted)
{
	struct list_node *node = list_first(&s->idle);
	for (; node; node = list_next(&s->idle, node)) {
		struct slot *slot = container_of(node, struct slot, node);
		if (!counted || (slot->counted && slot->line >= line))
			return slot;
	}
	return NULL;
}

/* Who has been opening for too long, of this line or behind it; else, in
   again_ms, how long until somebody has. */
static struct slot *
find_overdue(struct slots *s, enum slot_line line, int64_t *again_ms)
{
	int64_t now = clock_mono_ms();
	for (int i = SLOT_LINES - 1; i >= (int)line; i--) {
		struct list_node *node = list_first(&s->opening[i]);
		if (!node)
			continue;
		struct slot *slot = container_of(node, struct slot, node);
		int64_t ms = slot->since_ms + terms[i].patience_ms - now;
		if (ms <= 0)
			return slot;
		if (*again_ms < 0 || ms < *again_ms)
			*again_ms = ms;
	}
	return NULL;
}

static void
find_room(struct slots *s, enum slot_line line, struct slot_turn *turn)
{
	bool share = has_share(s, line);
	bool room = share && s->taken < SLOTS;
	if (!room)
		turn->instead = find_idle(s, line, !share);
	if (!room && !turn->instead)
		turn->instead = find_overdue(s, line, &turn->again_ms);
	if (room || turn->instead)
		turn->waiter = container_of(
		    list_first(&s->lines[line]), struct slot_waiter, node);
}

/* False: nobody there, or too soon. */
static bool
is_in_time(struct slots *s, enum slot_line line, int64_t *again_ms)
{
	if (list_empty(&s->lines[line]))
		return false;
	int64_t ms = line == LINE_MORE ? 0 : pace_wait_ms(&s->pace, SLOTS_PACE);
	if (ms > 0 && (*again_ms < 0 || ms < *again_ms))
		*again_ms = ms;
	return ms == 0;
}

struct slot_turn
slots_next(struct slots *s)
{
	struct slot_turn turn = { .again_ms = -1 };
	bool backwards = s->turns % LAST_FIRST == LAST_FIRST - 1;
	for (int i = 0; i < SLOT_LINES && !turn.waiter; i++) {
		enum slot_line line =
		    (enum slot_line)(backwards ? SLOT_LINES - 1 - i : i);
		if (is_in_time(s, line, &turn.again_ms))
			find_room(s, line, &turn);
	}
	if (turn.waiter) {
		slots_leave(s, turn.waiter);
		s->turns++;
	}
	return turn;
}

/* ---- what becomes of a slot ---- */

void
slots_take(struct slots *s, struct slot *slot, enum slot_line line)
{
	*slot = (struct slot){ .line = line, .counted = true };
	s->counted[line]++;
	s->taken++;
	if (line != LINE_MORE)
		pace_take(&s->pace, SLOTS_PACE);
	slots_opening(s, slot);
}

void
slots_opening(struct slots *s, struct slot *slot)
{
	if (list_linked(&slot->node))
		return;
	slot->since_ms = clock_mono_ms();
	list_push(&s->opening[slot->line], &slot->node);
}

void
slots_opened(struct slots *s, struct slot *slot)
{
	(void)s;
	list_remove(&slot->node);
	slot->idle = false;
}

void
slots_idle(struct slots *s, struct slot *slot)
{
	slot->idle = true;
	list_push(&s->idle, &slot->node);
}

static void
uncount(struct slots *s, struct slot *slot)
{
	s->counted[slot->line] -= slot->counted;
	slot->counted = false;
}

/* A further session stays one. */
void
slots_proven(struct slots *s, struct slot *slot)
{
	if (slot->line != LINE_MORE)
		uncount(s, slot);
}

void
slots_give(struct slots *s, struct slot *slot)
{
	list_remove(&slot->node);
	uncount(s, slot);
	s->taken--;
}
