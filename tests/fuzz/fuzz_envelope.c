#include "lib/mail/envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* There is one form of each envelope, and nothing of it is lost. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str bytes = { (const char *)p, n };
	struct buf again = { 0 };
	struct envelope *envelope = envelope_decode(bytes);
	if (!envelope)
		return 0;
	envelope_encode(envelope, &again);
	expect(str_eq(buf_str(&again), bytes));
	expect(arena_size(&envelope->arena) < 8192 + 32 * n);
	buf_free(&again);
	envelope_free(envelope);
	return 0;
}
