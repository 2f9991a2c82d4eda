/* The start: what the disk holds becomes items again.  Nothing is acted on
   before all of it is known and durable. */
#include "smtpd/queue/queue_private.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "smtpd/queue/row.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	US_PER_MS = 1000
};

struct id_list {
	uint64_t *ids;
	size_t count, size;
};

struct replay {
	struct queue *queue;
	struct journal_reader journal;
	struct store_reader store;
	struct id_list spooled, bodies; /* that were found */
	struct id_list rows; /* without item */
	uint64_t highest;
	size_t records;
};

static void
note(struct id_list *list, uint64_t id)
{
	if (list->count == list->size) {
		list->size = list->size ? 2 * list->size : 64;
		list->ids = mem_array(list->ids, list->size, sizeof *list->ids);
	}
	list->ids[list->count++] = id;
}

static void
saw(struct replay *r, uint64_t id)
{
	if (id > r->highest)
		r->highest = id;
}

static struct queue_item *
found_item(struct replay *r, uint64_t id)
{
	struct queue_item *item = item_new(id);
	item->replayed = true;
	item->received_ms = (int64_t)(id / US_PER_MS);
	index_add(&r->queue->index, item);
	return item;
}

/* ---- the journal ---- */

static void
on_record(
    struct journal_reader *reader, unsigned segment, const struct record *rec)
{
	struct replay *r = container_of(reader, struct replay, journal);
	struct queue *q = r->queue;
	struct payload p;
	r->records++;
	saw(r, rec->id);
	if (index_find(&q->index, rec->id))
		return;
	if (!payload_read(
		&p, rec->payload, rec->kind, rec->id, q->disk.spool_path)) {
		log_note(LOG_ERROR, "damaged",
		    "a record of the journal can't be understood");
		return;
	}
	struct queue_item *item = found_item(r, rec->id);
	item->envelope = p.envelope;
	item->received_ms = p.envelope->received_ms;
	item_count(item, p.envelope->count);
	item->private->counted = true;
	item->private->large = p.message->file.n > 0;
	item->private->segment = (uint8_t)segment;
	queue_keep_message(q, item, p.message);
}

/* ---- the spool ---- */

static void
on_name(struct replay *r, const char *name)
{
	uint64_t id;
	bool body;
	if (!spool_parse_name(name, &id, &body))
		return;
	saw(r, id);
	note(body ? &r->bodies : &r->spooled, id);
}

static int
by_id(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

/* A folder has its names in any order, which the index would make room for one
   by one: 100 000 of them take a second then. */
static void
take_spooled(struct replay *r)
{
	struct id_list *list = &r->spooled;
	if (list->count)
		qsort(list->ids, list->count, sizeof *list->ids, by_id);
	for (size_t i = 0; i < list->count; i++) {
		struct queue_item *item =
		    index_find(&r->queue->index, list->ids[i]);
		if (!item)
			item = found_item(r, list->ids[i]);
		item->private->spooled = true;
	}
}

/* SWEEP_SYNCED: what isn't there is durably not there. */
static bool
list_spool(struct replay *r)
{
	const struct disk *disk = &r->queue->disk;
	DIR *folder = fsync(disk->spool) ? NULL : opendir(disk->spool_path);
	if (!folder)
		return false;
	const struct dirent *entry;
	errno = 0;
	while ((entry = readdir(folder)))
		on_name(r, entry->d_name);
	closedir(folder);
	return errno == 0;
}

/* A body that belongs to nothing was never acknowledged, or its message is
   settled. */
static void
sort_bodies(struct replay *r)
{
	struct queue *q = r->queue;
	for (size_t i = 0; i < r->bodies.count; i++) {
		struct queue_item *item =
		    index_find(&q->index, r->bodies.ids[i]);
		if (item) {
			item->private->large = true;
			continue;
		}
		char name[SPOOL_NAME];
		spool_body_name(r->bodies.ids[i], name);
		spool_remove(&q->disk, name);
	}
}

/* ---- the store ---- */

static bool
is_local(const struct queue_item *item, size_t recipient)
{
	return item->envelope &&
	    item->envelope->recipients[recipient].kind == RECIPIENT_LOCAL;
}

/* MERGE: a row says settled, also for a message whose record is live.
   REWRITE: but for a local recipient of such a message, who is placed anew. */
static void
merge_row(struct queue_item *item, const struct row *row)
{
	struct queue_private *p = item->private;
	if (!p->counted)
		item_count(item, row->count);
	for (size_t i = 0; i < row->count && i < item->count; i++) {
		const struct recipient_status *s = &row->status[i];
		if (s->state == RECIPIENT_DELIVERED && is_local(item, i))
			continue;
		item_set(item, i, s->state, s->code, str_of(s->text));
		item->status[i].ours = s->ours;
	}
	item->attempts = row->attempts;
	item->received_ms = row->received_ms;
	item->next_ms = row->next_ms;
	item->warned = row->warned;
	item->held = row->held;
	p->has_row = true;
	p->dropped = row->dropped && !item->envelope;
}

static void
on_pair(struct store_reader *reader, struct str key, struct str value)
{
	struct replay *r = container_of(reader, struct replay, store);
	uint64_t id;
	struct row row;
	if (!row_read_key(key, &id))
		return;
	saw(r, id);
	struct queue_item *item = index_find(&r->queue->index, id);
	if (!item) {
		note(&r->rows, id);
		return;
	}
	if (row_decode(value, &row)) {
		merge_row(item, &row);
		row_free(&row);
	}
	item->private->has_row = true;
}

/* ---- what to do with each ---- */

/* The message that a live bounce reports may wait in the spool, unread. */
static void
read_reported(struct queue *q, struct queue_item *item)
{
	struct spool_file file = { 0 };
	if (item->private->counted ||
	    spool_read(&q->disk, item->id, &file) != SPOOL_READ)
		return;
	load_merge(item, &file);
	spool_file_free(&file);
}

static void
apply_bounce(struct queue *q, struct queue_item *bounce)
{
	uint64_t id;
	if (!settle_reports(bounce->envelope, &id))
		return;
	struct queue_item *item = index_find(&q->index, id);
	if (item)
		read_reported(q, item);
	settle_reported(q, bounce->envelope, bounce->private->home);
}

/* The promise of a record is only as good as its body. */
static bool
has_body(const struct queue_item *item)
{
	struct message *m = item->private->message;
	struct stat s;
	return !m->file.n ||
	    (stat(buf_cstr(&m->file), &s) == 0 &&
		(uint64_t)s.st_size == m->file_size);
}

static void
set_aside(struct queue *q, struct queue_item *item)
{
	struct buf states = item_states(item), scratch = { 0 };
	struct spool_entry entry = { item->envelope, item->private->message,
		buf_str(&states) };
	spool_write(&q->disk, &entry, &scratch);
	spool_set_aside(&q->disk, item->id, "body of a journal record");
	buf_free(&states);
	buf_free(&scratch);
	item->private->damaged = true;
}

static void
take_live(struct queue *q, struct queue_item *item)
{
	if (!has_body(item))
		set_aside(q, item);
	queue_settle_in(q, item, item->private->segment);
	apply_bounce(q, item);
}

static void
begin(struct queue *q, struct queue_item *item)
{
	q->held += item->held;
	if (item->held)
		queue_placed(q, item, item->private->placing);
	if (!item->held && item->envelope && !item_is_settled(item) &&
	    (item_local_waiting(item) || item->next_ms <= clock_wall_ms()))
		queue_make_ready(q, item);
	else
		queue_consider(q, item);
}

static void
for_each(struct queue *q, bool live,
    void (*what)(struct queue *, struct queue_item *))
{
	struct queue_item *item;
	for (uint64_t id = 0; (item = index_next(&q->index, id));) {
		id = item->id;
		if (!live || item->private->message)
			what(q, item);
	}
}

static bool
read_all(struct replay *r, const char **why)
{
	struct queue *q = r->queue;
	struct journal_options options = {
		.disk = &q->disk,
		.loop = q->options.loop,
		.space_reserve = q->options.space_reserve,
		.patience_ms = JOURNAL_PATIENCE_MS,
		.size = JOURNAL_SIZE,
		.user = &q->user,
	};
	q->journal = journal_open(&options, &r->journal, why);
	if (!q->journal)
		return false;
	if (!list_spool(r)) {
		*why = strerror(errno);
		return false;
	}
	take_spooled(r);
	sort_bodies(r);
	store_scan(q->store, &r->store);
	return ids_open(&q->ids, &q->disk, r->highest, &q->errands, why);
}

bool
replay(struct queue *q, const char **why)
{
	struct replay r = {
		.queue = q, .journal = { on_record }, .store = { on_pair }
	};
	bool ok = read_all(&r, why);
	if (ok) {
		for_each(q, true, take_live);
		for_each(q, false, begin);
		for (size_t i = 0; i < r.rows.count; i++)
			removal_start_row(q, r.rows.ids[i]);
		log_note(LOG_INFO, "queue",
		    "%zu messages wait; %zu records were replayed",
		    queue_count(q), r.records);
	}
	free(r.spooled.ids);
	free(r.bodies.ids);
	free(r.rows.ids);
	return ok;
}
