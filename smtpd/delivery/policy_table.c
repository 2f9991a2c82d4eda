#include "smtpd/delivery/policy_table.h"

#include "lib/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
	MOST_ENTRIES = 10000,
	MOST_BYTES = 32 << 20, /* of policies; an ordinary one is 1.5 KB */
	LEAST_AGE_S = 300, /* a shorter max_age would switch the cache off */
	RENEWAL_S = 86400, /* RFC 8461 10.2: once a day */
	LOOK_S = 60, /* that a look at a record takes at most */
};

/* ---- ages ---- */

static int64_t
age_s(const struct kept_policy *kept)
{
	return (clock_wall_ms() - kept->fetched_ms) / 1000;
}

static int64_t
max_age_s(const struct kept_policy *kept)
{
	int64_t s = kept->policy.max_age;
	return s < LEAST_AGE_S ? LEAST_AGE_S : s;
}

static const struct kept_policy *
valid_for(const struct policy_entry *e, int64_t s)
{
	bool ends = !e->kept || age_s(e->kept) + s >= max_age_s(e->kept);
	return ends ? NULL : e->kept;
}

const struct kept_policy *
policy_entry_valid(const struct policy_entry *e)
{
	return valid_for(e, 0);
}

const struct kept_policy *
policy_entry_lasting(const struct policy_entry *e)
{
	return valid_for(e, LOOK_S);
}

/* One from the future: the clock went back. */
bool
policy_entry_is_old(const struct policy_entry *e)
{
	if (!e->kept)
		return false;
	int64_t age = age_s(e->kept), half = max_age_s(e->kept) / 2;
	return age < 0 || age >= (half < RENEWAL_S ? half : RENEWAL_S);
}

/* ---- entries ---- */

static size_t
bytes_of(const struct kept_policy *kept)
{
	return kept ? sizeof *kept + 2 * kept->text.n : 0;
}

static void
put_in_order(struct policy_table *t, struct policy_entry *e)
{
	list_remove(&e->order);
	list_push(e->kept ? &t->held : &t->bare, &e->order);
}

static void
drop(struct policy_table *t, struct policy_entry *e)
{
	t->bytes -= bytes_of(e->kept);
	list_remove(&e->order);
	map_remove(&t->entries, &e->node);
	kept_policy_free(e->kept);
	free(e);
}

static struct policy_entry *
first_idle(struct list *list)
{
	struct list_node *node = list_first(list);
	for (; node; node = list_next(list, node)) {
		struct policy_entry *e =
		    container_of(node, struct policy_entry, order);
		if (!e->search)
			return e;
	}
	return NULL;
}

/* A policy that is forgotten is a protection that is lost: those without one
   go first. */
static void
make_room(struct policy_table *t)
{
	while (t->entries.count >= MOST_ENTRIES || t->bytes > MOST_BYTES) {
		struct policy_entry *e = NULL;
		if (t->entries.count >= MOST_ENTRIES)
			e = first_idle(&t->bare);
		if (!e && (e = first_idle(&t->held)))
			kept_policy_write(t->store, e->node.key, NULL);
		if (!e)
			return;
		drop(t, e);
	}
}

static struct policy_entry *
add(struct policy_table *t, struct str domain)
{
	struct policy_entry *e = mem_alloc(sizeof *e + domain.n);
	memcpy(e->name, domain.p, domain.n);
	map_add(&t->entries, &e->node, (struct str){ e->name, domain.n });
	return e;
}

struct policy_entry *
policy_table_find(const struct policy_table *t, struct str domain)
{
	struct map_node *node = map_find(&t->entries, domain);
	return node ? container_of(node, struct policy_entry, node) : NULL;
}

struct policy_entry *
policy_table_need(struct policy_table *t, struct str domain)
{
	struct policy_entry *e = policy_table_find(t, domain);
	if (!e) {
		make_room(t);
		e = add(t, domain);
		e->look_ms = e->fetch_ms = clock_mono_ms();
	}
	e->used_ms = clock_mono_ms();
	put_in_order(t, e);
	return e;
}

void
policy_table_keep(
    struct policy_table *t, struct policy_entry *e, struct kept_policy *kept)
{
	t->bytes += bytes_of(kept);
	t->bytes -= bytes_of(e->kept);
	kept_policy_free(e->kept);
	e->kept = kept;
	put_in_order(t, e);
	kept_policy_write(t->store, e->node.key, kept);
}

/* ---- the start and the end ---- */

struct loading {
	struct store_reader reader;
	struct policy_table *table;
	struct list ended; /* of struct ended */
};

struct ended { /* a pair that is of no use any more */
	struct list_node node;
	struct str domain;
	char name[];
};

static void
note_ended(struct loading *l, struct str domain)
{
	struct ended *e = mem_alloc(sizeof *e + domain.n);
	memcpy(e->name, domain.p, domain.n);
	e->domain = (struct str){ e->name, domain.n };
	list_push(&l->ended, &e->node);
}

static void
on_pair(struct store_reader *reader, struct str key, struct str value)
{
	struct loading *l = container_of(reader, struct loading, reader);
	struct str domain;
	if (!kept_policy_key(key, &domain))
		return;
	struct policy_entry probe = { .kept = kept_policy_decode(value) };
	if (!policy_entry_valid(&probe) ||
	    l->table->entries.count >= MOST_ENTRIES) {
		kept_policy_free(probe.kept);
		note_ended(l, domain);
		return;
	}
	struct policy_entry *e = add(l->table, domain);
	e->kept = probe.kept;
	e->look_ms = e->fetch_ms = e->used_ms = clock_mono_ms();
	l->table->bytes += bytes_of(e->kept);
	put_in_order(l->table, e);
}

void
policy_table_open(struct policy_table *t, struct store *store)
{
	struct loading l = { .reader.pair = on_pair, .table = t };
	struct list_node *node;
	*t = (struct policy_table){ .store = store };
	list_init(&t->bare);
	list_init(&t->held);
	list_init(&l.ended);
	store_scan(store, &l.reader);
	while ((node = list_pop(&l.ended))) {
		struct ended *e = container_of(node, struct ended, node);
		kept_policy_write(store, e->domain, NULL);
		free(e);
	}
}

static void
drop_all(struct policy_table *t, struct list *list)
{
	struct list_node *node;
	while ((node = list_first(list)))
		drop(t, container_of(node, struct policy_entry, order));
}

void
policy_table_free(struct policy_table *t)
{
	drop_all(t, &t->bare);
	drop_all(t, &t->held);
	map_free(&t->entries);
}
