#include "lib/trust/spf_private.h"

/* ---- limits ---- */

/* RFC 7208 4.6.4: ten terms that ask DNS, then permerror */
bool
spf_count_term(struct spf_run *run)
{
	if (run->terms++ < SPF_TERMS)
		return true;
	spf_error(run, SPF_PERMERROR, "More than ten terms ask the DNS");
	return false;
}

/* RFC 7208 4.6.4: two terms that find nothing, then permerror.  An MX set is
   something, also when some of its hosts have no address. */
static bool
count_void(struct spf_run *run)
{
	if (run->voids++ < SPF_VOIDS)
		return true;
	spf_error(run, SPF_PERMERROR, "More than two terms find nothing");
	return false;
}

/* RFC 7208 5: what an answer without records means for all mechanisms but
   ptr */
static enum spf_step
nothing(struct spf_run *run, const struct dns_answer *answer)
{
	if (answer->status == DNS_TEMPFAIL)
		return spf_error(
		    run, SPF_TEMPERROR, "A name can't be looked up now");
	return count_void(run) ? SPF_NO_MATCH : SPF_WAIT;
}

/* ---- addresses ---- */

static bool
is_within(
    const struct spf_run *run, const struct spf_directive *d, struct ip net)
{
	struct ip ip = run->question->ip;
	return ip_in_prefix(ip, net, ip.family == 6 ? d->bits6 : d->bits4);
}

static bool
leads_here(struct spf_run *run, const struct dns_answer *answer)
{
	const struct spf_directive *d = &spf_top(run)->directive;
	for (size_t i = 0; i < answer->count; i++)
		if (is_within(run, d, answer->records[i].ip))
			return true;
	return false;
}

static enum spf_step
on_addresses(struct spf_run *run, const struct dns_answer *answer)
{
	if (answer->status != DNS_FOUND)
		return nothing(run, answer);
	return leads_here(run, answer) ? SPF_MATCH : SPF_NO_MATCH;
}

static enum spf_step
match_a(struct spf_run *run)
{
	return spf_ask_domain(
	    run, run->target, spf_address_type(run), on_addresses);
}

/* ---- mx ---- */

static enum spf_step on_host(struct spf_run *, const struct dns_answer *);

static enum spf_step
next_host(struct spf_run *run)
{
	if (run->host == run->host_count)
		return SPF_NO_MATCH;
	return spf_ask(
	    run, run->hosts[run->host++], spf_address_type(run), on_host);
}

static enum spf_step
on_host(struct spf_run *run, const struct dns_answer *answer)
{
	if (answer->status == DNS_TEMPFAIL)
		return nothing(run, answer);
	return leads_here(run, answer) ? SPF_MATCH : next_host(run);
}

static enum spf_step
on_mx(struct spf_run *run, const struct dns_answer *answer)
{
	if (answer->status != DNS_FOUND)
		return nothing(run, answer);
	/* RFC 7208 4.6.4: more than ten names: permerror */
	if (answer->count > SPF_NAMES)
		return spf_error(
		    run, SPF_PERMERROR, "A domain has more than ten MX hosts");
	run->host = run->host_count = 0;
	for (size_t i = 0; i < answer->count; i++) {
		struct str host = answer->records[i].mx.host;
		if (host.n > 0) /* RFC 7505 3: a null MX */
			run->hosts[run->host_count++] =
			    arena_str(&run->arena, host);
	}
	return next_host(run);
}

static enum spf_step
match_mx(struct spf_run *run)
{
	return spf_ask_domain(run, run->target, DNS_MX, on_mx);
}

/* ---- ptr ---- */

static enum spf_step
on_name(struct spf_run *run)
{
	if (run->names.none && !count_void(run))
		return SPF_WAIT;
	return run->macros.validated.n > 0 ? SPF_MATCH : SPF_NO_MATCH;
}

static enum spf_step
match_ptr(struct spf_run *run)
{
	return spf_find_name(run, run->target, true, on_name);
}

/* ---- exists, include ---- */

static enum spf_step
on_exists(struct spf_run *run, const struct dns_answer *answer)
{
	return answer->status == DNS_FOUND ? SPF_MATCH : nothing(run, answer);
}

/* RFC 7208 5.7: A, for clients of IPv6, too */
static enum spf_step
match_exists(struct spf_run *run)
{
	return spf_ask_domain(run, run->target, DNS_A, on_exists);
}

static enum spf_step
match_include(struct spf_run *run)
{
	return spf_open(run, run->target);
}

/* ---- directives ---- */

/* RFC 8616 4: a local part that isn't ASCII is in no name, so terms that want
   it there match nothing */
static bool
wants_what_no_name_has(const struct spf_run *run, struct str spec)
{
	return !str_is_ascii(run->macros.local) &&
	    (spf_macro_has(spec, 's') || spf_macro_has(spec, 'l'));
}

/* RFC 7208 4.8 leaves open what a name is that can't be asked for.  It doesn't
   exist; for include that is an error, as any domain without a record. */
static enum spf_step
match_target(struct spf_run *run)
{
	static spf_then *const matches[] = {
		[SPF_A] = match_a,
		[SPF_MX] = match_mx,
		[SPF_PTR] = match_ptr,
		[SPF_EXISTS] = match_exists,
		[SPF_INCLUDE] = match_include,
	};
	enum spf_mechanism mechanism = spf_top(run)->directive.mechanism;
	if (run->target.n == 0 && mechanism != SPF_INCLUDE)
		return SPF_NO_MATCH;
	return matches[mechanism](run);
}

enum spf_step
spf_match(struct spf_run *run)
{
	const struct spf_directive *d = &spf_top(run)->directive;
	if (d->mechanism == SPF_ALL)
		return SPF_MATCH;
	if (d->mechanism == SPF_IP4 || d->mechanism == SPF_IP6)
		return is_within(run, d, d->net) ? SPF_MATCH : SPF_NO_MATCH;
	if (!spf_count_term(run))
		return SPF_WAIT;
	if (wants_what_no_name_has(run, d->domain))
		return SPF_NO_MATCH;
	return spf_expand(run, d->domain, match_target);
}
