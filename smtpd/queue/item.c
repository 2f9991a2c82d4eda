#include "smtpd/queue/item.h"

#include "lib/base/arena.h"

#include <stdlib.h>
#include <string.h>

struct whole { /* one piece of memory for both halves */
	struct queue_item item;
	struct queue_private private;
};

struct queue_item *
item_new(uint64_t id)
{
	struct whole *whole = mem_alloc(sizeof *whole);
	whole->item.id = id;
	whole->item.private = &whole->private;
	return &whole->item;
}

struct queue_item *
item_of(struct queue_private *p)
{
	return &container_of(p, struct whole, private)->item;
}

/* ---- replies: one that many recipients got is kept once ---- */

static char *
find_text(const struct queue_item *item, struct str text)
{
	for (size_t i = 0; i < item->count; i++)
		if (item->status[i].text &&
		    str_eq(str_of(item->status[i].text), text))
			return item->status[i].text;
	return NULL;
}

static char *
share_text(const struct queue_item *item, struct str text)
{
	text = str_sub(text, 0, QUEUE_REPLY);
	char *known = find_text(item, text);
	return known ? known : mem_cstr(text);
}

static void
drop_text(struct queue_item *item, size_t recipient)
{
	char *text = item->status[recipient].text;
	item->status[recipient].text = NULL;
	for (size_t i = 0; i < item->count; i++)
		if (text && item->status[i].text == text)
			return; /* it is another one's, too */
	free(text);
}

/* ---- items ---- */

void
item_free(struct queue_item *item)
{
	struct queue_private *p = item->private;
	list_remove(&p->node);
	list_remove(&p->ready);
	for (size_t i = 0; i < item->count; i++)
		drop_text(item, i);
	if (item->status != &p->one)
		free(item->status);
	envelope_free(item->envelope);
	message_free(p->message);
	free(container_of(item, struct whole, item));
}

void
item_count(struct queue_item *item, size_t count)
{
	struct queue_private *p = item->private;
	if (count <= item->count)
		return;
	if (count == 1) {
		item->status = &p->one;
	} else {
		struct recipient_status *old =
		    item->status == &p->one ? NULL : item->status;
		item->status = mem_array(old, count, sizeof *item->status);
		if (!old && item->count)
			item->status[0] = p->one;
		memset(&item->status[item->count], 0,
		    (count - item->count) * sizeof *item->status);
	}
	item->count = count;
}

void
item_set(struct queue_item *item, size_t recipient, enum recipient_state state,
    int16_t code, struct str text)
{
	struct recipient_status *status = &item->status[recipient];
	status->state = state;
	if (str_empty(text) && code == 0)
		return;
	status->code = code;
	char *kept = str_empty(text) ? NULL : share_text(item, text);
	if (kept == status->text)
		return;
	drop_text(item, recipient);
	status->text = kept;
}

bool
item_is_settled(const struct queue_item *item)
{
	if (item->private->dropped || item->private->damaged)
		return true;
	for (size_t i = 0; i < item->count; i++)
		if (item->status[i].state == RECIPIENT_WAITING)
			return false;
	return item->private->counted || item->count;
}

struct buf
item_states(const struct queue_item *item)
{
	struct buf states = { 0 };
	for (size_t i = 0; i < item->count; i++)
		buf_addc(&states, (char)item->status[i].state);
	return states;
}

bool
item_waits_locally(const struct queue_item *item, size_t recipient)
{
	return item->status[recipient].state == RECIPIENT_WAITING &&
	    item->envelope->recipients[recipient].kind == RECIPIENT_LOCAL;
}

size_t
item_local_waiting(const struct queue_item *item)
{
	size_t count = 0;
	for (size_t i = 0; i < item->count; i++)
		count += item_waits_locally(item, i);
	return count;
}
