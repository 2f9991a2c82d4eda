#include "tests/fakes/resolver.h"

#include "lib/base/codec.h"
#include "lib/base/name.h"

#include <stdlib.h>
#include <string.h>

enum {
	CNAMES_MAX = 8
};

struct resolver {
	struct loop *loop;
	struct list open; /* lookups */
};

struct dns_lookup {
	struct list_node node;
	struct resolver *resolver;
	struct dns_query *query;
	struct str name;
	enum dns_type type;
	bool weak; /* a CNAME on the way isn't authentic */
	struct later later;
	struct dns_answer answer;
	struct arena arena;
};

static const struct fake_record none[] = { { 0 } };
static const struct fake_record *table = none;
static unsigned asked;
static bool held, is_spare;
static struct resolver *last;

/* ---- the answer ---- */

static struct str
lower_name(struct arena *arena, struct str text)
{
	return arena_lower(arena, name_strip_dot(text));
}

static void
set_number(struct str *rest, uint16_t *number)
{
	uint64_t value;
	if (!str_to_u64(str_cut(rest, ' '), &value) || value > UINT16_MAX)
		abort();
	*number = (uint16_t)value;
}

static void
set_tlsa(struct dns_record *record, struct str text, struct arena *arena)
{
	uint16_t number[3];
	struct buf data = { 0 };
	for (int i = 0; i < 3; i++)
		set_number(&text, &number[i]);
	if (!hex_read(&data, text))
		abort();
	record->tlsa.usage = (uint8_t)number[0];
	record->tlsa.selector = (uint8_t)number[1];
	record->tlsa.matching = (uint8_t)number[2];
	record->tlsa.data = arena_str(arena, buf_str(&data));
	buf_free(&data);
}

static void
set_value(struct dns_record *record, struct str text, struct arena *arena)
{
	switch (record->type) {
	case DNS_A:
	case DNS_AAAA:
		if (!ip_parse(text, &record->ip))
			abort();
		break;
	case DNS_MX:
		set_number(&text, &record->mx.preference);
		record->mx.host = lower_name(arena, text);
		break;
	case DNS_TXT:
		record->text = arena_str(arena, text);
		break;
	case DNS_TLSA:
		set_tlsa(record, text, arena);
		break;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_SOA:
	case DNS_PTR:
		record->name = lower_name(arena, text);
		break;
	}
}

static void
add_record(struct dns_lookup *l, const struct fake_record *row)
{
	size_t n = l->answer.count++;
	struct dns_record *all = arena_alloc(&l->arena, (n + 1) * sizeof *all);
	if (n > 0)
		memcpy(all, l->answer.records, n * sizeof *all);
	all[n].type = row->type;
	all[n].ttl = row->ttl;
	set_value(&all[n], str_of(row->value), &l->arena);
	l->answer.records = all;
	l->answer.ttl = row->ttl;
	l->answer.authentic = row->authentic && !l->weak;
	l->answer.status = DNS_FOUND;
}

/* One pass over the table; true when a CNAME leads further. */
static bool
look_up(struct dns_lookup *l)
{
	const struct fake_record *alias = NULL;
	l->answer.status = DNS_NXDOMAIN;
	for (const struct fake_record *row = table; row->name; row++) {
		if (!str_eq(str_of(row->name), l->name))
			continue;
		if (!row->value && (!row->type || row->type == l->type)) {
			l->answer.status = row->status;
			l->answer.authentic = row->authentic && !l->weak;
			return false;
		}
		if (l->answer.status == DNS_NXDOMAIN)
			l->answer.status = DNS_NODATA;
		if (row->value && row->type == l->type)
			add_record(l, row);
		else if (row->value && row->type == DNS_CNAME)
			alias = row;
	}
	if (!alias || l->answer.count > 0)
		return false;
	l->weak |= !alias->authentic;
	l->name = lower_name(&l->arena, str_of(alias->value));
	l->answer.alias = l->name;
	return true;
}

/* ---- resolver.h ---- */

static void
lookup_free(struct dns_lookup *l)
{
	list_remove(&l->node);
	later_cancel(&l->later);
	arena_free(&l->arena);
	free(l);
}

static void
on_later(struct later *later)
{
	struct dns_lookup *l = container_of(later, struct dns_lookup, later);
	struct dns_query *q = l->query;
	for (int i = 0; i < CNAMES_MAX && look_up(l); i++)
		;
	list_remove(&l->node);
	q->lookup = NULL;
	q->answer = &l->answer;
	q->done(q);
	lookup_free(l);
}

void
dns_ask(struct resolver *r, struct dns_query *q, struct str name,
    enum dns_type type, void (*done)(struct dns_query *))
{
	struct dns_lookup *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	l->resolver = r;
	l->query = q;
	l->type = type;
	l->name = lower_name(&l->arena, name);
	l->answer.alias = STR("");
	q->done = done;
	q->lookup = l;
	list_push(&r->open, &l->node);
	asked++;
	if (!held)
		loop_later(r->loop, &l->later, on_later);
}

void
dns_cancel(struct dns_query *q)
{
	if (q->lookup)
		lookup_free(q->lookup);
	q->lookup = NULL;
}

struct resolver *
resolver_new(struct loop *loop, const char *servers, bool trust_ad)
{
	(void)servers, (void)trust_ad;
	struct resolver *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->loop = loop;
	list_init(&r->open);
	last = r;
	return r;
}

void
resolver_free(struct resolver *r)
{
	if (!r)
		return;
	struct list_node *node;
	while ((node = list_first(&r->open)))
		dns_cancel(container_of(node, struct dns_lookup, node)->query);
	free(r);
	last = NULL;
}

/* ---- the test's side ---- */

void
fake_resolver_use(const struct fake_record *rows)
{
	table = rows ? rows : none;
	asked = 0;
	held = false;
	is_spare = false;
}

unsigned
fake_resolver_asked(void)
{
	return asked;
}

void
fake_resolver_be_spare(bool spare)
{
	is_spare = spare;
}

bool
resolver_is_spare(const struct resolver *r)
{
	(void)r;
	return is_spare;
}

void
fake_resolver_hold(bool hold)
{
	held = hold;
	if (held || !last)
		return;
	struct list_node *node = list_first(&last->open);
	for (; node; node = list_next(&last->open, node))
		loop_later(last->loop,
		    &container_of(node, struct dns_lookup, node)->later,
		    on_later);
}
