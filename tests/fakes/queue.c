#include "tests/fakes/queue.h"

#include "lib/base/clock.h"
#include "tests/fakes/story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	ITEMS = 16384,
	WAITING = 16384
};

struct queue_private {
	struct message *message;
};

struct fake_queue fake_queue;

static struct loop *loop;
static struct queue_consumer *consumer;
static struct queue_item *items[ITEMS];
static size_t item_count;
static struct later *waiting[WAITING];
static size_t waiting_count;
static uint64_t last_id;

/* ---- the test's side ---- */

void
fake_queue_use(struct loop *the_loop)
{
	fake_queue = (struct fake_queue){ 0 };
	loop = the_loop;
	last_id = 0;
}

static void
item_free(struct queue_item *item)
{
	for (size_t i = 0; i < item->count; i++)
		free(item->status[i].text);
	free(item->status);
	envelope_free(item->envelope);
	message_free(item->private->message);
	free(item->private);
	free(item);
}

void
fake_queue_end(void)
{
	for (size_t i = 0; i < item_count; i++)
		item_free(items[i]);
	item_count = 0;
	message_free(fake_queue.added);
	fake_queue.added = NULL;
}

static void
add_recipient(struct envelope *envelope, struct str address)
{
	struct recipient *recipient = envelope_add(envelope);
	struct str original = str_cut(&address, '>');
	bool forward = address.p;
	recipient->original = arena_str(&envelope->arena, original);
	recipient->address = forward ? arena_str(&envelope->arena, address)
				     : recipient->original;
	if (forward)
		recipient->kind = RECIPIENT_FORWARD;
	else if (!str_ends(original, STR("@ours.test")))
		recipient->kind = RECIPIENT_REMOTE;
}

struct queue_item *
fake_queue_item(const char *sender, unsigned flags, const char *recipients)
{
	struct queue_item *item = mem_alloc(sizeof *item);
	struct envelope *envelope = envelope_new();
	struct str rest = str_of(recipients);
	item->id = ++last_id;
	item->received_ms = clock_wall_ms();
	item->envelope = envelope;
	envelope->id = item->id;
	envelope->flags = flags;
	envelope->sender = arena_str(&envelope->arena, str_of(sender));
	while (rest.n > 0)
		add_recipient(envelope, str_cut(&rest, ' '));
	item->count = envelope->count;
	item->status = mem_alloc(item->count * sizeof *item->status);
	item->private = mem_alloc(sizeof *item->private);
	item->private->message = message_new();
	buf_adds(&item->private->message->header, "Subject: hello\r\n");
	buf_adds(&item->private->message->body, "\r\nbody\r\n");
	items[item_count++] = item;
	return item;
}

struct message *
fake_queue_message(struct queue_item *item)
{
	return item->private->message;
}

void
fake_queue_hand(struct queue_item *item)
{
	item->busy = true;
	consumer->due(consumer, item);
}

void
fake_queue_let_go(void)
{
	fake_queue.hold = false;
	for (size_t i = 0; i < waiting_count; i++)
		loop_later(loop, waiting[i], waiting[i]->run);
	waiting_count = 0;
}

static void
finish(struct later *later, void (*run)(struct later *))
{
	later->run = run;
	if (fake_queue.hold)
		waiting[waiting_count++] = later;
	else
		loop_later(loop, later, run);
}

/* ---- queue.h ---- */

void
queue_consume(struct queue *queue, struct queue_consumer *who)
{
	(void)queue;
	consumer = who;
}

uint64_t
queue_new_id(struct queue *queue)
{
	(void)queue;
	return ++last_id;
}

static void
on_added(struct later *later)
{
	struct queue_add *add = container_of(later, struct queue_add, later);
	add->done(add);
}

void
queue_add(struct queue *queue, struct queue_add *add,
    void (*done)(struct queue_add *))
{
	(void)queue;
	struct envelope *envelope = add->envelope;
	add->result = fake_queue.add_result;
	add->done = done;
	if (add->result == QUEUE_ADDED)
		story_add("added %" PRIu64 " from=<%.*s> to=%.*s envid=%.*s",
		    envelope->id, STR_ARG(envelope->sender),
		    STR_ARG(envelope->recipients[0].address),
		    STR_ARG(envelope->envid));
	message_free(fake_queue.added);
	fake_queue.added = add->message;
	fake_queue.flags = envelope->flags;
	if (message_size(add->message) > fake_queue.largest)
		fake_queue.largest = message_size(add->message);
	envelope_free(envelope);
	finish(&add->later, on_added);
}

static void
on_opened(struct later *later)
{
	struct queue_open_message *open =
	    container_of(later, struct queue_open_message, later);
	if (fake_queue.damaged)
		open->message = NULL;
	else
		fake_queue.open++;
	open->done(open);
}

/* As the real one, it shows the message before it says so. */
void
queue_message(struct queue *queue, struct queue_open_message *open,
    void (*done)(struct queue_open_message *))
{
	(void)queue;
	open->message = open->item->private->message;
	open->done = done;
	loop_later(loop, &open->later, on_opened);
}

void
queue_message_cancel(struct queue_open_message *open)
{
	later_cancel(&open->later);
}

void
queue_message_release(struct queue *queue, struct queue_item *item)
{
	(void)queue, (void)item;
	fake_queue.open--;
}

static void
apply(struct queue_item *item, const struct queue_outcome *outcome)
{
	struct recipient_status *status = &item->status[outcome->recipient];
	status->state = outcome->state;
	status->code = outcome->code;
	free(status->text);
	status->text = mem_cstr(outcome->text);
	story_add("told %" PRIu64 ".%zu %c %s", item->id, outcome->recipient,
	    "WDFX"[outcome->state], status -> text);
}

static void
on_settled(struct later *later)
{
	struct queue_settle *settle =
	    container_of(later, struct queue_settle, later);
	settle->done(settle);
}

void
queue_settle(struct queue *queue, struct queue_settle *settle,
    void (*done)(struct queue_settle *))
{
	struct queue_item *item = settle->item;
	char back[64] = "";
	(void)queue;
	settle->done = done;
	for (size_t i = 0; i < settle->count; i++)
		apply(item, &settle->outcomes[i]);
	if (settle->give_back && settle->next_ms)
		snprintf(back, sizeof back, ", back in %" PRId64 " s",
		    (settle->next_ms - clock_wall_ms() + 500) / 1000);
	story_add("settled %" PRIu64 "%s%s%s", item->id,
	    settle->attempted ? ", attempted" : "",
	    settle->warned ? ", warned" : "",
	    settle->give_back ? settle->next_ms ? back : ", done" : "");
	item->attempts += settle->attempted;
	item->warned = item->warned || settle->warned;
	item->busy = !settle->give_back;
	finish(&settle->later, on_settled);
}
