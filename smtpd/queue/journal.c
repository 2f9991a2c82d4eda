#include "smtpd/queue/journal_private.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH = 1 << 20, /* octets of a batch of more than one record */
	NO_SEGMENT = JOURNAL_SEGMENTS,
	NS_PER_MS = 1000000,
};

static struct queue_add *
add_of(struct list_node *node)
{
	return container_of(node, struct queue_add, node);
}

/* ---- answers; the lock is held ---- */

static void
on_finished(struct later *later)
{
	struct journal *j = container_of(later, struct journal, later);
	struct journal_user *user = j->options.user;
	struct list done;
	struct list_node *node;
	list_init(&done);
	pthread_mutex_lock(&j->lock);
	list_take(&done, &j->finished);
	pthread_mutex_unlock(&j->lock);
	while ((node = list_pop(&done)))
		user->committed(user, add_of(node));
	user->turned(user);
}

static void
finish(struct journal *j, struct list *adds, enum queue_result result,
    unsigned segment)
{
	if (list_empty(adds))
		return;
	if (list_empty(&j->finished))
		loop_post(j->options.loop, &j->later, on_finished);
	struct list_node *node;
	while ((node = list_pop(adds))) {
		struct queue_add *add = add_of(node);
		add->result = result;
		add->item->private->segment = (uint8_t)segment;
		list_push(&j->finished, node);
	}
}

static void
refuse_all(struct journal *j)
{
	j->has_space = false;
	list_take(&j->taken, &j->waiting);
	finish(j, &j->taken, QUEUE_FULL, NO_SEGMENT);
}

/* ---- segments; the lock is held ---- */

static struct part *
find_free(struct journal *j)
{
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		if (j->parts[i].state == PART_FREE)
			return &j->parts[i];
	return NULL;
}

/* CLOSED: a segment takes no more records once its checkpoint begins. */
static void
close_open(struct journal *j)
{
	j->open->state = PART_CLOSED;
	j->open = NULL;
}

static void
cut_open(struct journal *j)
{
	j->cut = false;
	if (j->open && j->open->end > SEGMENT_RECORDS && find_free(j))
		close_open(j);
}

/* The segment that takes records, a new one when there was none; NULL when
   none is free. */
static struct part *
open_one(struct journal *j)
{
	struct part *part = j->open ? NULL : find_free(j);
	if (part) {
		part->state = PART_OPEN;
		part->lap = ++j->lap;
		part->end = SEGMENT_RECORDS;
		part->records = 0;
		j->open = part;
	}
	return j->open;
}

/* Waits for a segment to be freed; when that lasts too long, 452. */
static void
wait_for_segment(struct journal *j)
{
	int64_t now = clock_mono_ms();
	if (!j->stuck_since)
		j->stuck_since = now;
	int64_t until = j->stuck_since + j->options.patience_ms;
	if (now >= until || j->closing) {
		j->refusing = true;
		refuse_all(j);
		return;
	}
	struct timespec t = { .tv_sec = until / 1000,
		.tv_nsec = until % 1000 * NS_PER_MS };
	pthread_cond_timedwait(&j->work, &j->lock, &t);
}

static bool
look_for_space(struct journal *j)
{
	j->look = false;
	pthread_mutex_unlock(&j->lock);
	int64_t space = disk_free_space(j->options.disk);
	pthread_mutex_lock(&j->lock);
	bool enough = space > j->options.space_reserve;
	j->has_space = enough && !j->refusing;
	return enough;
}

/* ---- a batch; without the lock ---- */

/* Encodes what fits, at least one record when it fits at all. */
static void
fill_batch(struct journal *j, const struct part *part, struct list *batch)
{
	uint64_t room = part->file.size - part->end;
	struct list_node *node;
	buf_clear(&j->bytes);
	while ((node = list_first(&j->taken))) {
		const struct queue_item *item = add_of(node)->item;
		size_t before = j->bytes.n;
		record_write(&j->bytes, part->file.seed, part->lap,
		    item->envelope, item->private->message);
		if (j->bytes.n > room || (before && j->bytes.n > BATCH)) {
			buf_cut(&j->bytes, before);
			return;
		}
		list_remove(node);
		list_push(batch, node);
	}
}

/* BLOCK: a batch fills whole blocks, so no block that holds acknowledged
   octets is ever rewritten.  False: no space, and nothing is promised; the
   next batch goes to the same place. */
static bool
write_batch(struct journal *j, const struct part *part)
{
	size_t pad = -j->bytes.n % SEGMENT_BLOCK;
	memset(buf_reserve(&j->bytes, pad), 0, pad);
	j->bytes.n += pad;
	if (!segment_write(&part->file, buf_str(&j->bytes), part->end)) {
		if (!disk_is_full(errno))
			disk_failed("journal");
		return false;
	}
	/* ACK_SYNCED: nobody hears of it before this has returned. */
	segment_sync(&part->file);
	return true;
}

/* ---- the thread; the lock is held but while it writes ---- */

static void
end_batch(struct journal *j, struct part *part, struct list *batch, bool ok)
{
	unsigned segment = (unsigned)(part - j->parts);
	if (ok) {
		part->end += j->bytes.n;
		for (struct list_node *n = list_first(batch); n;
		     n = list_next(batch, n))
			part->records++;
	}
	finish(
	    j, batch, ok ? QUEUE_ADDED : QUEUE_FULL, ok ? segment : NO_SEGMENT);
	if (j->cut)
		cut_open(j);
}

/* The next record didn't fit: another segment, or none will do. */
static void
make_room(struct journal *j, struct part *part)
{
	if (part->end > SEGMENT_RECORDS) {
		close_open(j);
		return;
	}
	struct list one;
	list_init(&one);
	list_push(&one, list_pop(&j->taken));
	log_note(LOG_ERROR, "journal", "a message is larger than a segment");
	finish(j, &one, QUEUE_FULL, NO_SEGMENT);
}

static void
commit(struct journal *j)
{
	struct part *part = open_one(j);
	if (!part) {
		wait_for_segment(j);
		return;
	}
	j->stuck_since = 0;
	struct list batch;
	list_init(&batch);
	j->writing = true;
	pthread_mutex_unlock(&j->lock);
	fill_batch(j, part, &batch);
	bool filled = !list_empty(&batch);
	bool ok = filled && write_batch(j, part);
	pthread_mutex_lock(&j->lock);
	j->writing = false;
	if (filled)
		end_batch(j, part, &batch, ok);
	else
		make_room(j, part);
}

static void *
work(void *context)
{
	struct journal *j = context;
	pthread_setname_np(pthread_self(), "committer");
	pthread_mutex_lock(&j->lock);
	for (;;) {
		while (list_empty(&j->waiting) && list_empty(&j->taken) &&
		    !j->closing && !j->look)
			pthread_cond_wait(&j->work, &j->lock);
		bool enough = look_for_space(j);
		list_take(&j->taken, &j->waiting);
		if (list_empty(&j->taken) && j->closing)
			break;
		if (!enough)
			refuse_all(j);
		else if (!list_empty(&j->taken))
			commit(j);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* ---- on the loop ---- */

void
journal_start(struct journal *j)
{
	if (thread_start(&j->thread, work, j))
		abort();
	j->started = true;
}

void
journal_stop(struct journal *j)
{
	if (!j->started)
		return;
	pthread_mutex_lock(&j->lock);
	j->closing = true;
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	loop_unpost(j->options.loop, &j->later);
	j->started = false;
}

void
journal_add(struct journal *j, struct queue_add *add)
{
	pthread_mutex_lock(&j->lock);
	list_push(&j->waiting, &add->node);
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
}

bool
journal_has_space(const struct journal *j)
{
	return j->has_space;
}

void
journal_look_for_space(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->look = true;
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
}

void
journal_cut(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->cut = true;
	if (!j->writing)
		cut_open(j);
	pthread_mutex_unlock(&j->lock);
}

bool
journal_closed(struct journal *j, unsigned segment, uint64_t *records)
{
	pthread_mutex_lock(&j->lock);
	const struct part *part = &j->parts[segment];
	bool closed = part->state == PART_CLOSED;
	*records = part->records;
	pthread_mutex_unlock(&j->lock);
	return closed;
}

bool
journal_mark(struct journal *j, unsigned segment)
{
	const struct part *part = &j->parts[segment];
	return segment_mark(&part->file, part->lap);
}

/* FREE_SYNCED: only then is the segment reused or anything removed. */
void
journal_sync_mark(struct journal *j, unsigned segment)
{
	segment_sync(&j->parts[segment].file);
}

void
journal_freed(struct journal *j, unsigned segment)
{
	pthread_mutex_lock(&j->lock);
	j->parts[segment].state = PART_FREE;
	j->stuck_since = 0;
	j->refusing = false;
	j->look = true;
	pthread_cond_signal(&j->work);
	pthread_mutex_unlock(&j->lock);
}
