#include "lib/mail/envelope.h"

#include "lib/base/codec.h"
#include "lib/base/cursor.h"

#include <stdlib.h>
#include <string.h>

enum {
	ENVELOPE_VERSION = 1,
	ENVELOPE_FLAGS = ENVELOPE_8BIT | ENVELOPE_SUBMITTED | ENVELOPE_BOUNCE |
	    ENVELOPE_REQUIRETLS | ENVELOPE_TLS_OPTIONAL |
	    ENVELOPE_SENDER_PROVEN,
};

struct envelope *
envelope_new(void)
{
	return mem_alloc(sizeof(struct envelope));
}

void
envelope_free(struct envelope *envelope)
{
	if (!envelope)
		return;
	arena_free(&envelope->arena);
	free(envelope);
}

/* The array has room up to the next power of two. */
struct recipient *
envelope_add(struct envelope *envelope)
{
	size_t count = envelope->count;
	if ((count & (count - 1)) == 0) {
		struct recipient *old = envelope->recipients;
		size_t room = count ? 2 * count : 1;
		envelope->recipients =
		    arena_alloc(&envelope->arena, room * sizeof *old);
		if (count)
			memcpy(envelope->recipients, old, count * sizeof *old);
	}
	return &envelope->recipients[envelope->count++];
}

void
envelope_encode(const struct envelope *envelope, struct buf *out)
{
	put_u8(out, ENVELOPE_VERSION);
	put_u64(out, envelope->id);
	put_u64(out, (uint64_t)envelope->received_ms);
	put_u32(out, envelope->flags);
	put_str(out, envelope->sender);
	put_str(out, envelope->user);
	put_str(out, envelope->envid);
	put_u32(out, (uint32_t)envelope->count);
	for (size_t i = 0; i < envelope->count; i++) {
		const struct recipient *recipient = &envelope->recipients[i];
		put_u8(out, (uint8_t)recipient->kind);
		put_str(out, recipient->address);
		put_str(out, recipient->original);
		put_str(out, recipient->folder);
	}
}

/* Every string becomes a line somewhere; none may hold a line end. */
static struct str
decode_str(struct cursor *cursor, struct arena *arena)
{
	struct str s = cursor_str(cursor);
	for (size_t i = 0; i < s.n; i++)
		cursor->failed |= (unsigned char)s.p[i] < ' ' || s.p[i] == 127;
	return cursor->failed || s.n == 0 ? STR("") : arena_str(arena, s);
}

static bool
decode_recipients(struct cursor *cursor, struct envelope *envelope)
{
	size_t count = cursor_u32(cursor);
	for (size_t i = 0; i < count && !cursor->failed; i++) {
		struct recipient *recipient = envelope_add(envelope);
		uint8_t kind = cursor_u8(cursor);
		if (kind > RECIPIENT_FORWARD)
			return false;
		recipient->kind = (enum recipient_kind)kind;
		recipient->address = decode_str(cursor, &envelope->arena);
		recipient->original = decode_str(cursor, &envelope->arena);
		recipient->folder = decode_str(cursor, &envelope->arena);
	}
	return cursor_end(cursor);
}

struct envelope *
envelope_decode(struct str bytes)
{
	struct cursor cursor = cursor_of(bytes);
	if (cursor_u8(&cursor) != ENVELOPE_VERSION)
		return NULL;
	struct envelope *envelope = envelope_new();
	envelope->id = cursor_u64(&cursor);
	envelope->received_ms = (int64_t)cursor_u64(&cursor);
	envelope->flags = cursor_u32(&cursor);
	envelope->sender = decode_str(&cursor, &envelope->arena);
	envelope->user = decode_str(&cursor, &envelope->arena);
	envelope->envid = decode_str(&cursor, &envelope->arena);
	if (decode_recipients(&cursor, envelope) &&
	    !(envelope->flags & ~(unsigned)ENVELOPE_FLAGS))
		return envelope;
	envelope_free(envelope);
	return NULL;
}

void
envelope_id_text(uint64_t id, struct buf *out)
{
	base62_add(out, id);
}
