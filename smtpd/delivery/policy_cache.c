#include "smtpd/delivery/policy_cache.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/name.h"
#include "smtpd/delivery/policy_search.h"

#include <stdlib.h>

enum {
	LOOK_PAUSE_MS = 300000, /* between two looks at a record */
	FETCH_PAUSE_MS = 300000, /* RFC 8461 3.3: after a failure */
	RENEW_MS = 60000, /* between two rounds of renewal */
	RENEW_AT_ONCE = 8, /* searches of one round */
	RENEW_PAUSE_MS = 600000, /* of one domain */
};

/* Whom no mail went to for so long isn't asked on our own account. */
static const int64_t in_use_ms = INT64_C(30) * 86400 * 1000;

struct policy_cache {
	struct policy_parts parts;
	struct policy_table table;
	struct list hunts;
	struct list ready; /* lookups whose answer is there */
	struct later later;
	struct timer renewal;
};

/* A search for an entry, with those who wait for it. */
struct hunt {
	struct policy_search search;
	struct policy_cache *cache;
	struct policy_entry *entry;
	bool renewal; /* nobody need wait for it */
	struct list lookups;
	struct list_node node;
};

/* ---- answers ---- */

static void
answer(struct policy_cache *c, struct policy_lookup *l)
{
	const struct policy_entry *e = c->parts.settings->mta_sts
	    ? policy_table_find(&c->table, l->domain)
	    : NULL;
	const struct kept_policy *kept = e ? policy_entry_valid(e) : NULL;
	l->policy = kept ? &kept->policy : NULL;
	l->text = kept ? kept->text : STR("");
	l->trouble = kept || !e ? POLICY_FINE : e->trouble;
	l->done(l);
}

static void
on_ready(struct later *later)
{
	struct policy_cache *c =
	    container_of(later, struct policy_cache, later);
	struct list_node *node = list_pop(&c->ready);
	if (!list_empty(&c->ready))
		loop_later(c->parts.loop, &c->later, on_ready);
	if (node)
		answer(c, container_of(node, struct policy_lookup, node));
}

static void
add_ready(struct policy_cache *c, struct policy_lookup *l)
{
	list_push(&c->ready, &l->node);
	loop_later(c->parts.loop, &c->later, on_ready);
}

/* ---- searches ---- */

static struct hunt *
hunt_of(const struct policy_entry *e)
{
	return e->search ? container_of(e->search, struct hunt, search) : NULL;
}

static void
hunt_free(struct hunt *h)
{
	h->entry->search = NULL;
	list_remove(&h->node);
	policy_search_end(&h->search);
	free(h);
}

/* That a policy was only renewed interests few. */
static void
tell(const struct kept_policy *kept, const struct kept_policy *before,
    struct str domain)
{
	bool same = before && str_eq(before->id, kept->id);
	struct log_line l = log_begin(same ? LOG_DEBUG : LOG_INFO, "policy");
	log_s(&l, "domain", domain);
	log_c(&l, "mode", sts_mode_name(kept->policy.mode));
	log_s(&l, "sts_id", kept->id);
	log_d(&l, "max_age", kept->policy.max_age);
	log_end(&l);
}

/* A policy that is kept holds until it ends, whatever became of its record or
   of a fetch: RFC 8461 5.1, 10.2. */
static void
learn(struct policy_cache *c, struct policy_entry *e, struct policy_search *s)
{
	/* RFC 8461 5.1: no mail comes back before its record was looked at
	   again: retries are no closer together; the resolver knows TTLs */
	if (!s->failed)
		e->look_ms = clock_mono_ms() + LOOK_PAUSE_MS;
	if (!s->recorded)
		e->trouble = s->failed ? POLICY_UNKNOWN : POLICY_FINE;
	if (!s->fetched)
		return;
	e->fetch_ms = clock_mono_ms() + FETCH_PAUSE_MS;
	e->trouble = s->trouble;
	if (!s->found) {
		e->look_ms = e->fetch_ms;
		return;
	}
	tell(s->found, e->kept, s->domain);
	policy_table_keep(&c->table, e, s->found);
	s->found = NULL;
}

static void
on_found(struct policy_search *s)
{
	struct hunt *h = container_of(s, struct hunt, search);
	struct policy_cache *c = h->cache;
	struct list_node *node;
	learn(c, h->entry, s);
	while ((node = list_pop(&h->lookups)))
		add_ready(c, container_of(node, struct policy_lookup, node));
	hunt_free(h);
}

/* A renewal fetches what has the same id, too. */
static struct hunt *
hunt_start(struct policy_cache *c, struct policy_entry *e, bool renewal)
{
	struct hunt *h = mem_alloc(sizeof *h);
	const struct kept_policy *kept = policy_entry_lasting(e);
	h->cache = c;
	h->entry = e;
	h->renewal = renewal;
	list_init(&h->lookups);
	list_push(&c->hunts, &h->node);
	h->search.parts = &c->parts;
	h->search.domain = e->node.key;
	h->search.known_id = kept && !renewal ? kept->id : STR("");
	h->search.ahead = renewal;
	h->search.quiet = kept && kept->policy.mode == STS_NONE;
	h->search.may_fetch = clock_mono_ms() >= e->fetch_ms;
	e->search = &h->search;
	policy_search_start(&h->search, on_found);
	return h;
}

/* ---- renewal ---- */

static bool
wants_renewal(const struct policy_entry *e, int64_t now_ms)
{
	return !e->search && policy_entry_is_old(e) && now_ms >= e->fetch_ms &&
	    now_ms >= e->renew_ms && now_ms - e->used_ms < in_use_ms;
}

/* A search knows the id of what is kept. */
static void
drop_ended(struct policy_cache *c)
{
	struct list_node *node = list_first(&c->table.held), *next;
	for (; node; node = next) {
		struct policy_entry *e =
		    container_of(node, struct policy_entry, order);
		next = list_next(&c->table.held, node);
		if (e->search || policy_entry_valid(e))
			continue;
		policy_table_keep(&c->table, e, NULL);
		e->look_ms = clock_mono_ms();
	}
}

/* Whose last turn is the longest ago: those that always fail, many as they may
   be, take no turn from others. */
static struct policy_entry *
next_renewal(struct policy_cache *c, int64_t now_ms)
{
	struct policy_entry *found = NULL;
	struct list_node *node = list_first(&c->table.held);
	for (; node; node = list_next(&c->table.held, node)) {
		struct policy_entry *e =
		    container_of(node, struct policy_entry, order);
		if (wants_renewal(e, now_ms) &&
		    (!found || e->renew_ms < found->renew_ms))
			found = e;
	}
	return found;
}

static void
on_renewal(struct timer *timer)
{
	struct policy_cache *c =
	    container_of(timer, struct policy_cache, renewal);
	struct policy_entry *e;
	int64_t now_ms = clock_mono_ms();
	drop_ended(c);
	for (int left = RENEW_AT_ONCE;
	     left > 0 && (e = next_renewal(c, now_ms)); left--) {
		e->renew_ms = now_ms + RENEW_PAUSE_MS;
		hunt_start(c, e, true);
	}
	timer_start(timer, c->parts.loop, RENEW_MS, on_renewal);
}

/* ---- for the asker ---- */

struct policy_cache *
policy_cache_new(const struct policy_parts *parts)
{
	struct policy_cache *c = mem_alloc(sizeof *c);
	c->parts = *parts;
	list_init(&c->hunts);
	list_init(&c->ready);
	policy_table_open(&c->table, parts->store);
	if (parts->settings->mta_sts)
		timer_start(&c->renewal, parts->loop, RENEW_MS, on_renewal);
	return c;
}

void
policy_cache_free(struct policy_cache *c)
{
	struct list_node *node;
	if (!c)
		return;
	while ((node = list_first(&c->hunts))) {
		struct hunt *h = container_of(node, struct hunt, node);
		while (list_pop(&h->lookups))
			continue;
		hunt_free(h);
	}
	while (list_pop(&c->ready))
		continue;
	later_cancel(&c->later);
	timer_stop(&c->renewal);
	policy_table_free(&c->table);
	free(c);
}

/* Need nobody wait?  One that has ended is looked for at once. */
static bool
is_known(const struct policy_entry *e)
{
	const struct hunt *h = hunt_of(e);
	if (e->kept && !policy_entry_valid(e))
		return false;
	return h ? h->renewal : clock_mono_ms() < e->look_ms;
}

void
policy_lookup_start(struct policy_cache *c, struct policy_lookup *l,
    void (*done)(struct policy_lookup *))
{
	l->done = done;
	/* An address in brackets has no record. */
	if (!c->parts.settings->mta_sts || !name_is_host(l->domain)) {
		add_ready(c, l);
		return;
	}
	struct policy_entry *e = policy_table_need(&c->table, l->domain);
	if (is_known(e)) {
		add_ready(c, l);
		return;
	}
	struct hunt *h = hunt_of(e);
	if (!h)
		h = hunt_start(c, e, false);
	list_push(&h->lookups, &l->node);
}

/* A search goes on without those who asked: its answer is kept. */
void
policy_lookup_cancel(struct policy_lookup *l)
{
	list_remove(&l->node);
}
