/*
 * Any address, as a sender that is rewritten and as a return address: what was
 * rewritten leads back to where it came from, and nothing else leads anywhere.
 */
#include "lib/mail/srs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct srs ours = { { 1, 2 } }, theirs = { { 3, 4 } };
static const int64_t now = 1795184403117;

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* As it comes back from the wire. */
static struct address
travel(struct address address, struct arena *arena)
{
	struct address read;
	const char *why;
	expect(address_parse(address_text(address, arena), arena, &read, &why));
	return read;
}

static void
check_forward(struct address sender, struct arena *arena)
{
	struct address out, back;
	if (!srs_forward(&ours, sender, STR("ours.test"), now, arena, &out))
		return;
	out = travel(out, arena);
	expect(str_eq(out.domain, STR("ours.test")));
	expect(srs_reverse(&theirs, out, now, arena, &back) == SRS_FORGED);
	expect(srs_reverse(&ours, out, now, arena, &back) == SRS_GOOD);
	if (str_starts(out.local, STR("SRS0"))) {
		expect(str_eq(back.local, sender.local));
		expect(str_eq(back.domain, sender.domain));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena arena = { 0 };
	struct address address, back;
	const char *why;
	struct str text = { (const char *)p, n };
	if (address_parse(text, &arena, &address, &why)) {
		expect(srs_reverse(&ours, address, now, &arena, &back) !=
		    SRS_GOOD);
		check_forward(address, &arena);
	}
	arena_free(&arena);
	return 0;
}
