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
static struct queue_changes *changes;
static struct later changed;

void
fake_shelf_use(struct loop *the_loop)
{
	fake_shelf = (struct fake_shelf){ .trouble = "", .tls_trouble = "" };
	loop = the_loop;
	held = NULL;
	changes = NULL;
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
		.held = id == fake_shelf.on_hold,
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

size_t
queue_count_held(const struct queue *queue)
{
	(void)queue;
	return fake_shelf.on_hold != 0;
}

bool
queue_has_space(const struct queue *queue)
{
	(void)queue;
	return !fake_shelf.full;
}

void
queue_retry(struct queue *queue, struct queue_item *item, int64_t wished_ms)
{
	(void)queue, (void)item, (void)wished_ms;
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
on_changed(struct later *later)
{
	struct queue_changes *those = changes;
	(void)later;
	changes = NULL;
	those->count = 0;
	those->done(those);
}

bool
queue_hold(struct queue *queue, struct queue_item *item, bool hold,
    struct queue_changes *those, void (*done)(struct queue_changes *))
{
	(void)queue;
	if (item->busy)
		return false;
	fake_shelf.held += hold;
	fake_shelf.released += !hold;
	those->count++;
	those->done = done;
	changes = those;
	if (!fake_shelf.changing)
		loop_later(loop, &changed, on_changed);
	return true;
}

void
queue_changes_leave(struct queue_changes *those)
{
	if (changes == those) {
		later_cancel(&changed);
		changes = NULL;
	}
	*those = (struct queue_changes){ 0 };
}

void
fake_shelf_changed(void)
{
	loop_later(loop, &changed, on_changed);
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

bool
resolver_is_spare(const struct resolver *resolver)
{
	(void)resolver;
	return fake_shelf.spare_resolver;
}

size_t
inbound_sessions(const struct inbound *inbound)
{
	(void)inbound;
	return 7;
}

bool
inbound_trouble(const struct inbound *inbound, size_t *at, struct buf *out)
{
	(void)inbound;
	if (*at == 2 || !fake_shelf.inbound_troubles[*at])
		return false;
	buf_adds(out, fake_shelf.inbound_troubles[(*at)++]);
	return true;
}

bool
delivery_trouble(const struct delivery *delivery, struct buf *out)
{
	(void)delivery;
	buf_adds(out, "mail waits");
	return true;
}

size_t
delivery_sessions(const struct delivery *delivery)
{
	(void)delivery;
	return 9;
}

uint64_t
reports_dropped(const struct reports *reports)
{
	(void)reports;
	return fake_shelf.unreported;
}

void
reports_send(struct reports *reports, struct report_request *request,
    void (*done)(struct report_request *))
{
	(void)reports;
	request->done = done;
	fake_shelf.reporting = request;
}

void
reports_cancel(struct report_request *request)
{
	if (fake_shelf.reporting == request)
		fake_shelf.reporting = NULL;
}

void
route_start(struct route *route, void (*done)(struct route *))
{
	route->done = done;
	route->failure.text = "";
	fake_shelf.route = route;
}

void
route_end(struct route *route)
{
	if (fake_shelf.route == route)
		fake_shelf.route = NULL;
}
