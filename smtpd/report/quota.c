#include "smtpd/report/quota.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"

#include <stdlib.h>

struct receiver {
	struct map_node node;
	struct buf name;
	unsigned reports;
};

void
quota_free(struct quota *q)
{
	struct map_node *n = map_next(&q->receivers, NULL), *next;
	for (; n; n = next) {
		struct receiver *r = container_of(n, struct receiver, node);
		next = map_next(&q->receivers, n);
		map_remove(&q->receivers, n);
		buf_free(&r->name);
		free(r);
	}
	map_free(&q->receivers);
	*q = (struct quota){ 0 };
}

static struct receiver *
need(struct quota *q, struct str name)
{
	struct map_node *n = map_find(&q->receivers, name);
	if (n)
		return container_of(n, struct receiver, node);
	struct receiver *r = mem_alloc(sizeof *r);
	r->name = buf_of(name);
	map_add(&q->receivers, &r->node, buf_str(&r->name));
	return r;
}

bool
quota_take(
    struct quota *q, uint32_t today, struct str domain, const struct rua *place)
{
	struct str name = rua_host(place);
	if (q->today != today) {
		quota_free(q);
		q->today = today;
	}
	if (str_eq(name, domain))
		return true;
	struct receiver *r = need(q, name);
	if (r->reports == QUOTA_REPORTS)
		return false;
	r->reports++;
	return true;
}
