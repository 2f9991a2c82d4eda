/*
 * The first four octets are a segment's seed, what follows its records.  The
 * same octets are a payload as well, because no fuzzer guesses a CRC.
 */
#include "smtpd/queue/record.h"

#include "lib/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
read_payload(struct str bytes, enum payload_kind kind, uint64_t id)
{
	struct payload p;
	if (payload_read(&p, bytes, kind, id, "spool"))
		payload_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor c = cursor_of((struct str){ (const char *)data, n });
	struct record_scan scan = { .seed = cursor_u32(&c) };
	struct record r;
	scan.bytes = cursor_rest(&c);
	size_t end = 0;
	while (record_next(&scan, &r)) {
		if (r.at < end && r.whole)
			__builtin_trap();
		if (!r.whole)
			continue;
		end = r.end;
		read_payload(r.payload, r.kind, r.id);
	}
	read_payload(scan.bytes, PAYLOAD_INLINE, 1);
	read_payload(scan.bytes, PAYLOAD_FILE, 1);
	return 0;
}
