#include "lib/trust/iprev.h"

#include "lib/base/name.h"
#include "lib/net/reverse.h"

#include <stdlib.h>

enum {
	NAMES_MAX = BUDGET_IPREV - 1, /* one question is for PTR */
	DEADLINE_MS = 20000,
};

struct iprev_run {
	struct iprev_check *check;
	struct resolver *resolver;
	struct budget *budget; /* of the message, or of the connection */
	struct budget share; /* our part of it */
	struct ip ip;
	struct arena arena;
	struct dns_query query; /* one at a time: the first name mostly does */
	struct later later;
	struct timer deadline;
	size_t count, turn;
	struct str names[NAMES_MAX];
	bool temporary; /* a name that didn't answer */
};

static void
stop(struct iprev_run *run)
{
	dns_cancel(&run->query);
	later_cancel(&run->later);
	timer_stop(&run->deadline);
}

/* done() may cancel: nothing is touched after it. */
static void
finish(struct iprev_run *run, enum iprev_status status)
{
	stop(run);
	run->check->status = status;
	run->check->done(run->check);
}

static bool
take(struct iprev_run *run)
{
	return budget_take(&run->share) && budget_take(run->budget);
}

static void
charge(struct iprev_run *run)
{
	budget_charge(&run->share, run->query.answer);
	budget_charge(run->budget, run->query.answer);
}

/* ---- names ---- */

static bool
leads_back(const struct dns_answer *answer, struct ip ip)
{
	for (size_t i = 0; i < answer->count; i++)
		if (ip_eq(answer->records[i].ip, ip))
			return true;
	return false;
}

static void on_address(struct dns_query *);

static void
ask_next(struct iprev_run *run)
{
	if (run->turn < run->count && take(run))
		dns_ask(run->resolver, &run->query, run->names[run->turn],
		    run->ip.family == 6 ? DNS_AAAA : DNS_A, on_address);
	else
		finish(run, run->temporary ? IPREV_TEMPERROR : IPREV_FAIL);
}

static void
on_address(struct dns_query *query)
{
	struct iprev_run *run = container_of(query, struct iprev_run, query);
	charge(run);
	if (leads_back(query->answer, run->ip)) {
		run->check->name = run->names[run->turn];
		finish(run, IPREV_PASS);
		return;
	}
	if (query->answer->status == DNS_TEMPFAIL)
		run->temporary = true;
	run->turn++;
	ask_next(run);
}

/* Names that no host has are none: they are for headers and logs, too. */
static void
add_names(struct iprev_run *run, const struct dns_answer *answer, bool wanted)
{
	for (size_t i = 0; i < answer->count && run->count < NAMES_MAX; i++) {
		struct str name = answer->records[i].name;
		if (name_is_dns(name) &&
		    name_eq(name, run->check->wanted) == wanted)
			run->names[run->count++] = arena_str(&run->arena, name);
	}
	if (run->count > 0)
		run->check->name = run->names[0];
}

/* RFC 8601 3: a limit to the names that are looked at, because the PTRs are
   the peer's */
static void
on_names(struct dns_query *query)
{
	struct iprev_run *run = container_of(query, struct iprev_run, query);
	const struct dns_answer *answer = query->answer;
	charge(run);
	add_names(run, answer, true);
	add_names(run, answer, false);
	if (answer->status == DNS_FOUND)
		ask_next(run);
	else
		finish(run,
		    answer->status == DNS_TEMPFAIL ? IPREV_TEMPERROR
						   : IPREV_PERMERROR);
}

static void
on_spent(struct later *later)
{
	finish(container_of(later, struct iprev_run, later), IPREV_TEMPERROR);
}

static void
on_deadline(struct timer *timer)
{
	finish(
	    container_of(timer, struct iprev_run, deadline), IPREV_TEMPERROR);
}

void
iprev_start(struct iprev_check *check, struct loop *loop,
    struct resolver *resolver, struct budget *budget, struct ip ip,
    void (*done)(struct iprev_check *))
{
	struct iprev_run *run = mem_alloc(sizeof *run);
	struct buf name = { 0 };
	*check = (struct iprev_check){
		.wanted = check->wanted,
		.done = done,
		.run = run,
	};
	run->check = check;
	run->resolver = resolver;
	run->budget = budget;
	run->share = (struct budget){ BUDGET_IPREV };
	run->ip = ip;
	timer_start(&run->deadline, loop, DEADLINE_MS, on_deadline);
	reverse_name(&name, ip);
	if (take(run))
		dns_ask(
		    resolver, &run->query, buf_str(&name), DNS_PTR, on_names);
	else
		loop_later(loop, &run->later, on_spent);
	buf_free(&name);
}

void
iprev_cancel(struct iprev_check *check)
{
	struct iprev_run *run = check->run;
	if (run) {
		stop(run);
		arena_free(&run->arena);
		free(run);
	}
	*check = (struct iprev_check){ 0 };
}

const char *
iprev_status_name(enum iprev_status status)
{
	static const char *const names[] = {
		[IPREV_PASS] = "pass",
		[IPREV_FAIL] = "fail",
		[IPREV_TEMPERROR] = "temperror",
		[IPREV_PERMERROR] = "permerror",
	};
	return names[status];
}
