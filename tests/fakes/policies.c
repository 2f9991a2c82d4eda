#include "tests/fakes/policies.h"

#include "lib/base/arena.h"

#include <stdlib.h>

static struct loop *loop;
static const struct fake_policy *table;
static struct list ready; /* lookups */
static struct later later;

struct policy_cache *
fake_policies_use(struct loop *the_loop, const struct fake_policy *policies)
{
	static char cache;
	loop = the_loop;
	table = policies;
	list_init(&ready);
	return (struct policy_cache *)&cache;
}

static const struct fake_policy *
find(struct str domain)
{
	const struct fake_policy *row = table;
	while (row->domain && !str_eq(str_of(row->domain), domain))
		row++;
	return row;
}

static void
answer(struct policy_lookup *lookup)
{
	const struct fake_policy *row = find(lookup->domain);
	struct arena arena = { 0 };
	struct sts_policy policy;
	const char *why;
	lookup->policy = NULL;
	lookup->text = str_of(row->text ? row->text : "");
	lookup->trouble = row->trouble;
	if (row->text) {
		if (!sts_policy_parse(lookup->text, &arena, &policy, &why))
			abort();
		lookup->policy = &policy;
	}
	lookup->done(lookup);
	arena_free(&arena);
}

static void
on_later(struct later *the_later)
{
	struct list_node *node;
	(void)the_later;
	while ((node = list_pop(&ready)))
		answer(container_of(node, struct policy_lookup, node));
}

void
policy_lookup_start(struct policy_cache *cache, struct policy_lookup *lookup,
    void (*done)(struct policy_lookup *))
{
	(void)cache;
	lookup->done = done;
	list_push(&ready, &lookup->node);
	loop_later(loop, &later, on_later);
}

void
policy_lookup_cancel(struct policy_lookup *lookup)
{
	list_remove(&lookup->node);
}
