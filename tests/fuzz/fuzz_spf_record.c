#include "lib/trust/spf_macro.h"
#include "lib/trust/spf_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

static bool
within(struct str part, struct str whole)
{
	return part.n == 0 ||
	    (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void
check_directive(const struct spf_directive *d, struct str text)
{
	expect(within(d->text, text) && within(d->domain, text));
	expect(d->text.n > 0 && !str_has(d->text, ' '));
	expect(str_has(STR("+-~?"), d->qualifier));
	expect(d->bits4 <= 32 && d->bits6 <= 128);
	expect(d->domain.n == 0 || spf_macro_is_domain(d->domain));
	expect((d->mechanism == SPF_IP4) == (d->net.family == 4));
	expect((d->mechanism == SPF_IP6) == (d->net.family == 6));
	if (d->mechanism == SPF_INCLUDE || d->mechanism == SPF_EXISTS)
		expect(d->domain.n > 0);
}

/* Every directive of a good record can be read, and nothing points out of
   it. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = { (const char *)p, n };
	struct spf_record record;
	struct spf_directive directive;
	const char *why = NULL;
	bool good = spf_record_parse(text, &record, &why);
	expect(why && good == (*why == '\0'));
	if (!good)
		return 0;
	expect(spf_record_is(text));
	expect(within(record.redirect, text));
	expect(within(record.explanation, text));
	size_t count = 0;
	for (struct str rest = record.terms; spf_record_next(&rest, &directive);
	     count++)
		check_directive(&directive, text);
	expect(count <= n / 2);
	return 0;
}
