#include "lib/mail/date.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* What is read and written is read as the same time again. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	int64_t wall_ms, again;
	struct buf text = { 0 };
	if (!date_parse_rfc5322((struct str){ (const char *)p, n }, &wall_ms))
		return 0;
	date_rfc5322(&text, wall_ms);
	expect(date_parse_rfc5322(buf_str(&text), &again));
	if (wall_ms >= 0 && wall_ms < 253402300800000)
		expect(wall_ms == again);
	buf_free(&text);
	return 0;
}
