/*
 * dmarc_walk.h - the DNS tree walk: RFC 9989 4.10, and the Organizational
 * Domain that comes of it: 4.10.2.
 *
 * A tree keeps what was found out for one message, so that no name is asked
 * for twice.  It knows no policy and no alignment.
 */
#ifndef LIB_TRUST_DMARC_WALK_H
#define LIB_TRUST_DMARC_WALK_H

#include "lib/trust/budget.h"
#include "lib/trust/dmarc_record.h"

enum {
	DMARC_WALK = 8 /* questions of one walk, RFC 9989 4.10 */
};

struct dmarc_node { /* one name's answer */
	struct dmarc_node *next;
	struct str domain;
	enum dns_status status; /* of _dmarc.domain; NXDOMAIN without asking
				   when no such name can be */
	bool has_record, several;
	struct dmarc_record record;
	const char *why; /* a constant, or "" */
};

struct dmarc_tree { /* all but the nodes is set by its owner */
	struct loop *loop;
	struct resolver *resolver;
	struct budget *budget; /* of the message */
	struct budget share; /* our part of it */
	struct arena *arena;
	struct dmarc_node *nodes;
};

enum dmarc_walk_end {
	DMARC_WALKED,
	DMARC_WALK_TEMPFAIL,
	DMARC_WALK_SPENT, /* the budget */
};

struct dmarc_walk { /* a member of its owner; {0} is idle */
	enum dmarc_walk_end end;
	bool complete; /* up to the top, or a psd tag stopped it */
	size_t count;
	const struct dmarc_node *path[DMARC_WALK]; /* [0] is where it began */
	void (*done)(struct dmarc_walk *);

	/* private */
	struct dmarc_tree *tree;
	struct str start, target;
	size_t limit;
	struct dns_query query;
	struct later later;
};

/* From domain (lower case, without a last dot; it outlives the walk) up, at
   most limit names.  done() runs once and later. */
void dmarc_walk_start(struct dmarc_walk *, struct dmarc_tree *,
    struct str domain, size_t limit, void (*done)(struct dmarc_walk *));
void dmarc_walk_cancel(struct dmarc_walk *);
/* The Organizational Domain of the name where a complete walk began. */
struct str dmarc_walk_organizational(const struct dmarc_walk *);
/* The node whose record applies to that name, or NULL. */
const struct dmarc_node *dmarc_walk_policy(const struct dmarc_walk *);

/* For a question beside the walks.  False: the budget is spent. */
bool dmarc_tree_take(struct dmarc_tree *);
void dmarc_tree_charge(struct dmarc_tree *, const struct dns_answer *);

#endif
