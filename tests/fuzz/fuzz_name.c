#include "lib/base/name.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* What is a name has a wire form two octets longer than its text, lies below
   each of its parents, and has as many labels as steps to the root. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str name = { (const char *)p, n };
	struct buf wire = { 0 };
	bool has_wire = name_to_wire(name, &wire);
	expect(has_wire ? wire.n <= 255 : wire.n == 0);
	if (name_is_dns(name)) {
		size_t steps = 0;
		expect(has_wire && wire.n == n + 2);
		for (struct str up = name; up.n; up = name_parent(up), steps++)
			expect(name_is_below(name, up));
		expect(steps == name_labels(name));
	} else {
		expect(!name_is_host(name));
	}
	buf_free(&wire);
	return 0;
}
