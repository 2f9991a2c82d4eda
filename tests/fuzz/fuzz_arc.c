#include "lib/trust/arc_sets.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* A chain is whole: each set has its fields, by instance. */
static void
check_sets(const struct arc_sets *sets)
{
	expect(sets->count <= ARC_MAX_SETS);
	for (unsigned i = 0; i < sets->count; i++) {
		const struct arc_set *set = &sets->sets[i];
		unsigned instance;
		struct str rest;
		expect(set->results && set->message && set->seal);
		expect(arc_results_instance(
		    set->results->value, &instance, &rest));
		expect(instance == i + 1);
		expect(set->message_tags.instance == i + 1);
		expect(set->seal_tags.instance == i + 1);
	}
}

static void
check_evidence(struct str value)
{
	struct arc_verify arc = { .status = ARC_PASS, .first_results = value };
	bool saw = arc_saw_pass(&arc, STR("a.test"));
	expect(!saw || str_search(value, STR("=")) < value.n);
	arc.status = ARC_FAIL;
	expect(!arc_saw_pass(&arc, STR("a.test")));
}

static void
check_section(struct str section, struct arena *arena)
{
	uint8_t digests[ARC_MAX_SETS][DKIM_HASH];
	struct header header;
	struct arc_sets sets;
	const char *why = NULL;
	if (!header_parse(section, arena, &header, &why))
		return;
	if (!arc_sets_collect(&header, arena, &sets, &why)) {
		expect(why && sets.count == 0);
		return;
	}
	check_sets(&sets);
	arc_seal_digests(&sets, arena, digests);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = { (const char *)p, n };
	struct arena arena = { 0 };
	check_section(text, &arena);
	check_evidence(text);
	arena_free(&arena);
	return 0;
}
