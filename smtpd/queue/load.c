/* Reading the spool: for the consumer's next try, for its message, or for
   somebody who only wants to see the envelope. */
#include "smtpd/queue/queue_private.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"

#include <stdlib.h>

enum {
	AT_ONCE = 8, /* of the io lane's workers */
	AGAIN_MS = 1000, /* when descriptors or memory are short */
};

struct queue_load {
	struct errand errand;
	struct list_node node; /* while it waits for its turn */
	struct timer timer;
	struct queue *queue;
	uint64_t id;
	/* Who asked: one of these, or none any more. */
	struct queue_item *due;
	struct queue_open_message *open;
	struct queue_peek *peek;
	bool read, check; /* the file; the large body */
	bool set_aside; /* what is damaged */
	struct message *body; /* what to check when the file isn't read */
	struct spool_file file;
	enum spool_status status;
};

/* ---- on a worker ---- */

static void
on_run(struct errand *errand)
{
	struct queue_load *l = container_of(errand, struct queue_load, errand);
	const struct disk *disk = &l->queue->disk;
	l->status = SPOOL_READ;
	if (l->read)
		l->status = spool_read(disk, l->id, &l->file);
	const struct message *m = l->read ? l->file.payload.message : l->body;
	if (l->status == SPOOL_READ && l->check && m->file.n) {
		l->status = spool_check_body(m);
		if (l->status != SPOOL_READ)
			spool_file_free(&l->file);
	}
	if (l->status == SPOOL_DAMAGED && l->set_aside)
		spool_set_aside(disk, l->id, "spool file or body");
}

/* ---- one after the other ---- */

static void on_done(struct errand *);

static void
start_next(struct queue *q)
{
	struct list_node *node;
	while (q->loading < AT_ONCE && (node = list_pop(&q->loads))) {
		struct queue_load *l =
		    container_of(node, struct queue_load, node);
		q->loading++;
		errand_start(&l->errand, &q->errands, on_run, on_done);
	}
}

static void
load_free(struct queue_load *l)
{
	spool_file_free(&l->file);
	message_free(l->body);
	timer_stop(&l->timer);
	free(l);
}

static void
load_start(struct queue_load *l)
{
	list_push(&l->queue->loads, &l->node);
	start_next(l->queue);
}

static struct queue_load *
load_new(struct queue *q, uint64_t id)
{
	struct queue_load *l = mem_alloc(sizeof *l);
	l->queue = q;
	l->id = id;
	return l;
}

static void
on_again(struct timer *timer)
{
	struct queue_load *l = container_of(timer, struct queue_load, timer);
	l->queue->loading--;
	load_start(l);
}

/* ---- what was asked for ---- */

void
load_merge(struct queue_item *item, const struct spool_file *file)
{
	item_count(item, file->states.n);
	for (size_t i = 0; i < file->states.n; i++) {
		unsigned state = (unsigned char)file->states.p[i];
		if (item->status[i].state == RECIPIENT_WAITING &&
		    state <= RECIPIENT_DROPPED)
			item_set(
			    item, i, (enum recipient_state)state, 0, STR(""));
	}
	item->private->counted = true;
	item->received_ms = file->payload.envelope->received_ms;
}

/* It was in bad/ before we came here. */
static void
lose(struct queue *q, struct queue_item *item)
{
	struct queue_private *p = item->private;
	p->damaged = true;
	if (!p->home)
		p->spooled = p->large = false;
	queue_consider(q, item);
}

static void
end_due(struct queue *q, struct queue_load *l)
{
	struct queue_item *item = l->due;
	item->private->loading = false;
	q->busy--;
	if (l->status == SPOOL_DAMAGED) {
		lose(q, item);
	} else {
		load_merge(item, &l->file);
		envelope_free(item->envelope);
		item->envelope = l->file.payload.envelope;
		l->file.payload.envelope = NULL;
		settle_reported(q, item->envelope, NULL);
		if (item_is_settled(item))
			queue_consider(q, item);
		else
			queue_make_ready(q, item);
	}
	if (q->held_back)
		queue_take_due(q);
}

static void
end_open(struct queue *q, struct queue_load *l)
{
	struct queue_open_message *open = l->open;
	struct queue_private *p = open->item->private;
	open->load = NULL;
	if (l->status == SPOOL_DAMAGED) {
		open->message = NULL;
		lose(q, open->item);
		open->done(open);
		return;
	}
	if (!p->message) {
		queue_keep_message(q, open->item, l->file.payload.message);
		l->file.payload.message = NULL;
	}
	p->checked = true;
	p->holders++;
	open->message = p->message;
	open->done(open);
}

static void
end_peek(struct queue_load *l)
{
	struct queue_peek *peek = l->peek;
	peek->load = NULL;
	peek->envelope = l->file.payload.envelope;
	l->file.payload.envelope = NULL;
	peek->done(peek);
}

static void
on_done(struct errand *errand)
{
	struct queue_load *l = container_of(errand, struct queue_load, errand);
	struct queue *q = l->queue;
	if (l->status == SPOOL_LATER) {
		timer_start(&l->timer, q->options.loop, AGAIN_MS, on_again);
		return;
	}
	q->loading--;
	if (l->due)
		end_due(q, l);
	else if (l->open)
		end_open(q, l);
	else if (l->peek)
		end_peek(l);
	load_free(l);
	start_next(q);
}

/* Who asked has gone: what isn't under way is forgotten. */
static void
cut_off(struct queue_load *l)
{
	l->open = NULL;
	l->peek = NULL;
	if (!list_linked(&l->node))
		return;
	list_remove(&l->node);
	load_free(l);
}

void
load_due(struct queue *q, struct queue_item *item)
{
	struct queue_load *l = load_new(q, item->id);
	l->due = item;
	l->read = true;
	l->set_aside = true;
	item->private->loading = true;
	q->busy++;
	load_start(l);
}

/* ---- the consumer's message ---- */

static void
on_opened(struct later *later)
{
	struct queue_open_message *open =
	    container_of(later, struct queue_open_message, later);
	open->done(open);
}

static struct message *
body_only(const struct message *from)
{
	struct message *m = message_new();
	buf_add(&m->file, buf_str(&from->file));
	m->file_size = from->file_size;
	m->file_crc = from->file_crc;
	return m;
}

/* A large body that another process received is checked once. */
void
queue_message(struct queue *q, struct queue_open_message *open,
    void (*done)(struct queue_open_message *))
{
	struct queue_private *p = open->item->private;
	open->done = done;
	if (p->message && (p->checked || !p->large)) {
		p->holders++;
		open->message = p->message;
		loop_later(q->options.loop, &open->later, on_opened);
		return;
	}
	struct queue_load *l = load_new(q, open->item->id);
	l->open = open;
	l->read = !p->message;
	l->check = !p->checked;
	l->body = p->message ? body_only(p->message) : NULL;
	l->set_aside = true;
	open->load = l;
	load_start(l);
}

void
queue_message_cancel(struct queue_open_message *open)
{
	if (list_linked(&open->later.node)) {
		later_cancel(&open->later);
		open->item->private->holders--;
	}
	if (open->load)
		cut_off(open->load);
	open->load = NULL;
}

void
queue_message_release(struct queue *q, struct queue_item *item)
{
	item->private->holders--;
	queue_lighten(q, item);
}

/* ---- looking ---- */

static void
on_peeked(struct later *later)
{
	struct queue_peek *peek = container_of(later, struct queue_peek, later);
	peek->done(peek);
}

static struct envelope *
copy_envelope(const struct envelope *envelope)
{
	struct buf bytes = { 0 };
	envelope_encode(envelope, &bytes);
	struct envelope *copy = envelope_decode(buf_str(&bytes));
	buf_free(&bytes);
	return copy;
}

void
queue_peek(
    struct queue *q, struct queue_peek *peek, void (*done)(struct queue_peek *))
{
	struct queue_item *item = index_find(&q->index, peek->id);
	peek->done = done;
	peek->envelope = NULL;
	if (!item || item->envelope) {
		if (item)
			peek->envelope = copy_envelope(item->envelope);
		loop_later(q->options.loop, &peek->later, on_peeked);
		return;
	}
	struct queue_load *l = load_new(q, peek->id);
	l->peek = peek;
	l->read = true;
	peek->load = l;
	load_start(l);
}

void
queue_peek_cancel(struct queue_peek *peek)
{
	if (list_linked(&peek->later.node)) {
		later_cancel(&peek->later);
		envelope_free(peek->envelope);
		peek->envelope = NULL;
	}
	if (peek->load)
		cut_off(peek->load);
	peek->load = NULL;
}
