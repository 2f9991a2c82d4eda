#include "lib/net/resolver.h"

#include "lib/base/clock.h"
#include "lib/base/cursor.h"
#include "lib/base/map.h"
#include "lib/base/name.h"
#include "lib/net/resolver_pool.h"
#include "lib/net/resolver_spare.h"

#include <stdlib.h>
#include <string.h>

enum {
	POSITIVE_MAX = 3600, /* seconds that an answer is kept at most */
	NEGATIVE_MAX = 300,
	HOPS_MAX = 8, /* CNAMEs that we have to follow by asking again */
	CACHE_ENTRIES = 4096,
	CACHE_BYTES = 4 << 20,
};

struct resolver {
	struct loop *loop;
	bool trust_ad;
	bool closing;
	struct pool own, others;
	struct spare spare; /* says when the others are asked */
	struct map known; /* by type and name: being asked, or cached */
	struct list all;
	struct list cached; /* the longest unused first */
	size_t cached_count, cached_bytes;
};

/* A question on the wire, then its answer in the cache, as long as it is true
   or somebody waits for it. */
struct dns_lookup {
	struct resolver *resolver;
	struct map_node known;
	struct buf key;
	bool is_known, is_delivering;
	struct list_node all, cached;
	enum dns_type type;
	struct buf asked; /* the name that is on the wire now */
	unsigned hops; /* CNAMEs followed */
	unsigned streamed; /* answers that came over TCP */
	struct pool *pool;
	size_t first, tries; /* servers: where it began, how many were asked */
	struct server_question question;
	struct list waiting; /* queries */
	struct later deliver;
	bool answered, authentic;
	struct dns_answer answer;
	struct arena arena; /* of the answer */
	int64_t expires;
};

static void ask_server(struct dns_lookup *);

/* ---- lookups ---- */

static struct dns_lookup *
lookup_of(struct list_node *cached)
{
	return container_of(cached, struct dns_lookup, cached);
}

static size_t
size_of(const struct dns_lookup *l)
{
	return sizeof *l + l->key.n + l->asked.n + arena_size(&l->arena);
}

static struct dns_lookup *
lookup_new(
    struct resolver *r, struct str key, struct str name, enum dns_type type)
{
	struct dns_lookup *l = mem_alloc(sizeof *l);
	l->resolver = r;
	l->type = type;
	l->key = buf_of(key);
	l->asked = buf_of(name);
	l->authentic = r->trust_ad;
	l->answer.alias = STR("");
	list_init(&l->waiting);
	list_push(&r->all, &l->all);
	map_add(&r->known, &l->known, buf_str(&l->key));
	l->is_known = true;
	return l;
}

static void
lookup_free(struct dns_lookup *l)
{
	list_remove(&l->all);
	later_cancel(&l->deliver);
	arena_free(&l->arena);
	buf_free(&l->asked);
	buf_free(&l->key);
	free(l);
}

/* Out of the map: nobody new comes to it. */
static void
forget(struct dns_lookup *l)
{
	struct resolver *r = l->resolver;
	if (!l->is_known)
		return;
	map_remove(&r->known, &l->known);
	l->is_known = false;
	if (list_linked(&l->cached)) {
		list_remove(&l->cached);
		r->cached_count--;
		r->cached_bytes -= size_of(l);
	}
}

static void
drop(struct dns_lookup *l)
{
	forget(l);
	if (!l->is_delivering && list_empty(&l->waiting))
		lookup_free(l);
}

static void
keep(struct dns_lookup *l)
{
	struct resolver *r = l->resolver;
	list_push(&r->cached, &l->cached);
	r->cached_count++;
	r->cached_bytes += size_of(l);
	while (r->cached_count > CACHE_ENTRIES || r->cached_bytes > CACHE_BYTES)
		drop(lookup_of(list_first(&r->cached)));
}

/* ---- the end of a lookup ---- */

/* To those who wait now; whoever asks from within waits for the next turn. */
static void
on_deliver(struct later *later)
{
	struct dns_lookup *l = container_of(later, struct dns_lookup, deliver);
	struct list now;
	struct list_node *node;
	list_init(&now);
	list_take(&now, &l->waiting);
	int64_t left = l->expires - clock_mono_ms();
	if (l->expires)
		l->answer.ttl = left > 0 ? (uint32_t)((left + 999) / 1000) : 0;
	l->is_delivering = true;
	while ((node = list_pop(&now))) {
		struct dns_query *q =
		    container_of(node, struct dns_query, waiting);
		q->lookup = NULL;
		q->answer = &l->answer;
		q->done(q);
	}
	l->is_delivering = false;
	if (!l->is_known && list_empty(&l->waiting))
		lookup_free(l);
}

/* What has no lifetime is told to those who wait, and forgotten. */
static void
finish(struct dns_lookup *l, enum dns_status status, uint32_t ttl)
{
	l->answered = true;
	l->answer.status = status;
	l->answer.authentic = l->authentic && status != DNS_TEMPFAIL;
	l->answer.ttl = ttl;
	l->answer.more = l->hops + l->streamed;
	loop_later(l->resolver->loop, &l->deliver, on_deliver);
	if (ttl == 0) {
		forget(l);
		return;
	}
	l->expires = clock_mono_ms() + ttl * INT64_C(1000);
	keep(l);
}

static uint32_t
at_most(uint32_t ttl, uint32_t most)
{
	return ttl < most ? ttl : most;
}

static void
take_records(struct dns_lookup *l, const struct dns_message *m)
{
	bool found = m->rcode == DNS_NOERROR && m->count > 0;
	uint32_t ttl = at_most(m->ttl, found ? POSITIVE_MAX : NEGATIVE_MAX);
	enum dns_status nothing =
	    m->rcode == DNS_NOERROR ? DNS_NODATA : DNS_NXDOMAIN;
	if (found) {
		l->answer.count = m->count;
		l->answer.records = m->records;
	}
	l->answer.alias = m->alias;
	if (str_empty(m->alias) && l->hops > 0)
		l->answer.alias = buf_str(&l->asked);
	/* The lifetimes of CNAMEs that came in other answers are not known. */
	finish(l, found ? DNS_FOUND : nothing, l->hops ? 0 : ttl);
}

/* ---- asking ---- */

/* Whether the question is answered at all, be it with "nothing". */
static bool
is_answer(const struct dns_lookup *l, struct str wire, struct arena *arena,
    struct dns_message *m)
{
	return wire.p &&
	    dns_message_parse(wire, buf_str(&l->asked), l->type, arena, m) &&
	    !m->truncated && !m->referral &&
	    (m->rcode == DNS_NOERROR || m->rcode == DNS_RCODE_NXDOMAIN);
}

static bool
is_half(const struct dns_message *m)
{
	return m->rcode == DNS_NOERROR && m->count == 0 && m->alias.n > 0 &&
	    m->ttl == 0;
}

static void
begin(struct dns_lookup *l)
{
	struct resolver *r = l->resolver;
	l->pool = r->spare.needed ? &r->others : &r->own;
	l->first = l->pool->first;
	l->tries = 0;
	ask_server(l);
}

/* The server followed no CNAMEs, so we do. */
static void
follow(struct dns_lookup *l, struct str alias)
{
	if (++l->hops > HOPS_MAX) {
		finish(l, DNS_TEMPFAIL, 0);
		return;
	}
	buf_clear(&l->asked);
	buf_add(&l->asked, alias);
	begin(l);
}

static void
on_answered(struct server_question *question, struct str wire)
{
	struct dns_lookup *l =
	    container_of(question, struct dns_lookup, question);
	struct resolver *r = l->resolver;
	struct dns_message m;
	if (r->closing)
		return;
	arena_free(&l->arena);
	l->streamed += wire.n > SERVER_PACKET;
	if (!is_answer(l, wire, &l->arena, &m)) {
		if (!wire.p && l->tries == 1) /* not even there */
			l->pool->first = (l->first + 1) % l->pool->count;
		ask_server(l);
		return;
	}
	l->authentic = l->authentic && m.authentic && l->pool == &r->own;
	if (is_half(&m))
		follow(l, m.alias);
	else
		take_records(l, &m);
}

static void
send_query(struct dns_lookup *l, struct str query)
{
	size_t next = (l->first + l->tries++) % l->pool->count;
	struct server *server = l->pool->servers[next];
	l->question.answered = on_answered;
	if (resolver_server_is_full(server))
		ask_server(l);
	else
		resolver_server_ask(server, &l->question, query);
}

/* The next server, as long as there is one that has not been asked. */
static void
ask_server(struct dns_lookup *l)
{
	struct buf query = { 0 };
	uint16_t id;
	random_bytes(&id, sizeof id);
	if (l->tries == l->pool->count) {
		finish(l, DNS_TEMPFAIL, 0);
	} else if (dns_message_write(&query, id, buf_str(&l->asked), l->type)) {
		send_query(l, buf_str(&query));
	} else { /* no such name can be */
		l->authentic = false;
		finish(l, DNS_NXDOMAIN, 0);
	}
	buf_free(&query);
}

static struct dns_lookup *
find_lookup(struct resolver *r, struct str key)
{
	struct map_node *node = map_find(&r->known, key);
	if (!node)
		return NULL;
	struct dns_lookup *l = container_of(node, struct dns_lookup, known);
	if (!l->answered || l->expires > clock_mono_ms())
		return l;
	drop(l);
	return NULL;
}

static struct dns_lookup *
ask_or_join(struct resolver *r, struct str name, enum dns_type type)
{
	struct arena scratch = { 0 };
	struct buf key = { 0 };
	name = arena_lower(&scratch, name_strip_dot(name));
	put_u16(&key, (uint16_t)type);
	buf_add(&key, name);
	struct dns_lookup *l = find_lookup(r, buf_str(&key));
	if (!l) {
		l = lookup_new(r, buf_str(&key), name, type);
		begin(l);
	}
	buf_free(&key);
	arena_free(&scratch);
	return l;
}

void
dns_ask(struct resolver *r, struct dns_query *q, struct str name,
    enum dns_type type, void (*done)(struct dns_query *))
{
	struct dns_lookup *l = ask_or_join(r, name, type);
	q->done = done;
	q->answer = NULL;
	q->lookup = l;
	list_push(&l->waiting, &q->waiting);
	if (l->answered)
		loop_later(r->loop, &l->deliver, on_deliver);
	if (list_linked(&l->cached)) {
		list_remove(&l->cached);
		list_push(&r->cached, &l->cached);
	}
}

void
dns_cancel(struct dns_query *q)
{
	list_remove(&q->waiting);
	q->lookup = NULL;
}

/* ---- the servers ---- */

/* What is cached was true, but it isn't authentic, or tells of outages. */
static void
on_spare_changed(struct spare *spare)
{
	struct resolver *r = container_of(spare, struct resolver, spare);
	struct list_node *node;
	while ((node = list_first(&r->cached)))
		drop(lookup_of(node));
}

void
resolver_add_spare(struct resolver *r, const char *servers)
{
	if (pool_fill(&r->others, r->loop, servers))
		spare_start(
		    &r->spare, r->loop, r->own.servers[0], on_spare_changed);
}

bool
resolver_is_spare(const struct resolver *r)
{
	return r->spare.needed;
}

struct resolver *
resolver_new(struct loop *loop, const char *servers, bool trust_ad)
{
	struct resolver *r = mem_alloc(sizeof *r);
	r->loop = loop;
	r->trust_ad = trust_ad;
	list_init(&r->all);
	list_init(&r->cached);
	if (pool_fill(&r->own, loop, servers))
		return r;
	resolver_free(r);
	return NULL;
}

void
resolver_free(struct resolver *r)
{
	if (!r)
		return;
	r->closing = true;
	spare_stop(&r->spare);
	pool_empty(&r->own);
	pool_empty(&r->others);
	struct list_node *node, *waiting;
	while ((node = list_first(&r->all))) {
		struct dns_lookup *l =
		    container_of(node, struct dns_lookup, all);
		while ((waiting = list_first(&l->waiting)))
			dns_cancel(
			    container_of(waiting, struct dns_query, waiting));
		forget(l);
		lookup_free(l);
	}
	map_free(&r->known);
	free(r);
}
