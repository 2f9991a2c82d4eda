#include "lib/base/name.h"
#include "lib/trust/dmarc_private.h"

static struct dmarc_run *
run_of(struct dmarc_walk *walk)
{
	return container_of(walk, struct dmarc_run, walk);
}

static bool
is_strict(const struct dmarc_check *check, const struct dmarc_identifier *id)
{
	return id->is_dkim ? check->record.strict_dkim
			   : check->record.strict_spf;
}

static struct str
last_label(struct str domain)
{
	size_t dot = str_find_last(domain, '.');
	return str_from(domain, dot < domain.n ? dot + 1 : 0);
}

static bool
has_passed(const struct dmarc_check *check)
{
	bool aligned = false;
	for (size_t i = 0; i < check->count; i++)
		aligned = aligned || check->identifiers[i].aligned;
	return aligned;
}

static void
settle(struct dmarc_run *run, size_t i, bool aligned)
{
	struct dmarc_identifier *id = &run->check->identifiers[i];
	id->aligned = aligned && !id->unknown;
	if (aligned && id->unknown)
		run->authentication_unknown = true;
}

/* ---- the end ---- */

static void
conclude(struct dmarc_run *run)
{
	struct dmarc_check *check = run->check;
	while (check->count > 0 && check->identifiers[check->count - 1].unknown)
		check->count--;
	/* RFC 9989 5.3.5: one aligned identifier makes a pass */
	if (has_passed(check))
		dmarc_finish(run, DMARC_PASS, "");
	/* RFC 9989 5.3.6: what DNS errors leave open is no pass and no fail */
	else if (run->authentication_unknown)
		dmarc_finish(run, DMARC_TEMPERROR,
		    "The DNS doesn't say whether SPF or DKIM pass");
	else if (run->alignment_unknown)
		dmarc_finish(run, DMARC_TEMPERROR,
		    "The DNS doesn't say whether an identifier is aligned");
	else if (run->existence_unknown)
		dmarc_finish(run, DMARC_TEMPERROR,
		    "The DNS doesn't say whether the author domain exists");
	else
		dmarc_finish(run, DMARC_FAIL,
		    check->count ? "No authenticated identifier is aligned"
				 : "There is no authenticated identifier");
}

/* ---- walks ---- */

static void on_identifier(struct dmarc_walk *);

/* RFC 9989 4.10.2: an Organizational Domain is the identifier itself or above
   it, so what isn't below the author's can't have the same.  The unknown ones
   stand behind the others, and don't matter to what has passed. */
static bool
needs_walk(const struct dmarc_run *run, size_t i)
{
	const struct dmarc_check *check = run->check;
	const struct dmarc_identifier *id = &check->identifiers[i];
	return run->open[i] &&
	    name_is_below(id->domain, check->organizational_domain) &&
	    !(id->unknown && has_passed(check));
}

static void
walk_next(struct dmarc_run *run)
{
	struct dmarc_check *check = run->check;
	for (; run->turn < check->count; run->turn++) {
		struct str domain = check->identifiers[run->turn].domain;
		if (!needs_walk(run, run->turn))
			continue;
		dmarc_walk_start(
		    &run->walk, &run->tree, domain, DMARC_WALK, on_identifier);
		return;
	}
	conclude(run);
}

static void
on_identifier(struct dmarc_walk *walk)
{
	struct dmarc_run *run = run_of(walk);
	struct dmarc_check *check = run->check;
	if (walk->end == DMARC_WALKED)
		settle(run, run->turn,
		    str_eq(dmarc_walk_organizational(walk),
			check->organizational_domain));
	else if (walk->end == DMARC_WALK_TEMPFAIL)
		run->alignment_unknown = true;
	run->turn++;
	walk_next(run);
}

static void
on_author_domain(struct dmarc_walk *walk)
{
	struct dmarc_run *run = run_of(walk);
	if (walk->end == DMARC_WALKED) {
		run->check->organizational_domain =
		    dmarc_walk_organizational(walk);
		walk_next(run);
		return;
	}
	run->alignment_unknown = walk->end == DMARC_WALK_TEMPFAIL;
	conclude(run);
}

/* ---- without walks ---- */

/* RFC 9989 4.10.2: equal names are aligned, strictly or not, and with strict
   alignment nothing else is.  Names without even a top-level domain in common
   have no Organizational Domain in common.  True: a walk has to tell. */
static bool
judge(struct dmarc_run *run, size_t i)
{
	const struct dmarc_identifier *id = &run->check->identifiers[i];
	bool equal = id->domain.n > 0 && str_eq(id->domain, run->author);
	settle(run, i, equal);
	return !equal && !is_strict(run->check, id) &&
	    name_is_dns(id->domain) &&
	    str_eq(last_label(id->domain), last_label(run->author));
}

static void
on_later(struct later *later)
{
	struct dmarc_run *run = container_of(later, struct dmarc_run, later);
	struct dmarc_check *check = run->check;
	bool any = false;
	for (size_t i = 0; i < check->count; i++) {
		run->open[i] = judge(run, i);
		any = any || run->open[i];
	}
	if (any)
		dmarc_walk_start(&run->walk, &run->tree, run->author,
		    DMARC_WALK, on_author_domain);
	else
		conclude(run);
}

static void
on_deadline(struct timer *timer)
{
	struct dmarc_run *run = container_of(timer, struct dmarc_run, deadline);
	dmarc_stop(run);
	run->alignment_unknown = true;
	conclude(run);
}

void
dmarc_align(struct dmarc_check *check, void (*done)(struct dmarc_check *))
{
	struct dmarc_run *run = check->run;
	check->done = done;
	if (check->count > DMARC_IDENTIFIERS)
		check->count = DMARC_IDENTIFIERS;
	for (size_t i = 0; i < check->count; i++) {
		struct str *domain = &check->identifiers[i].domain;
		*domain = arena_lower(&run->arena, name_strip_dot(*domain));
	}
	timer_start(
	    &run->deadline, run->tree.loop, DMARC_DEADLINE_MS, on_deadline);
	loop_later(run->tree.loop, &run->later, on_later);
}
