#include "smtpd/report/consent.h"

#include "lib/base/name.h"

static void
finish(struct consent *c, enum consent_result result)
{
	c->result = result;
	c->done(c);
}

/* ---- the record ---- */

/* RFC 9990 4: any DMARC record at the name is consent; unlike a policy it may
   be there more than once */
static bool
read_records(struct consent *c, const struct dns_answer *answer)
{
	bool any = false;
	for (size_t i = 0; i < answer->count; i++) {
		struct dmarc_record record;
		const char *why;
		if (!dmarc_record_parse(
			answer->records[i].text, c->arena, &record, &why))
			continue;
		any = true;
		if (str_empty(c->rua))
			c->rua = record.rua;
	}
	return any;
}

static void
on_record(struct dns_query *query)
{
	struct consent *c = container_of(query, struct consent, query);
	enum dns_status status = query->answer->status;
	if (status == DNS_TEMPFAIL)
		finish(c, CONSENT_UNKNOWN);
	else if (status == DNS_FOUND && read_records(c, query->answer))
		finish(c, CONSENT_GIVEN);
	else
		finish(c, CONSENT_MISSING);
}

/* A name that is too long exists nowhere: the resolver says so. */
static void
ask(struct consent *c)
{
	struct str name = arena_printf(c->arena, "%.*s._report._dmarc.%.*s",
	    STR_ARG(c->policy_domain), STR_ARG(c->receiver));
	dns_ask(c->tree.resolver, &c->query, name, DNS_TXT, on_record);
}

/* ---- the Organizational Domains ---- */

static bool
is_known(const struct dmarc_walk *walk)
{
	return walk->end == DMARC_WALKED && walk->complete;
}

static void
on_receiver(struct dmarc_walk *walk)
{
	struct consent *c = container_of(walk, struct consent, walk);
	if (is_known(walk) &&
	    str_eq(dmarc_walk_organizational(walk), c->organization))
		finish(c, CONSENT_GIVEN);
	else
		ask(c);
}

static void
on_policy_domain(struct dmarc_walk *walk)
{
	struct consent *c = container_of(walk, struct consent, walk);
	if (!is_known(walk)) {
		ask(c);
		return;
	}
	c->organization = dmarc_walk_organizational(walk);
	dmarc_walk_start(
	    &c->walk, &c->tree, c->receiver, DMARC_WALK, on_receiver);
}

void
consent_start(struct consent *c, struct loop *loop, struct resolver *resolver,
    struct arena *arena, void (*done)(struct consent *))
{
	c->done = done;
	c->arena = arena;
	c->rua = STR("");
	c->budget = (struct budget){ 2 * DMARC_WALK };
	c->tree = (struct dmarc_tree){
		.loop = loop,
		.resolver = resolver,
		.budget = &c->budget,
		.share = c->budget,
		.arena = arena,
	};
	dmarc_walk_start(
	    &c->walk, &c->tree, c->policy_domain, DMARC_WALK, on_policy_domain);
}

void
consent_cancel(struct consent *c)
{
	dmarc_walk_cancel(&c->walk);
	dns_cancel(&c->query);
}
