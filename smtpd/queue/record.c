#include "smtpd/queue/record.h"

#include "lib/base/crc.h"
#include "lib/base/cursor.h"

#include <string.h>

enum {
	MAGIC = 0x504a5231, /* "PJR1" */
	HEAD_FIELDS = 32, /* octets that the head's CRC covers */
};

static size_t
align(size_t n)
{
	return (n + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

void
record_write(struct buf *out, uint32_t seed, uint64_t lap,
    const struct envelope *envelope, const struct message *message)
{
	size_t at = out->n;
	memset(buf_reserve(out, RECORD_HEAD), 0, RECORD_HEAD);
	out->n += RECORD_HEAD;
	payload_write(envelope, message, out);
	struct str payload = str_from(buf_str(out), at + RECORD_HEAD);

	/* LAP: every record carries the lap of its segment */
	struct buf head = { 0 };
	put_u32(&head, MAGIC);
	put_u32(&head, payload_kind(message));
	put_u64(&head, lap);
	put_u64(&head, envelope->id);
	put_u32(&head, (uint32_t)payload.n);
	put_u32(&head, crc32c(seed, payload));
	put_u32(&head, crc32c(seed, buf_str(&head)));
	memcpy(out->p + at, head.p, head.n);
	buf_free(&head);

	size_t pad = align(out->n) - out->n;
	memset(buf_reserve(out, pad), 0, pad);
	out->n += pad;
}

/* Is there a record's head at this offset, and room for what it promises? */
static bool
read_at(const struct record_scan *scan, size_t at, struct record *r)
{
	struct str head = str_sub(scan->bytes, at, RECORD_HEAD);
	struct cursor c = cursor_of(head);
	if (head.n < RECORD_HEAD || cursor_u32(&c) != MAGIC)
		return false;
	uint32_t kind = cursor_u32(&c);
	r->kind = (enum payload_kind)kind;
	r->lap = cursor_u64(&c);
	r->id = cursor_u64(&c);
	size_t length = cursor_u32(&c);
	uint32_t crc = cursor_u32(&c);
	if (cursor_u32(&c) !=
		crc32c(scan->seed, str_sub(head, 0, HEAD_FIELDS)) ||
	    length > scan->bytes.n - at - RECORD_HEAD ||
	    (kind != PAYLOAD_INLINE && kind != PAYLOAD_FILE))
		return false;
	r->payload = str_sub(scan->bytes, at + RECORD_HEAD, length);
	r->at = at;
	r->end = align(at + RECORD_HEAD + length);
	r->whole = crc32c(scan->seed, r->payload) == crc;
	return true;
}

/* SCAN: replay goes on behind a bad block to the end of the segment.  A head
   can't be forged, so only what we wrote costs a look at its payload. */
bool
record_next(struct record_scan *scan, struct record *r)
{
	for (size_t at = scan->at; at + RECORD_HEAD <= scan->bytes.n;
	     at += RECORD_ALIGN) {
		if (!read_at(scan, at, r))
			continue;
		scan->at = r->whole ? r->end : at + RECORD_ALIGN;
		return true;
	}
	scan->at = scan->bytes.n;
	return false;
}
