#include "lib/base/name.h"
#include "lib/trust/spf_private.h"

/* ---- which record ---- */

/* RFC 7208 4.5: those of SPF are counted, all others none of our business */
static size_t
choose(const struct dns_answer *answer, struct str *text)
{
	size_t count = 0;
	for (size_t i = 0; i < answer->count; i++)
		if (spf_record_is(answer->records[i].text)) {
			*text = answer->records[i].text;
			count++;
		}
	return count;
}

/* RFC 7208 4.3, 4.5; 5.2 and 6.1 for those that another record names */
static enum spf_step
no_record(struct spf_run *run)
{
	if (run->terms == 0)
		return spf_error(run, SPF_NONE, "");
	return spf_error(run, SPF_PERMERROR,
	    "\"include\" or \"redirect\" leads to no record");
}

static enum spf_step
on_record(struct spf_run *run, const struct dns_answer *answer)
{
	struct spf_frame *frame = spf_top(run);
	struct str text;
	const char *why;
	if (answer->status == DNS_TEMPFAIL)
		return spf_error(
		    run, SPF_TEMPERROR, "A record can't be looked up now");
	size_t count = choose(answer, &text);
	if (count == 0)
		return no_record(run);
	if (count > 1)
		return spf_error(
		    run, SPF_PERMERROR, "A domain has several records");
	text = arena_str(&run->arena, text);
	if (!spf_record_parse(text, &frame->record, &why))
		return spf_error(run, SPF_PERMERROR, why);
	frame->rest = frame->record.terms;
	return SPF_NO_MATCH;
}

/* RFC 7208 4.3: a domain of one label has no record.  Each frame but the first
   is a term of its own, so there is always room. */
enum spf_step
spf_open(struct spf_run *run, struct str domain)
{
	run->frames[run->depth++] = (struct spf_frame){ .domain = domain };
	if (name_labels(domain) < 2)
		return no_record(run);
	return spf_ask_domain(run, domain, DNS_TXT, on_record);
}

/* ---- which directive ---- */

static enum spf_result
result_of(char qualifier)
{
	switch (qualifier) {
	case '-':
		return SPF_FAIL;
	case '~':
		return SPF_SOFTFAIL;
	case '?':
		return SPF_NEUTRAL;
	default:
		return SPF_PASS;
	}
}

/* RFC 7208 5.2: an include matches when its record passes, and only then */
static enum spf_step
leave(struct spf_run *run, enum spf_result result, struct str mechanism)
{
	if (run->depth == 1)
		return spf_conclude(run, result, mechanism);
	run->depth--;
	return result == SPF_PASS ? SPF_MATCH : SPF_NO_MATCH;
}

static enum spf_step
matched(struct spf_run *run)
{
	const struct spf_directive *directive = &spf_top(run)->directive;
	return leave(run, result_of(directive->qualifier), directive->text);
}

/* RFC 7208 6.1: the other record stands in the place of this one, with its
   exp= */
static enum spf_step
redirect(struct spf_run *run)
{
	struct str domain = run->target;
	run->depth--;
	return spf_open(run, domain);
}

static enum spf_step
next(struct spf_run *run)
{
	struct spf_frame *frame = spf_top(run);
	if (spf_record_next(&frame->rest, &frame->directive))
		return spf_match(run);
	/* RFC 7208 4.7 */
	if (frame->record.redirect.n == 0)
		return leave(run, SPF_NEUTRAL, STR("default"));
	if (!spf_count_term(run))
		return SPF_WAIT;
	return spf_expand(run, frame->record.redirect, redirect);
}

enum spf_step
spf_go_on(struct spf_run *run, enum spf_step step)
{
	while (step != SPF_WAIT)
		step = step == SPF_MATCH ? matched(run) : next(run);
	return step;
}
