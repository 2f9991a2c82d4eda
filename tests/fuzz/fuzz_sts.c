#include "lib/base/name.h"
#include "lib/trust/sts.h"
#include "smtpd/delivery/policy_store.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static void
check_policy(const struct sts_policy *p)
{
	expect(p->mode <= STS_ENFORCE && p->max_age <= STS_MAX_AGE);
	expect(p->count <= STS_MAX_MX && (p->count > 0 || p->mode == STS_NONE));
	for (size_t i = 0; i < p->count; i++) {
		bool wild = str_starts(p->mx[i], STR("*."));
		struct str host = str_from(p->mx[i], wild ? 2 : 0);
		expect(name_is_host(host));
		expect(wild || sts_policy_matches(p, host));
	}
}

/* What is kept means the same when it is read again, and is plain text. */
static void
check_kept(struct kept_policy *kept)
{
	struct buf value = { 0 };
	for (size_t i = 0; i < kept->text.n; i++)
		expect(kept->text.p[i] == '\n' ||
		    (kept->text.p[i] >= ' ' && kept->text.p[i] <= '~'));
	kept_policy_encode(kept, &value);
	struct kept_policy *again = kept_policy_decode(buf_str(&value));
	expect(again && str_eq(again->text, kept->text) &&
	    str_eq(again->id, kept->id) &&
	    again->fetched_ms == kept->fetched_ms);
	kept_policy_free(again);
	buf_free(&value);
}

static void
read_policy(struct str text)
{
	struct arena arena = { 0 };
	struct sts_policy policy;
	const char *why = NULL;
	bool good = sts_policy_parse(text, &arena, &policy, &why);
	expect(good == !why);
	if (good) {
		struct kept_policy *kept =
		    kept_policy_new(text, STR("20160831085700Z"), 1, &why);
		check_policy(&policy);
		expect(kept);
		check_kept(kept);
		kept_policy_free(kept);
	}
	arena_free(&arena);
}

/* Lines are records of one name. */
static void
read_records(struct str text)
{
	struct arena arena = { 0 };
	struct dns_record records[4] = { 0 };
	struct dns_answer answer = { .records = records };
	struct str id;
	const char *why;
	while (text.n > 0 && answer.count < 4) {
		records[answer.count].type = DNS_TXT;
		records[answer.count++].text = str_cut(&text, '\n');
	}
	if (sts_record_select(&answer, &arena, &id, &why))
		expect(id.n > 0 && id.n <= STS_MAX_ID);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = { (const char *)p, n };
	read_policy(text);
	read_records(text);
	struct kept_policy *kept = kept_policy_decode(text);
	if (kept) {
		check_policy(&kept->policy);
		check_kept(kept);
	}
	kept_policy_free(kept);
	return 0;
}
