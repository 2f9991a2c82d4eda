#include "lib/mail/header.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* The fields are the section, one behind the other. */
static void
check_fields(struct str section, struct arena *arena)
{
	struct header header;
	struct buf again = { 0 };
	const char *why = NULL;
	bool good = header_parse(section, arena, &header, &why);
	expect(good || why);
	for (size_t i = 0; i < header.count; i++)
		buf_add(&again, header.fields[i].whole);
	expect(str_eq(buf_str(&again), header.bytes));
	expect(str_starts(section, header.bytes));
	if (good)
		expect(header.bytes.n == section.n ||
		    str_starts(str_from(section, header.bytes.n), STR("\r\n")));
	for (size_t i = 0; i < header.count; i++) {
		struct str value = header_unfold(header.fields[i].value, arena);
		expect(header.fields[i].name.n > 0);
		expect(str_search(value, STR("\r\n")) == value.n);
	}
	buf_free(&again);
}

/* The first octet is the size of the pieces. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = str_from((struct str){ (const char *)p, n }, 1);
	size_t size = n > 0 && *p > 0 ? *p : 1;
	struct arena arena = { 0 };
	size_t scanned = 0, whole = header_end(text, &scanned), end = 0;
	scanned = 0;
	for (size_t to = 0; to < text.n && !end;) {
		to = to + size < text.n ? to + size : text.n;
		end = header_end(str_sub(text, 0, to), &scanned);
	}
	expect(end == whole);
	check_fields(end ? str_sub(text, 0, end) : text, &arena);
	arena_free(&arena);
	return 0;
}
