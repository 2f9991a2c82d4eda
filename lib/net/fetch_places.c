#include "lib/net/fetch_places.h"

#include "lib/base/name.h"
#include "lib/net/fetch_wire.h"

#include <assert.h>

static const struct {
	size_t places;
	size_t patient; /* the first ones, that a slow host may keep for long */
} shares[FETCH_KINDS] = {
	[FETCH_AWAITED] = { 24, 12 },
	[FETCH_AHEAD] = { 4, 2 },
	[FETCH_POSTED] = { 4, 4 },
};

static_assert(24 + 4 + 4 == FETCH_PLACES, "web has as many places");

void
fetch_places_init(struct fetch_places *p)
{
	*p = (struct fetch_places){ 0 };
	list_init(&p->holders);
	list_init(&p->waiting);
}

void
fetch_places_wait(struct fetch_places *p, struct fetch_place *place)
{
	list_push(&p->waiting, &place->node);
}

/* How many its neighbours have. */
static size_t
count_neighbours(struct fetch_places *p, const struct fetch_place *of)
{
	size_t count = 0;
	struct list_node *node = list_first(&p->holders);
	for (; node; node = list_next(&p->holders, node)) {
		const struct fetch_place *place =
		    container_of(node, struct fetch_place, node);
		count +=
		    place->kind == of->kind && name_eq(place->home, of->home);
	}
	return count;
}

struct fetch_place *
fetch_places_next(struct fetch_places *p)
{
	struct fetch_place *next = NULL;
	size_t fewest = FETCH_PLACES;
	struct list_node *node = list_first(&p->waiting);
	for (; node && fewest > 0; node = list_next(&p->waiting, node)) {
		struct fetch_place *place =
		    container_of(node, struct fetch_place, node);
		if (p->taken[place->kind] >= shares[place->kind].places)
			continue;
		size_t count = count_neighbours(p, place);
		if (count >= fewest)
			continue;
		fewest = count;
		next = place;
	}
	return next;
}

void
fetch_places_take(struct fetch_places *p, struct fetch_place *place)
{
	list_remove(&place->node);
	list_push(&p->holders, &place->node);
	place->taken = true;
	p->taken[place->kind]++;
}

void
fetch_places_leave(struct fetch_places *p, struct fetch_place *place)
{
	if (place->taken)
		p->taken[place->kind]--;
	place->taken = false;
	list_remove(&place->node);
}

uint32_t
fetch_places_patience(const struct fetch_places *p, enum fetch_kind kind)
{
	bool patient = p->taken[kind] < shares[kind].patient;
	return patient ? FETCH_MS : FETCH_BRIEF_MS;
}

struct str
fetch_places_home(struct str host)
{
	host = name_strip_dot(host);
	while (name_labels(host) > 2)
		host = name_parent(host);
	return host;
}
