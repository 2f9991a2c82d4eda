#include "lib/base/name.h"
#include "lib/net/reverse.h"
#include "lib/trust/spf_private.h"

static enum spf_step find(struct spf_run *);

/* RFC 7208 7.3: the domain itself, names below it, any others */
enum rank {
	RANK_SAME,
	RANK_BELOW,
	RANK_OTHER,
	RANKS,
};

static enum rank
rank_of(const struct spf_names *names, size_t i)
{
	struct str name = names->list[i].name;
	if (name_eq(name, names->domain))
		return RANK_SAME;
	return name_is_below(name, names->domain) ? RANK_BELOW : RANK_OTHER;
}

/* RFC 7208 5.5: a name whose addresses can't be found is passed over */
static enum spf_step
on_addresses(struct spf_run *run, const struct dns_answer *answer)
{
	struct spf_names *names = &run->names;
	bool leads_here = false;
	for (size_t i = 0; i < answer->count; i++)
		leads_here |= ip_eq(answer->records[i].ip, run->question->ip);
	names->list[names->trying].state =
	    leads_here ? SPF_NAME_VALIDATED : SPF_NAME_REFUTED;
	return find(run);
}

/* The best one that isn't refuted, or count. */
static size_t
best(const struct spf_names *names)
{
	size_t best = names->count;
	enum rank least = names->below_only ? RANK_OTHER : RANKS;
	for (size_t i = 0; i < names->count; i++) {
		enum rank rank = rank_of(names, i);
		if (names->list[i].state == SPF_NAME_REFUTED || rank >= least)
			continue;
		best = i;
		least = rank;
	}
	return best;
}

static enum spf_step
find(struct spf_run *run)
{
	struct spf_names *names = &run->names;
	size_t i = best(names);
	run->macros.validated = STR("");
	if (i == names->count)
		return names->then(run);
	if (names->list[i].state == SPF_NAME_UNTRIED) {
		names->trying = i;
		return spf_ask(run, names->list[i].name, spf_address_type(run),
		    on_addresses);
	}
	run->macros.validated = names->list[i].name;
	return names->then(run);
}

/* RFC 7208 5.5, 7.3: an error is as good as no name.  4.6.4: ten names, the
   others don't count. */
static enum spf_step
on_names(struct spf_run *run, const struct dns_answer *answer)
{
	struct spf_names *names = &run->names;
	names->known = true;
	names->none =
	    answer->status == DNS_NODATA || answer->status == DNS_NXDOMAIN;
	for (size_t i = 0; i < answer->count && i < SPF_NAMES; i++)
		names->list[names->count++].name =
		    arena_str(&run->arena, answer->records[i].name);
	return find(run);
}

enum spf_step
spf_find_name(
    struct spf_run *run, struct str domain, bool below_only, spf_then *then)
{
	struct spf_names *names = &run->names;
	names->domain = spf_escape(run, domain);
	names->below_only = below_only;
	names->then = then;
	if (names->known)
		return find(run);
	struct buf reverse = { 0 };
	reverse_name(&reverse, run->question->ip);
	enum spf_step step = spf_ask(run, buf_str(&reverse), DNS_PTR, on_names);
	buf_free(&reverse);
	return step;
}
