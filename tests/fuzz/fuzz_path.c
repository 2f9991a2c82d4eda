#include "lib/mail/path.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* What is read and written is read as the same address again. */
static void
check(struct address address, struct arena *arena)
{
	struct address again;
	const char *why;
	struct str text = address_text(address, arena);
	if (address.domain.n == 0)
		return;
	for (size_t i = 0; i < text.n; i++)
		expect(text.p[i] >= ' ' && text.p[i] <= '~');
	expect(address_parse(text, arena, &again, &why));
	expect(str_eq(again.local, address.local));
	expect(str_eq(again.domain, address.domain));
}

static void
check_path(struct str text, struct arena *arena,
    bool (*parse)(
	struct str *, struct arena *, struct address *, const char **))
{
	struct str rest = text;
	struct address address;
	const char *why = NULL;
	if (!parse(&rest, arena, &address, &why)) {
		expect(why);
		return;
	}
	expect(rest.n < text.n && text.p[text.n - rest.n - 1] == '>');
	check(address, arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = { (const char *)p, n };
	struct arena arena = { 0 };
	struct address address;
	const char *why;
	check_path(text, &arena, path_parse_reverse);
	check_path(text, &arena, path_parse_forward);
	if (address_parse(text, &arena, &address, &why))
		check(address, &arena);
	arena_free(&arena);
	return 0;
}
