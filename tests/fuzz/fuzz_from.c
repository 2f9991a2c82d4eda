#include "lib/mail/from.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* What is found is an address by itself, and looks like no other. */
static void
check(struct str value, bool groups, struct arena *arena)
{
	struct address_list list;
	const char *why = NULL;
	if (!from_parse_list(value, groups, arena, &list, &why)) {
		expect(why && list.count == 0);
		return;
	}
	expect(list.count <= FROM_MAX_ADDRESSES && (list.count > 0 || groups));
	for (size_t i = 0; i < list.count; i++) {
		struct address again, *address = &list.addresses[i];
		struct str text = address_text(*address, arena);
		expect(address_parse(text, arena, &again, &why));
		expect(str_eq(again.local, address->local));
		expect(str_eq(again.domain, address->domain));
		expect(!str_has(address->local, '@'));
		expect(str_has(value, '@'));
	}
}

static void
check_author(struct str value, struct arena *arena)
{
	struct header header;
	struct address_list list;
	struct buf section = { 0 };
	const char *why = NULL;
	buf_adds(&section, "From:");
	buf_add(&section, value);
	buf_adds(&section, "\r\n");
	if (header_parse(buf_str(&section), arena, &header, &why) &&
	    from_author(&header, arena, &list, &why))
		for (size_t i = 0; i < list.count; i++)
			expect(str_eq(list.addresses[i].domain,
			    list.addresses[0].domain));
	else
		expect(why);
	buf_free(&section);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str value = { (const char *)p, n };
	struct arena arena = { 0 };
	check(value, false, &arena);
	check(value, true, &arena);
	check_author(value, &arena);
	arena_free(&arena);
	return 0;
}
