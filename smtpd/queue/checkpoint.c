#include "smtpd/queue/checkpoint.h"

#include "lib/base/arena.h"

#include <stdlib.h>

enum {
	TICK_MS = 1000,
	LANE_BOUND = 4,
	LEAST_ENTRIES = 64,
};

/* ---- what there is to do ---- */

/* Closed, every commit heard of, and PLACE_FIRST: every local recipient placed,
   settled or deferred.  At the end nobody places any more. */
static bool
is_ready(const struct queue *q, unsigned segment)
{
	const struct home *home = &q->homes[segment];
	uint64_t records;
	return journal_closed(q->journal, segment, &records) &&
	    records == home->arrived && home->rows == 0 &&
	    (home->placing == 0 || q->closing);
}

static bool
any_ready(const struct queue *q)
{
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		if (is_ready(q, i))
			return true;
	return false;
}

bool
checkpoint_is_quiet(const struct queue *q)
{
	uint64_t records;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		if (q->homes[i].arrived ||
		    journal_closed(q->journal, i, &records))
			return false;
	return !q->round && list_empty(&q->late) && list_empty(&q->full);
}

static bool
has_work(const struct queue *q)
{
	return !checkpoint_is_quiet(q) || !list_empty(&q->unlinks) ||
	    !list_empty(&q->bodies) || !journal_has_space(q->journal);
}

/* ---- gathering ---- */

static void
add_entry(struct round *round, struct queue_item *item)
{
	if (round->count == round->size) {
		round->size = round->size ? 2 * round->size : LEAST_ENTRIES;
		round->entries = mem_array(
		    round->entries, round->size, sizeof *round->entries);
	}
	struct round_entry *e = &round->entries[round->count++];
	e->item = item;
	e->states = item_states(item);
	e->spool = (struct spool_entry){ item->envelope, item->private->message,
		buf_str(&e->states) };
	item->private->in_round = true;
	item->private->spooled = true;
}

/* An outcome that isn't durable yet counts as waiting.  SPOOL_AGAIN: a file
   that is there already says what was true once. */
static bool
needs_entry(const struct queue_item *item)
{
	const struct queue_private *p = item->private;
	if (p->damaged)
		return false;
	return p->spooled || (!p->ended && (!item_is_settled(item) || p->rows));
}

static void
gather_segment(struct queue *q, struct round *round, unsigned segment)
{
	struct list *items = &q->homes[segment].items;
	for (struct list_node *n = list_first(items); n;
	     n = list_next(items, n)) {
		struct queue_private *p =
		    container_of(n, struct queue_private, node);
		if (needs_entry(item_of(p)))
			add_entry(round, item_of(p));
	}
	q->homes[segment].syncing = true;
	round->segments[segment] = true;
	round->freeing = true;
}

static struct round *
gather(struct queue *q)
{
	struct round *round = mem_alloc(sizeof *round);
	round->queue = q;
	round->disk = &q->disk;
	round->journal = q->journal;
	list_init(&round->late);
	list_init(&round->unlinks);
	list_init(&round->bodies);
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		if (is_ready(q, i))
			gather_segment(q, round, i);
	list_take(&round->late, &q->late);
	list_take(&round->unlinks, &q->unlinks);
	list_take(&round->bodies, &q->bodies);
	return round;
}

static bool
is_empty(struct round *round)
{
	return !round->freeing && list_empty(&round->late) &&
	    list_empty(&round->unlinks) && list_empty(&round->bodies);
}

/* ---- behind a round ---- */

static void
release_entries(struct round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		round->entries[i].item->private->in_round = false;
		buf_free(&round->entries[i].states);
	}
	free(round->entries);
}

static void
free_segment(struct queue *q, unsigned segment)
{
	struct home *home = &q->homes[segment];
	struct list_node *node;
	home->arrived = 0;
	home->placing = 0;
	journal_freed(q->journal, segment);
	while ((node = list_pop(&home->items))) {
		struct queue_private *p =
		    container_of(node, struct queue_private, node);
		p->home = NULL;
		p->placing = 0;
		if (p->ended)
			removal_start(q, item_of(p));
		else
			queue_lighten(q, item_of(p));
	}
}

static void
on_round(struct errand *errand)
{
	struct round *round = container_of(errand, struct round, errand);
	struct queue *q = round->queue;
	q->round = NULL;
	q->cramped = round->full;
	release_entries(round);
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++) {
		if (!round->segments[i])
			continue;
		q->homes[i].syncing = false;
		if (!round->full)
			free_segment(q, i);
	}
	settle_synced(q, &round->late);
	removal_unlinked(&round->unlinks, &round->bodies);
	free(round);
	checkpoint_try(q, false);
	checkpoint_want(q);
}

/* ---- when ---- */

void
checkpoint_try(struct queue *q, bool tick)
{
	if (q->round || !q->rounds.lane)
		return;
	if (!tick && (q->cramped || !any_ready(q)))
		return;
	struct round *round = gather(q);
	if (is_empty(round)) {
		free(round);
		return;
	}
	q->round = round;
	errand_start(&round->errand, &q->rounds, round_run, on_round);
}

static void
on_tick(struct timer *timer)
{
	struct queue *q = container_of(timer, struct queue, tick);
	journal_cut(q->journal);
	if (!journal_has_space(q->journal))
		journal_look_for_space(q->journal);
	row_write_retry(q);
	checkpoint_try(q, true);
	checkpoint_want(q);
}

void
checkpoint_want(struct queue *q)
{
	if (q->rounds.lane && !timer_pending(&q->tick) && has_work(q))
		timer_start(&q->tick, q->options.loop, TICK_MS, on_tick);
}

void
checkpoint_start(struct queue *q)
{
	q->rounds = (struct errands){ .loop = q->options.loop,
		.lane =
		    lane_new(q->options.loop, 1, LANE_BOUND, "checkpoint") };
	checkpoint_want(q);
}

void
checkpoint_stop(struct queue *q)
{
	timer_stop(&q->tick);
	lane_free(q->rounds.lane);
	q->rounds.lane = NULL;
}
