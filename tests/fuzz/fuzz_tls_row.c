#include "lib/report/tls_row.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* There is one form of each row, and nothing of it is lost. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str bytes = { (const char *)p, n };
	struct tls_row row;
	struct buf again = { 0 };
	expect(tls_row_policy(bytes).n <= n);
	if (tls_row_decode(bytes, &row)) {
		tls_row_encode(&row, &again);
		expect(str_eq(buf_str(&again), bytes));
		buf_free(&again);
	}
	return 0;
}
