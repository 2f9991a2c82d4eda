/*
 * The first two octets choose the type that was asked for, the next one the
 * length of the name; then the name and the message.
 */
#include "lib/net/dns_message.h"

#include "lib/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor c = cursor_of((struct str){ (const char *)data, n });
	enum dns_type type = (enum dns_type)cursor_u16(&c);
	struct str name = cursor_bytes(&c, cursor_u8(&c));
	struct arena arena = { 0 };
	struct dns_message message;
	struct buf question = { 0 };
	if (!c.failed) {
		dns_message_parse(
		    cursor_rest(&c), name, type, &arena, &message);
		dns_message_write(&question, 0, name, type);
	}
	buf_free(&question);
	arena_free(&arena);
	return 0;
}
