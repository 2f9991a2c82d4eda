#include "lib/trust/dmarc_walk.h"

#include "lib/base/name.h"

#define PREFIX "_dmarc."

/* ---- the tree ---- */

bool
dmarc_tree_take(struct dmarc_tree *tree)
{
	return budget_take(&tree->share) && budget_take(tree->budget);
}

void
dmarc_tree_charge(struct dmarc_tree *tree, const struct dns_answer *answer)
{
	budget_charge(&tree->share, answer);
	budget_charge(tree->budget, answer);
}

static struct dmarc_node *
find_node(const struct dmarc_tree *tree, struct str domain)
{
	struct dmarc_node *node = tree->nodes;
	while (node && !str_eq(node->domain, domain))
		node = node->next;
	return node;
}

static struct dmarc_node *
add_node(struct dmarc_tree *tree, struct str domain, enum dns_status status)
{
	struct dmarc_node *node = arena_alloc(tree->arena, sizeof *node);
	node->domain = domain;
	node->status = status;
	node->why = "";
	node->next = tree->nodes;
	tree->nodes = node;
	return node;
}

static void
add_answer(
    struct dmarc_tree *tree, struct str domain, const struct dns_answer *answer)
{
	struct dmarc_node *node = add_node(tree, domain, answer->status);
	dmarc_tree_charge(tree, answer);
	node->has_record = dmarc_record_select(
	    answer, tree->arena, &node->record, &node->several, &node->why);
}

/* ---- the walk ---- */

/* RFC 9989 4.10 steps 3, 4 and 7: one label less; of more than eight labels
   seven are left at once */
static struct str
next_target(struct str domain)
{
	size_t labels = name_labels(domain);
	size_t drop = labels > DMARC_WALK ? labels - (DMARC_WALK - 1) : 1;
	while (drop-- > 0)
		domain = name_parent(domain);
	return domain;
}

/* RFC 9989 4.10 steps 2 and 6: psd=n and psd=y stop it */
static void
visit(struct dmarc_walk *walk, const struct dmarc_node *node)
{
	walk->path[walk->count++] = node;
	walk->target = next_target(walk->target);
	if (node->status == DNS_TEMPFAIL)
		walk->end = DMARC_WALK_TEMPFAIL;
	else
		walk->complete = walk->target.n == 0 ||
		    (node->has_record && node->record.psd != DMARC_PSD_UNKNOWN);
}

static void step(struct dmarc_walk *);

static void
on_answer(struct dns_query *query)
{
	struct dmarc_walk *walk = container_of(query, struct dmarc_walk, query);
	add_answer(walk->tree, walk->target, query->answer);
	step(walk);
}

static void
ask(struct dmarc_walk *walk, struct str name)
{
	struct dmarc_tree *tree = walk->tree;
	if (dmarc_tree_take(tree)) {
		dns_ask(tree->resolver, &walk->query, name, DNS_TXT, on_answer);
		return;
	}
	walk->end = DMARC_WALK_SPENT;
	walk->done(walk);
}

/* What no host is called, or is too long with the prefix, has no record and
   costs no question; its parents may have one. */
static bool
query_name(const struct dmarc_walk *walk, struct str *name)
{
	if (walk->target.n > NAME_MAX_TEXT)
		return false;
	*name = arena_printf(
	    walk->tree->arena, PREFIX "%.*s", STR_ARG(walk->target));
	return name_is_dns(*name);
}

static bool
is_over(const struct dmarc_walk *walk)
{
	return walk->complete || walk->count == walk->limit ||
	    walk->end != DMARC_WALKED;
}

/* As far as it goes without asking. */
static void
step(struct dmarc_walk *walk)
{
	while (!is_over(walk)) {
		struct str name;
		const struct dmarc_node *node =
		    find_node(walk->tree, walk->target);
		if (!node && query_name(walk, &name)) {
			ask(walk, name);
			return;
		}
		if (!node)
			node = add_node(walk->tree, walk->target, DNS_NXDOMAIN);
		visit(walk, node);
	}
	walk->done(walk);
}

static void
on_start(struct later *later)
{
	step(container_of(later, struct dmarc_walk, later));
}

void
dmarc_walk_start(struct dmarc_walk *walk, struct dmarc_tree *tree,
    struct str domain, size_t limit, void (*done)(struct dmarc_walk *))
{
	*walk = (struct dmarc_walk){
		.done = done,
		.tree = tree,
		.start = domain,
		.target = domain,
		.limit = limit < DMARC_WALK ? limit : DMARC_WALK,
		.complete = domain.n == 0,
	};
	loop_later(tree->loop, &walk->later, on_start);
}

void
dmarc_walk_cancel(struct dmarc_walk *walk)
{
	dns_cancel(&walk->query);
	later_cancel(&walk->later);
}

/* ---- what comes of it ---- */

/* "mail.example.com" of mail.example.com or a.mail.example.com, and
   example.com */
static struct str
one_label_below(struct str domain, struct str parent)
{
	struct str labels = str_sub(domain, 0, domain.n - parent.n - 1);
	size_t dot = str_find_last(labels, '.');
	return str_from(domain, dot < labels.n ? dot + 1 : 0);
}

/* A record that RFC 9989 4.10.1 lets not apply is no valid one. */
static bool
is_valid(const struct dmarc_node *node)
{
	return node->has_record && node->record.applicable;
}

static bool
is_psd(const struct dmarc_walk *walk, size_t i)
{
	const struct dmarc_node *node = walk->path[i];
	return i > 0 && node->has_record && node->record.psd == DMARC_PSD_YES;
}

/* RFC 9989 4.10.2: from the longest to the shortest: psd=n is it; the one
   below psd=y, unless the walk began there; else the shortest with a record;
   else where it began */
struct str
dmarc_walk_organizational(const struct dmarc_walk *walk)
{
	struct str best = walk->start;
	for (size_t i = 0; i < walk->count; i++) {
		const struct dmarc_node *node = walk->path[i];
		if (node->has_record && node->record.psd == DMARC_PSD_NO)
			return node->domain;
		if (is_psd(walk, i))
			return one_label_below(walk->start, node->domain);
		if (is_valid(node))
			best = node->domain;
	}
	return best;
}

/* RFC 9989 4.10.1: the Organizational Domain's, even one that asks for no
   DMARC; only where it has none the Public Suffix Domain's */
const struct dmarc_node *
dmarc_walk_policy(const struct dmarc_walk *walk)
{
	struct str organizational = dmarc_walk_organizational(walk);
	const struct dmarc_node *psd = NULL;
	for (size_t i = 0; i < walk->count; i++) {
		const struct dmarc_node *node = walk->path[i];
		if (node->has_record && str_eq(node->domain, organizational))
			return node;
		if (is_psd(walk, i))
			psd = node;
	}
	return psd;
}
