#include "lib/base/name.h"
#include "lib/trust/dmarc_private.h"

#include <stdlib.h>

static struct dmarc_run *
run_of(struct dmarc_walk *walk)
{
	return container_of(walk, struct dmarc_run, walk);
}

void
dmarc_stop(struct dmarc_run *run)
{
	dmarc_walk_cancel(&run->walk);
	dns_cancel(&run->existence);
	later_cancel(&run->later);
	timer_stop(&run->deadline);
}

void
dmarc_finish(struct dmarc_run *run, enum dmarc_status status, const char *why)
{
	struct dmarc_check *check = run->check;
	dmarc_stop(run);
	check->status = status;
	check->why = why;
	check->done(check);
}

/* ---- the policy ---- */

static enum dmarc_policy
strictest(enum dmarc_policy a, enum dmarc_policy b)
{
	return a > b ? a : b;
}

/* RFC 9989 4.10.1: p for the domain of the record itself, sp for what is below
   it and exists, np for what doesn't */
static enum dmarc_policy
published(const struct dmarc_run *run)
{
	const struct dmarc_check *check = run->check;
	const struct dmarc_record *record = &check->record;
	if (str_eq(check->policy_domain, run->author))
		return record->p;
	if (run->existence_unknown)
		return strictest(record->sp, record->np);
	return check->exists ? record->sp : record->np;
}

/* RFC 9989 4.7: with t=y the policy is one level below the specified one */
static enum dmarc_policy
one_level_below(enum dmarc_policy policy)
{
	return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE
					     : DMARC_POLICY_NONE;
}

static void
finish_policy(struct dmarc_run *run)
{
	struct dmarc_check *check = run->check;
	check->published = published(run);
	check->policy = check->record.testing
	    ? one_level_below(check->published)
	    : check->published;
	dmarc_finish(run, DMARC_FAIL, check->why);
}

/* RFC 9989 3.2.13: a domain doesn't exist when it is answered with NXDOMAIN,
   whatever the type: A is asked for, it has the smallest answer */
static void
on_existence(struct dns_query *query)
{
	struct dmarc_run *run =
	    container_of(query, struct dmarc_run, existence);
	dmarc_tree_charge(&run->tree, query->answer);
	run->check->exists = query->answer->status != DNS_NXDOMAIN;
	run->existence_unknown = query->answer->status == DNS_TEMPFAIL;
	finish_policy(run);
}

/* RFC 8020 2: where there is a name below it, there is the domain; so only
   NXDOMAIN for _dmarc leaves it open */
static void
ask_existence(struct dmarc_run *run, const struct dmarc_node *author)
{
	bool open = author->status == DNS_NXDOMAIN;
	run->check->exists = !open;
	if (open && name_is_dns(run->author)) {
		if (dmarc_tree_take(&run->tree)) {
			dns_ask(run->tree.resolver, &run->existence,
			    run->author, DNS_A, on_existence);
			return;
		}
		run->existence_unknown = true;
	}
	finish_policy(run);
}

static void
apply(struct dmarc_run *run, const struct dmarc_node *node)
{
	struct dmarc_check *check = run->check;
	check->policy_domain = node->domain;
	check->record = node->record;
	check->why = node->why;
	if (!node->record.applicable)
		dmarc_finish(run, DMARC_NONE, node->why);
	else if (str_eq(node->domain, run->author) ||
	    node->record.sp == node->record.np)
		finish_policy(run);
	else
		ask_existence(run, run->walk.path[0]);
}

/* ---- discovery ---- */

static const char *
why_unfinished(const struct dmarc_walk *walk)
{
	static const char *const reasons[] = {
		[DMARC_WALKED] = "",
		[DMARC_WALK_TEMPFAIL] = "The DNS doesn't answer for a name of "
					"the DMARC tree walk",
		[DMARC_WALK_SPENT] = "DMARC needs more DNS questions than a "
				     "message may cost",
	};
	return reasons[walk->end];
}

static const char *
why_none(const struct dmarc_walk *walk)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->path[i]->several || walk->path[i]->has_record)
			return walk->path[i]->why;
	return "There is no DMARC record";
}

static void
on_ancestors(struct dmarc_walk *walk)
{
	struct dmarc_run *run = run_of(walk);
	if (walk->end != DMARC_WALKED) {
		dmarc_finish(run, DMARC_TEMPERROR, why_unfinished(walk));
		return;
	}
	const struct dmarc_node *policy = dmarc_walk_policy(walk);
	run->check->organizational_domain = dmarc_walk_organizational(walk);
	if (policy)
		apply(run, policy);
	else
		dmarc_finish(run, DMARC_NONE, why_none(walk));
}

/* RFC 9989 4.10.1: the author domain first, and without a record there the
   walk from it on, which knows this answer already */
static void
on_author_domain(struct dmarc_walk *walk)
{
	struct dmarc_run *run = run_of(walk);
	if (walk->end == DMARC_WALKED && walk->count == 1 &&
	    walk->path[0]->has_record) {
		if (walk->complete)
			run->check->organizational_domain =
			    dmarc_walk_organizational(walk);
		apply(run, walk->path[0]);
		return;
	}
	dmarc_walk_start(
	    walk, &run->tree, run->author, DMARC_WALK, on_ancestors);
}

/* With a policy domain it is the question about existence that waits. */
static void
on_deadline(struct timer *timer)
{
	struct dmarc_run *run = container_of(timer, struct dmarc_run, deadline);
	run->existence_unknown = run->check->policy_domain.n > 0;
	dmarc_stop(run);
	if (run->existence_unknown)
		finish_policy(run);
	else
		dmarc_finish(run, DMARC_TEMPERROR,
		    "The DNS is too slow for the DMARC tree walk");
}

void
dmarc_discover(struct dmarc_check *check, struct loop *loop,
    struct resolver *resolver, struct budget *budget, struct str author_domain,
    void (*done)(struct dmarc_check *))
{
	struct dmarc_run *run = mem_alloc(sizeof *run);
	*check = (struct dmarc_check){
		.run = run,
		.done = done,
		.exists = true,
		.why = "",
	};
	run->check = check;
	run->author = arena_lower(&run->arena, name_strip_dot(author_domain));
	run->tree = (struct dmarc_tree){
		.loop = loop,
		.resolver = resolver,
		.budget = budget,
		.share = { BUDGET_DMARC },
		.arena = &run->arena,
	};
	timer_start(&run->deadline, loop, DMARC_DEADLINE_MS, on_deadline);
	dmarc_walk_start(
	    &run->walk, &run->tree, run->author, 1, on_author_domain);
}

void
dmarc_cancel(struct dmarc_check *check)
{
	struct dmarc_run *run = check->run;
	if (run) {
		dmarc_stop(run);
		arena_free(&run->arena);
		free(run);
	}
	*check = (struct dmarc_check){ 0 };
}

const char *
dmarc_status_name(enum dmarc_status status)
{
	static const char *const names[] = {
		[DMARC_NONE] = "none",
		[DMARC_PASS] = "pass",
		[DMARC_FAIL] = "fail",
		[DMARC_TEMPERROR] = "temperror",
		[DMARC_PERMERROR] = "permerror",
	};
	return names[status];
}
