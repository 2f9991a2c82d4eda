#include "smtpd/queue/payload.h"

#include "lib/base/cursor.h"
#include "smtpd/queue/spool.h"

enum payload_kind
payload_kind(const struct message *message)
{
	return message->file.n ? PAYLOAD_FILE : PAYLOAD_INLINE;
}

/* The envelope's length is known behind it. */
static void
write_envelope(const struct envelope *envelope, struct buf *out)
{
	struct buf bytes = { 0 };
	envelope_encode(envelope, &bytes);
	put_str(out, buf_str(&bytes));
	buf_free(&bytes);
}

void
payload_write(const struct envelope *envelope, const struct message *message,
    struct buf *out)
{
	write_envelope(envelope, out);
	put_str(out, buf_str(&message->header));
	if (payload_kind(message) == PAYLOAD_INLINE) {
		buf_add(out, buf_str(&message->body));
	} else {
		put_u64(out, message->file_size);
		put_u32(out, message->file_crc);
	}
}

static bool
read_message(struct cursor *c, enum payload_kind kind, uint64_t id,
    const char *spool_path, struct message *message)
{
	struct str header = cursor_str(c);
	buf_add(&message->header, header);
	if (kind == PAYLOAD_INLINE) {
		buf_add(&message->body, cursor_rest(c));
		return !c->failed;
	}
	message->file_size = cursor_u64(c);
	message->file_crc = cursor_u32(c);
	spool_body_path(spool_path, id, &message->file);
	return kind == PAYLOAD_FILE && cursor_end(c);
}

bool
payload_read(struct payload *p, struct str bytes, enum payload_kind kind,
    uint64_t id, const char *spool_path)
{
	struct cursor c = cursor_of(bytes);
	p->envelope = envelope_decode(cursor_str(&c));
	p->message = message_new();
	if (p->envelope && p->envelope->id == id &&
	    read_message(&c, kind, id, spool_path, p->message))
		return true;
	payload_free(p);
	return false;
}

void
payload_free(struct payload *p)
{
	envelope_free(p->envelope);
	message_free(p->message);
	*p = (struct payload){ NULL, NULL };
}
