#include "tests/fakes/shelf.h"

#include "lib/base/arena.h"

#include <stdlib.h>

enum {
	MOST = 4096
};

struct fake_shelf fake_shelf;

static struct loop *loop;
static struct queue_item items[MOST + 1]; /* by id */
static struct recipient_status statuses[MOST + 1];
static char *reply;
static struct queue_peek *held;
static struct directory_look *looking;

void
fake_shelf_use(struct loop *the_loop)
{
	fake_shelf = (struct fake_shelf){ .trouble = "", .tls_trouble = "" };
	loop = the_loop;
	held = NULL;
	looking = NULL;
}

/* ---- the queue ---- */

struct queue_item *
queue_find(const struct queue *queue, uint64_t id)
{
	(void)queue;
	if (id == 0 || id > fake_shelf.items || id == fake_shelf.gone)
		return NULL;
	free(reply);
	reply = fake_shelf.reply ? mem_cstr(str_of(fake_shelf.reply)) : NULL;
	statuses[id] = (struct recipient_status){ .text = reply };
	items[id] = (struct queue_item){
		.id = id,
		.received_ms = 1000,
		.next_ms = 2000,
		.attempts = 3,
		.busy = id == fake_shelf.busy,
		.count = 1,
		.status = &statuses[id],
	};
	return &items[id];
}

struct queue_item *
queue_next(const struct queue *queue, uint64_t after)
{
	return queue_find(queue, after + 1);
}

size_t
queue_count(const struct queue *queue)
{
	(void)queue;
	return fake_shelf.items;
}

bool
queue_has_space(const struct queue *queue)
{
	(void)queue;
	return !fake_shelf.full;
}

void
queue_retry(struct queue *queue, struct queue_item *item)
{
	(void)queue, (void)item;
	fake_shelf.retried++;
}

bool
queue_drop(struct queue *queue, struct queue_item *item)
{
	(void)queue;
	fake_shelf.dropped += !item->busy;
	return !item->busy;
}

static void
on_read(struct later *later)
{
	struct queue_peek *peek = container_of(later, struct queue_peek, later);
	struct envelope *e = envelope_new();
	e->sender =
	    arena_printf(&e->arena, "sender@%u.test", (unsigned)peek->id);
	envelope_add(e)->address =
	    peek->id % 2 ? STR("you@a.test") : STR("you@b.test");
	peek->envelope = e;
	fake_shelf.reading--;
	peek->done(peek);
}

void
queue_peek(struct queue *queue, struct queue_peek *peek,
    void (*done)(struct queue_peek *))
{
	(void)queue;
	peek->done = done;
	fake_shelf.reading++;
	if (fake_shelf.hold)
		held = peek;
	else
		loop_later(loop, &peek->later, on_read);
}

void
queue_peek_cancel(struct queue_peek *peek)
{
	fake_shelf.reading -= held == peek || list_linked(&peek->later.node);
	later_cancel(&peek->later);
	if (held == peek)
		held = NULL;
}

void
fake_shelf_let_go(void)
{
	fake_shelf.hold = false;
	if (held)
		loop_later(loop, &held->later, on_read);
	held = NULL;
}

/* ---- the others ---- */

const struct directory *
directory_now(struct directory_keeper *keeper)
{
	(void)keeper;
	return NULL;
}

size_t
directory_accounts(const struct directory *directory)
{
	(void)directory;
	return 5;
}

struct str
directory_trouble(const struct directory_keeper *keeper)
{
	(void)keeper;
	return str_of(fake_shelf.trouble);
}

const char *
tls_keeper_trouble(const struct tls_keeper *keeper)
{
	(void)keeper;
	return fake_shelf.tls_trouble;
}

void
directory_look_start(struct directory_keeper *keeper,
    struct directory_look *look, void (*done)(struct directory_look *))
{
	(void)keeper;
	look->done = done;
	looking = look;
	fake_shelf.looks++;
}

void
directory_look_cancel(struct directory_look *look)
{
	fake_shelf.looks -= looking == look;
	if (looking == look)
		looking = NULL;
}

void
fake_shelf_looked(void)
{
	struct directory_look *look = looking;
	looking = NULL;
	fake_shelf.looks--;
	look->done(look);
}

size_t
inbound_sessions(const struct inbound *inbound)
{
	(void)inbound;
	return 7;
}

size_t
delivery_sessions(const struct delivery *delivery)
{
	(void)delivery;
	return 9;
}
