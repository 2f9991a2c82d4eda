/*
 * fetch_places.h - private to fetch.c: the places that web has, and whose turn
 * it is.
 *
 * They are few, and a host that stalls keeps one.  Each kind has its own; of
 * those that wait, the one whose neighbours (the same last two labels) have the
 * fewest places is next; and who gets one of the last ones has less time for
 * its answer.  It knows neither questions nor answers.
 */
#ifndef LIB_NET_FETCH_PLACES_H
#define LIB_NET_FETCH_PLACES_H

#include "lib/base/list.h"
#include "lib/base/str.h"

#include <stdint.h>

enum fetch_kind {
	FETCH_AWAITED, /* mail waits for it */
	FETCH_AHEAD, /* a renewal */
	FETCH_POSTED, /* a report, which can wait */
	FETCH_KINDS
};

struct fetch_place { /* a member of whoever waits for one, or has it */
	enum fetch_kind kind;
	struct str home; /* its neighbourhood, kept by the owner */
	bool taken; /* private: it has one */
	struct list_node node; /* private: in holders or waiting */
};

struct fetch_places { /* of one channel */
	size_t taken[FETCH_KINDS];
	struct list holders, waiting; /* fetch_places, those first that came
					 first */
};

void fetch_places_init(struct fetch_places *);
void fetch_places_wait(struct fetch_places *, struct fetch_place *);
/* Who may take one now; or NULL. */
struct fetch_place *fetch_places_next(struct fetch_places *);
void fetch_places_take(struct fetch_places *, struct fetch_place *);
/* Neither waits nor holds any more; free on one that doesn't. */
void fetch_places_leave(struct fetch_places *, struct fetch_place *);
/* How long the next answer of this kind may take, in ms. */
uint32_t fetch_places_patience(const struct fetch_places *, enum fetch_kind);
/* "a.test" of "mta-sts.a.test": whoever has a domain has all names below it.
   Behind "co.uk" strangers share one turn, which costs them little. */
struct str fetch_places_home(struct str host);

#endif
