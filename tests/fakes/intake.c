#include "tests/fakes/intake.h"

#include <stdlib.h>
#include <string.h>

struct queue {
	struct loop *loop;
	struct list waiting; /* adds */
	struct list files;
	uint64_t last_id;
	struct buf body; /* of the file that was finished last */
};

struct body_file {
	struct list_node node;
	struct later later;
	struct queue *queue;
	struct queue_body *body;
	struct message *message; /* to be told when it is finished */
	struct buf bytes;
	size_t pending;
};

struct fake_intake fake_intake;
static struct queue queue;

void
fake_intake_open(struct loop *loop)
{
	fake_intake = (struct fake_intake){ .queue = &queue };
	queue = (struct queue){ .loop = loop };
	list_init(&queue.waiting);
	list_init(&queue.files);
}

/* ---- adding ---- */

uint64_t
queue_new_id(struct queue *q)
{
	return ++q->last_id;
}

bool
queue_has_space(const struct queue *q)
{
	(void)q;
	return !fake_intake.no_space;
}

bool
queue_memory(struct queue *q, int64_t change)
{
	(void)q;
	fake_intake.memory += change;
	return fake_intake.much;
}

static void
keep(const struct envelope *envelope, struct message *message)
{
	struct buf bytes = { 0 };
	envelope_encode(envelope, &bytes);
	envelope_free(fake_intake.envelope);
	fake_intake.envelope = envelope_decode(buf_str(&bytes));
	buf_free(&bytes);
	buf_clear(&fake_intake.text);
	buf_add(&fake_intake.text, buf_str(&message->header));
	fake_intake.in_file = message->file.n > 0;
	fake_intake.bodies -= fake_intake.in_file;
	buf_add(&fake_intake.text,
	    buf_str(fake_intake.in_file ? &queue.body : &message->body));
}

static void
on_added(struct later *later)
{
	struct queue_add *add = container_of(later, struct queue_add, later);
	add->result = fake_intake.result;
	add->done(add);
}

void
queue_add(
    struct queue *q, struct queue_add *add, void (*done)(struct queue_add *))
{
	fake_intake.added++;
	keep(add->envelope, add->message);
	envelope_free(add->envelope);
	message_free(add->message);
	add->envelope = NULL;
	add->message = NULL;
	add->done = done;
	if (fake_intake.hold)
		list_push(&q->waiting, &add->node);
	else
		loop_later(q->loop, &add->later, on_added);
}

/* ---- bodies ---- */

static void
file_free(struct body_file *f)
{
	later_cancel(&f->later);
	list_remove(&f->node);
	if (f->body)
		f->body->file = NULL;
	buf_free(&f->bytes);
	free(f);
}

static void
finish(struct body_file *f)
{
	struct queue_body *body = f->body;
	if (!body->error) {
		buf_adds(&f->message->file, "spool/1.body");
		f->message->file_size = f->bytes.n;
		buf_free(&queue.body);
		queue.body = buf_take(&f->bytes);
		fake_intake.bodies++;
	}
	fake_intake.bodies--;
	file_free(f);
	body->finished(body);
}

static void
on_written(struct later *later)
{
	struct body_file *f = container_of(later, struct body_file, later);
	f->pending = 0;
	f->body->error = fake_intake.error;
	if (f->message)
		finish(f);
	else
		f->body->drained(f->body);
}

static void
go_on(struct body_file *f)
{
	if (!fake_intake.hold)
		loop_later(f->queue->loop, &f->later, on_written);
}

void
queue_body_start(struct queue *q, struct queue_body *body, uint64_t id,
    void (*drained)(struct queue_body *))
{
	(void)id;
	struct body_file *f = mem_alloc(sizeof *f);
	f->queue = q;
	f->body = body;
	body->drained = drained;
	body->file = f;
	list_push(&q->files, &f->node);
	fake_intake.bodies++;
}

void
queue_body_write(struct queue_body *body, struct buf *piece)
{
	struct body_file *f = body->file;
	buf_add(&f->bytes, buf_str(piece));
	f->pending += piece->n;
	if (f->pending > fake_intake.largest)
		fake_intake.largest = f->pending;
	buf_free(piece);
	go_on(f);
}

size_t
queue_body_pending(const struct queue_body *body)
{
	return body->file ? body->file->pending : 0;
}

void
queue_body_finish(struct queue_body *body, struct message *message,
    void (*finished)(struct queue_body *))
{
	body->finished = finished;
	body->file->message = message;
	go_on(body->file);
}

void
queue_body_cancel(struct queue_body *body)
{
	if (!body->file)
		return;
	fake_intake.bodies--;
	file_free(body->file);
}

void
queue_body_discard(struct queue *q, struct message *message)
{
	(void)q, (void)message;
	fake_intake.bodies--;
}

/* ---- the test's ---- */

void
fake_intake_let_go(void)
{
	struct list_node *n;
	fake_intake.hold = false;
	while ((n = list_pop(&queue.waiting))) {
		struct queue_add *add = container_of(n, struct queue_add, node);
		loop_later(queue.loop, &add->later, on_added);
	}
	for (n = list_first(&queue.files); n; n = list_next(&queue.files, n))
		go_on(container_of(n, struct body_file, node));
}

void
fake_intake_close(void)
{
	struct list_node *n;
	while ((n = list_first(&queue.files)))
		file_free(container_of(n, struct body_file, node));
	envelope_free(fake_intake.envelope);
	buf_free(&fake_intake.text);
	buf_free(&queue.body);
}
