#include "lib/report/rua.h"
#include "lib/trust/tlsrpt_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static bool
is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* Nothing of a URI can end a line of mail or of HTTP. */
static void
check_list(struct str rua, struct arena *arena)
{
	struct rua_list list;
	rua_parse_list(rua, arena, &list);
	expect(list.count <= RUA_MAX);
	for (size_t i = 0; i < list.count; i++) {
		const struct rua *r = &list.all[i];
		if (r->kind == RUA_MAIL)
			expect(is_clean(address_text(r->address, arena)) &&
			    r->address.domain.n > 0);
		else
			expect(r->port > 0 && is_clean(r->host) &&
			    is_clean(r->path) && r->path.p[0] == '/');
	}
}

/* The bytes are a record, and also a list of URIs, as DMARC's rua is. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = { (const char *)p, n }, rua;
	struct arena arena = { 0 };
	const char *why = NULL;
	if (tlsrpt_record_parse(text, &rua, &why)) {
		expect(rua.n > 0 && rua.n <= TLSRPT_RUA_MAX);
		check_list(rua, &arena);
	} else {
		expect(why != NULL);
	}
	check_list(text, &arena);
	arena_free(&arena);
	return 0;
}
