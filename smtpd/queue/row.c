#include "smtpd/queue/row.h"

#include "lib/base/arena.h"
#include "lib/base/cursor.h"

#include <stdlib.h>

enum {
	VERSION = 1,
	WARNED = 1, /* flags */
	DROPPED = 2,
	HELD = 4,
	LEAST = 7, /* octets of a recipient: state, code, length of its text */
	OURS = 128, /* beside the state: no server said the text.  Older rows
		       don't have it. */
};

void
row_encode(const struct queue_item *item, struct str states, bool dropped,
    struct buf *out)
{
	put_u8(out, VERSION);
	put_u8(out,
	    (uint8_t)((item->warned ? WARNED : 0) | (dropped ? DROPPED : 0) |
		(item->held ? HELD : 0)));
	put_u32(out, item->attempts);
	put_u64(out, (uint64_t)item->received_ms);
	put_u64(out, (uint64_t)item->next_ms);
	put_u32(out, (uint32_t)states.n);
	for (size_t i = 0; i < states.n; i++) {
		put_u8(out,
		    (uint8_t)(states.p[i] | (item->status[i].ours ? OURS : 0)));
		put_u16(out, (uint16_t)item->status[i].code);
		put_str(out, str_of(item->status[i].text));
	}
}

static void
read_status(struct cursor *c, struct recipient_status *status)
{
	uint8_t octet = cursor_u8(c);
	uint8_t state = (uint8_t)(octet & ~OURS);
	status->ours = octet & OURS;
	status->code = (int16_t)cursor_u16(c);
	struct str text = cursor_str(c);
	if (text.n)
		status->text = mem_cstr(text);
	if (state > RECIPIENT_DROPPED)
		c->failed = true;
	else
		status->state = (enum recipient_state)state;
}

bool
row_decode(struct str bytes, struct row *row)
{
	struct cursor c = cursor_of(bytes);
	*row = (struct row){ 0 };
	if (cursor_u8(&c) != VERSION)
		return false;
	uint8_t flags = cursor_u8(&c);
	row->warned = flags & WARNED;
	row->dropped = flags & DROPPED;
	row->held = flags & HELD;
	row->attempts = cursor_u32(&c);
	row->received_ms = (int64_t)cursor_u64(&c);
	row->next_ms = (int64_t)cursor_u64(&c);
	size_t count = cursor_u32(&c);
	if (c.failed || count > cursor_rest(&c).n / LEAST)
		return false;
	row->count = count;
	row->status = mem_array(NULL, count + 1, sizeof *row->status);
	for (size_t i = 0; i < count; i++) {
		row->status[i] = (struct recipient_status){ 0 };
		read_status(&c, &row->status[i]);
	}
	if (cursor_end(&c))
		return true;
	row_free(row);
	return false;
}

void
row_free(struct row *row)
{
	for (size_t i = 0; i < row->count; i++)
		free(row->status[i].text);
	free(row->status);
	row->status = NULL;
	row->count = 0;
}

void
row_key(uint64_t id, struct buf *key)
{
	put_u64(key, id);
}

bool
row_read_key(struct str key, uint64_t *id)
{
	struct cursor c = cursor_of(key);
	*id = cursor_u64(&c);
	return cursor_end(&c);
}
