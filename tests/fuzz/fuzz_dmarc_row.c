#include "lib/report/dmarc_row.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static void
try_count(struct str value)
{
	uint64_t count;
	struct buf again = { 0 };
	if (!row_count_decode(value, &count))
		return;
	row_count_encode(count, &again);
	expect(str_eq(buf_str(&again), value));
	buf_free(&again);
}

static void
try_note(struct str bytes)
{
	struct dmarc_row row;
	struct str rua;
	struct buf again = { 0 };
	if (!dmarc_note_decode(bytes, &row, &rua))
		return;
	dmarc_note_encode(&row, rua, &again);
	expect(str_eq(buf_str(&again), bytes));
	buf_free(&again);
}

/* There is one form of each row, and nothing of it is lost. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str bytes = { (const char *)p, n };
	struct dmarc_row row;
	struct buf again = { 0 };
	try_count(bytes);
	try_note(bytes);
	if (dmarc_row_decode(bytes, &row)) {
		dmarc_row_encode(&row, &again);
		expect(str_eq(buf_str(&again), bytes));
		buf_free(&again);
	}
	return 0;
}
