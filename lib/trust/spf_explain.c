#include "lib/mail/printable.h"
#include "lib/trust/spf_private.h"

enum {
	EXPLANATION_MAX = 255, /* octets: it goes into a reply */
};

static enum spf_step
explain(struct spf_run *run)
{
	struct buf expanded = { 0 }, clean = { 0 };
	spf_macro_expand(&expanded, run->spec, &run->macros);
	printable_add(&clean, str_sub(buf_str(&expanded), 0, EXPLANATION_MAX));
	run->check->explanation = arena_str(&run->arena, buf_str(&clean));
	buf_free(&clean);
	buf_free(&expanded);
	return spf_finish(run);
}

/* RFC 7208 6.2: one record, and nothing but US-ASCII in it */
static enum spf_step
on_text(struct spf_run *run, const struct dns_answer *answer)
{
	if (answer->count != 1 ||
	    !spf_macro_check(answer->records[0].text, SPF_MACRO_EXPLANATION))
		return spf_finish(run);
	run->spec = arena_str(&run->arena, answer->records[0].text);
	if (spf_macro_has(run->spec, 'p'))
		return spf_find_name(run, run->macros.domain, false, explain);
	return explain(run);
}

static enum spf_step
ask(struct spf_run *run)
{
	if (run->target.n == 0)
		return spf_finish(run);
	return spf_ask_domain(run, run->target, DNS_TXT, on_text);
}

/* RFC 7208 6.2: exp= of the record that the result comes from, not of those
   that it includes */
enum spf_step
spf_explain(struct spf_run *run)
{
	struct str spec = spf_top(run)->record.explanation;
	run->explaining = true;
	if (spec.n == 0)
		return spf_finish(run);
	return spf_expand(run, spec, ask);
}
