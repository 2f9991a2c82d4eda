#include "lib/trust/dmarc_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static void
check_record(const struct dmarc_record *record, const char *why)
{
	expect(record->rua.n <= DMARC_RUA_MAX);
	expect(record->p <= DMARC_POLICY_REJECT);
	expect(record->has_sp || record->sp == record->p);
	expect(record->has_np || record->np == record->sp);
	expect(record->applicable || (*why && record->rua.n == 0));
	expect(!*why || record->p == DMARC_POLICY_NONE);
	for (size_t i = 0; i < record->rua.n; i++)
		expect(record->rua.p[i] == '\t' ||
		    (record->rua.p[i] >= ' ' && record->rua.p[i] <= '~'));
}

/* The bytes are a record; beside itself it never counts. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dns_record records[2] = { { .type = DNS_TXT } };
	struct dns_answer answer = { .records = records, .count = 1 };
	struct arena arena = { 0 };
	struct dmarc_record record;
	const char *why = NULL;
	bool several;
	records[0].text = (struct str){ (const char *)p, n };
	records[1] = records[0];
	bool is_record =
	    dmarc_record_parse(records[0].text, &arena, &record, &why);
	expect(why != NULL);
	if (is_record)
		check_record(&record, why);
	expect(dmarc_record_select(&answer, &arena, &record, &several, &why) ==
	    is_record);
	expect(!several);
	answer.count = 2;
	expect(!dmarc_record_select(&answer, &arena, &record, &several, &why));
	expect(several == is_record);
	arena_free(&arena);
	return 0;
}
